/**
 * From the browser's events to a component's: one listener per type at the document, the nearest element with the
 * binding, and that element's nearest container.
 */

import { CONTAINER, isOn, OURS, THEIRS } from '../dom/attributes'
import { own } from '../dom/elements'
import { isQuiet } from './focus'
import { afterForms, forms, isWaiting, need } from './forms'
import type { Binding, LiveEvent, SpecialVars, Trigger } from './live_event'
import { atRest } from './loading'
import { heldIn, keepIn, specialVars } from './special_vars'

const TYPES = ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']

/** By the name that bubbles. */
const NATIVE: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }

/** Of a form's `method` or a button's `formmethod`. */
const DIALOG = 'form[method=dialog i],[formmethod=dialog i]'

/** What gets the events of a container. */
export interface Receiver {
  /** Perhaps when the element has made no other event of the type for a while. */
  issue(event: LiveEvent, element: Element, trigger: Trigger | undefined): void
  /** Tells the page that the event is lost, since too much waits for the file for fields. */
  giveUp(event: LiveEvent): void
  /** Sends what waits for a pause. */
  flush(): void
}

/** By their containers. */
let receivers: ReadonlyMap<Element, Receiver>

/** Found on the way down: on the way up a page's own listener may have taken the element out of its container. */
const bindings = new WeakMap<Event, Binding>()

/** Not everything that events happen at is an element. */
function near({ target }: Event, selector: string): Element | null {
  return target instanceof Element ? own.closest(target, selector) : null
}

/** From now on these get their events: whoever is among them when an event happens. */
export function listen(to: typeof receivers): void {
  receivers = to
  for (const type of TYPES) {
    const native = NATIVE[type] ?? type
    own.addEventListener(document, native, (event) => down(event, native, type), true)
    own.addEventListener(document, native, (event) => {
      const handleOne = (binding: Binding | undefined) => binding && handle(event, binding)
      const binding = bindings.get(event)
      // Which form a field belongs to is known when the file is there.
      if (!binding && isWaiting()) afterForms(() => handleOne(find(event, type)))
      else handleOne(binding)
    })
  }
  for (const type of ['reset', 'compositionstart', 'compositionend']) own.addEventListener(document, type, hear, true)
  own.addEventListener(window, 'pagehide', () => receivers.forEach((receiver) => receiver.flush()))
}

function down(event: Event, native: string, type: string): void {
  hear(event)
  keepIn(near(event, '[for]:not(form),[form]:not(form)'))
  const binding = find(event, type)
  if (!binding) return
  const { element } = binding
  const target = event.target as Element
  const isStopped = isOn(element, 'stop') && own.contains(element, target)
  // Browsers stop a submit by themselves, at a form that is around its form: it would send the page elsewhere.
  if (!isStopped && !(type === 'submit' && near(event, 'form form'))) {
    bindings.set(event, binding)
    return
  }
  // Stopped where it is bound, not at the document, so that no listener between the two sees it.
  const stop = (now: Event) => {
    if (now !== event) return
    if (isStopped) now.stopPropagation()
    handle(now, binding)
  }
  own.addEventListener(isStopped ? element : target, native, stop, { once: true })
}

/** What the fields make of it comes before its handler. */
function hear(event: Event): void {
  // Scripts put fields into the page, too.
  if (event.type === 'input' && near(event, CONTAINER)) need()
  afterForms(() => forms?.heard(event))
}

export function find(event: Event, type: string): Binding | undefined {
  const selector = `[data-l-${type}]${OURS}`
  const element = forms?.bound(event, type, selector) ?? near(event, selector)
  const container = element && own.closest(element, CONTAINER)
  // Their forms are sent elsewhere.
  if (!element || !container || (type === 'submit' && near(event, THEIRS))) return
  return { element, container, type }
}

export function handle(event: Event, { element, container, type }: Binding): void {
  if (isQuiet() || own.matches(element, ':disabled')) return
  // Keys that choose among an input method's proposals are not the page's.
  if ((event as KeyboardEvent).key && (event as KeyboardEvent).isComposing) return
  const { submitter, target } = event as SubmitEvent
  const form = type === 'submit' && (target as HTMLFormElement)
  // Cancel: the browser closes the dialog, and nobody else is meant.
  if (submitter && own.matches(submitter, DIALOG)) return
  // A form whose own method it is closes its dialog as well.
  if ((form && (submitter?.hasAttribute('formmethod') || !own.matches(form, DIALOG))) || isOn(element, 'prevent'))
    event.preventDefault()
  const handler = own.getAttribute(element, `data-l-${type}`)
  if (!handler) return
  // The user goes on to fill it in.
  const held = isWaiting() && heldIn(target as Element)
  const isLost = afterForms(() => {
    let vars: SpecialVars = {}
    // What a button says while it waits is not its value.
    atRest(() => (vars = specialVars(event, element, held)))
    const trigger = form || type === 'click' ? { element, submitter, form } : undefined
    receivers.get(container)?.issue({ handler, type, vars }, element, trigger)
  })
  if (isLost) receivers.get(container)?.giveUp({ handler, type, vars: {} })
}
