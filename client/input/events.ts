/**
 * From the browser's events to a component's: one listener per type at the document, the nearest element with the
 * binding, and that element's nearest container.
 */

import { CONTAINER, isOn, OURS, THEIRS } from '../dom/attributes'
import { own } from '../dom/elements'
import { isQuiet } from './focus'
import { afterForms, finer, forms, isWaiting, need } from './forms'
import type { Binding, Receiver, SpecialVars } from './live_event'
import { atRest } from './loading'
import { heldIn, keepIn, specialVars } from './special_vars'

const TYPES = ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']

/** By the name that bubbles. */
const NATIVE: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }

/** Of a form's `method` or a button's `formmethod`. */
const DIALOG = 'form[method=dialog i],[formmethod=dialog i]'

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
  for (const type of TYPES) listenTo(NATIVE[type] ?? type, (event) => find(event, type))
  for (const type of ['reset', 'compositionstart', 'compositionend']) own.addEventListener(document, type, hear, true)
  own.addEventListener(window, 'pagehide', () => receivers.forEach((receiver) => receiver.flush()))
}

/** `look` gives the binding that an event of the type is for. */
export function listenTo(type: string, look: (event: Event) => Binding | undefined): void {
  own.addEventListener(document, type, (event) => down(event, look), true)
  own.addEventListener(document, type, (event) => {
    const handleOne = (binding: Binding | undefined) => binding && handle(event, binding)
    const binding = bindings.get(event)
    // Which form a field belongs to is known when the file is there.
    if (!binding && isWaiting()) afterForms(() => handleOne(look(event)))
    else handleOne(binding)
  })
}

/** An attribute of the element counts for all its bindings, a modifier for its own. */
function has({ element, attribute }: Binding, word: string): boolean {
  return isOn(element, word) || attribute.split('.').includes(word)
}

function down(event: Event, look: (event: Event) => Binding | undefined): void {
  hear(event)
  keepIn(near(event, '[for]:not(form),[form]:not(form)'))
  const binding = look(event)
  if (!binding) return
  const { element } = binding
  const target = event.target as Element
  const isStopped = has(binding, 'stop') && own.contains(element, target)
  // Browsers stop a submit by themselves, at a form that is around its form: it would send the page elsewhere.
  const isInner = event.type === 'submit' && near(event, 'form form')
  if (event.bubbles && !isStopped && !isInner) {
    bindings.set(event, binding)
    return
  }
  // Stopped where it is bound, not at the document, so that no listener between the two sees it. What does not bubble
  // never comes to the document again.
  const stop = (now: Event) => {
    if (now !== event) return
    if (isStopped) now.stopPropagation()
    handle(now, binding)
  }
  own.addEventListener(isInner && !isStopped ? target : element, event.type, stop, { once: true })
}

/** What the fields make of it comes before its handler. */
function hear(event: Event): void {
  // Scripts put fields into the page, too.
  if (event.type === 'input' && near(event, CONTAINER)) need()
  afterForms(() => forms?.heard(event))
}

export function find(event: Event, type: string): Binding | undefined {
  const attribute = `data-l-${type}`
  const selector = `[${attribute}]${OURS}`
  const plain = forms?.bound(event, type, selector) ?? near(event, selector)
  return finer?.findFiner(event, type, plain) ?? bindingOf(event, plain, type, attribute)
}

export function bindingOf(
  event: Event,
  element: Element | null | undefined,
  type: string,
  attribute: string,
): Binding | undefined {
  const container = element && own.closest(element, CONTAINER)
  // Their forms are sent elsewhere.
  if (!element || !container || (type === 'submit' && near(event, THEIRS))) return
  return { element, container, type, attribute }
}

export function handle(event: Event, binding: Binding): void {
  const { element, container, type, attribute } = binding
  if (isQuiet() || own.matches(element, ':disabled')) return
  // Keys that choose among an input method's proposals are not the page's.
  if ((event as KeyboardEvent).key && (event as KeyboardEvent).isComposing) return
  const { submitter, target } = event as SubmitEvent
  const form = type === 'submit' && (target as HTMLFormElement)
  // Cancel: the browser closes the dialog, and nobody else is meant.
  if (submitter && own.matches(submitter, DIALOG)) return
  // A form whose own method it is closes its dialog as well.
  if ((form && (submitter?.hasAttribute('formmethod') || !own.matches(form, DIALOG))) || has(binding, 'prevent'))
    event.preventDefault()
  const handler = own.getAttribute(element, attribute)
  if (!handler || finer?.isSpent(binding)) return
  // The user goes on to fill it in.
  const held = isWaiting() && heldIn(target as Element)
  const isLost = afterForms(() => {
    let vars: SpecialVars = {}
    // What a button says while it waits is not its value.
    atRest(() => (vars = { ...specialVars(event, element, held), ...finer?.detailOf(event, binding) }))
    const trigger = form || type === 'click' ? { element, submitter, form } : undefined
    receivers.get(container)?.issue({ handler, type, vars, attribute }, element, trigger)
  })
  if (isLost) receivers.get(container)?.giveUp({ handler, type, vars: {}, attribute })
}
