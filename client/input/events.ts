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

/** The names of the same events that bubble. */
const NATIVE: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }

/** Of a form's `method` or a button's `formmethod`. */
const DIALOG = 'form[method=dialog i],[formmethod=dialog i]'

/** The components that get events, by their containers. */
let receivers: ReadonlyMap<Element, Receiver>

/** Found on the way down: on the way up a page's own listener may have taken the element out of its container. */
const bindings = new WeakMap<Event, Binding>()

/** The target of an event need not be an element. */
function near({ target }: Event, selector: string): Element | null {
  return target instanceof Element ? own.closest(target, selector) : null
}

/** From now on the components in this map get events. The map changes: it is read when an event happens. */
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
    // The field's form, and so the binding, is known only when the file for fields is there.
    if (!binding && isWaiting()) afterForms(() => handleOne(look(event)))
    else handleOne(binding)
  })
}

/** Does the word hold for the binding? An attribute of the element counts for all its bindings, a modifier for one. */
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
  // If a form is inside of another one, browsers stop its submit at the outer form. The page would be sent elsewhere.
  const isInner = event.type === 'submit' && near(event, 'form form')
  if (event.bubbles && !isStopped && !isInner) {
    bindings.set(event, binding)
    return
  }
  // The event is stopped at the element with the binding, and not at the document, so that no listener between the two
  // sees it. An event that does not bubble never comes to the document again.
  const stop = (now: Event) => {
    if (now !== event) return
    if (isStopped) now.stopPropagation()
    handle(now, binding)
  }
  own.addEventListener(isInner && !isStopped ? target : element, event.type, stop, { once: true })
}

/** The fields hear of an event before its handler does. */
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
  // A form inside of an ignored element is not the component's.
  if (!element || !container || (type === 'submit' && near(event, THEIRS))) return
  return { element, container, type, attribute }
}

export function handle(event: Event, binding: Binding): void {
  const { element, container, type, attribute } = binding
  if (isQuiet() || own.matches(element, ':disabled')) return
  // A key that chooses among an input method's proposals is not meant for the page.
  if ((event as KeyboardEvent).key && (event as KeyboardEvent).isComposing) return
  const { submitter, target } = event as SubmitEvent
  const form = type === 'submit' && (target as HTMLFormElement)
  // A Cancel button: the browser closes the dialog, and no handler is called.
  if (submitter && own.matches(submitter, DIALOG)) return
  // A form whose own method is `dialog` has a handler, and the browser closes its dialog as well.
  if ((form && (submitter?.hasAttribute('formmethod') || !own.matches(form, DIALOG))) || has(binding, 'prevent'))
    event.preventDefault()
  const handler = own.getAttribute(element, attribute)
  if (!handler || finer?.isSpent(binding)) return
  // Values are read now, since the user goes on to fill the form in.
  const held = isWaiting() && heldIn(target as Element)
  const isLost = afterForms(() => {
    let vars: SpecialVars = {}
    // The text that a button shows while it waits is not its value.
    atRest(() => (vars = { ...specialVars(event, element, held), ...finer?.detailOf(event, binding) }))
    const trigger = form || type === 'click' ? { element, submitter, form } : undefined
    receivers.get(container)?.issue({ handler, type, vars, attribute }, element, trigger)
  })
  if (isLost) receivers.get(container)?.giveUp({ handler, type, vars: {}, attribute })
}
