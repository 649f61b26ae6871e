/**
 * From the browser's events to a component's: one listener per type at the document, the nearest element with the
 * binding, and that element's nearest container.
 */

import { CONTAINER, debounceOf, isOn, OURS, THEIRS } from './attributes'
import { own } from './dom'
import { changed, compositionEnded, compositionStarted, forget } from './fields'
import { isQuiet, noteTyping } from './focus'
import { atRest } from './loading'
import { components } from './page'
import { formOf, keepIn, specialVars, type SpecialVars } from './special_vars'

const TYPES = ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']

/** By the name that bubbles. */
const NATIVE: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }

/** Of a form's `method` or a button's `formmethod`. */
const DIALOG = 'form[method=dialog i],[formmethod=dialog i]'

interface Binding {
  element: Element
  container: Element
  type: string
}

/** Found on the way down: on the way up a page's own listener may have taken the element out of its container. */
const bindings = new WeakMap<Event, Binding>()

/** A key is held, and what comes is its repetition: a page that goes elsewhere at the first would not see it. */
let isHeld = false

/** Not everything that events happen at is an element. */
function near({ target }: Event, selector: string): Element | null {
  return target instanceof Element ? own.closest(target, selector) : null
}

export function listen(): void {
  for (const type of TYPES) {
    const native = NATIVE[type] ?? type
    own.addEventListener(document, native, (event) => down(event, native, type), true)
    own.addEventListener(document, native, (event) => {
      const binding = bindings.get(event)
      if (binding) handle(event, binding)
    })
  }
  own.addEventListener(document, 'reset', wasReset, true)
  own.addEventListener(document, 'compositionstart', compositionStarted, true)
  own.addEventListener(document, 'compositionend', compositionEnded, true)
  own.addEventListener(window, 'pagehide', () => components.forEach((component) => component.flush()))
}

function down(event: Event, native: string, type: string): void {
  if (type === 'input') changed(event.target)
  noteTyping(type)
  const { key, detail, repeat } = event as KeyboardEvent
  if (key || detail) isHeld = repeat
  if (type === 'change' || type === 'blur') components.get(near(event, CONTAINER) as Element)?.flush()
  keepIn(near(event, '[for]:not(form),[form]:not(form)'))
  const binding = find(event, type)
  if (!binding) return
  const { element } = binding
  if (!isOn(element, 'stop') || !own.contains(element, event.target as Node)) {
    bindings.set(event, binding)
    return
  }
  // Stopped where it is bound, not at the document, so that no listener between the two sees it.
  const stop = (now: Event) => {
    if (now !== event) return
    now.stopPropagation()
    handle(now, binding)
  }
  own.addEventListener(element, native, stop, { once: true })
}

function find(event: Event, type: string): Binding | undefined {
  const selector = `[data-l-${type}]${OURS}`
  let element = near(event, selector)
  const field = /^(input|change|reset)$/.test(type) && near(event, '*')
  const form = field && formOf(field)
  // As if the field stood in its form.
  if (form && !own.contains(form, field) && (!element || own.contains(element, form)))
    element = own.closest(form, selector)
  const container = element && own.closest(element, CONTAINER)
  // Their forms are sent elsewhere.
  if (!element || !container || (type === 'submit' && near(event, THEIRS))) return
  return { element, container, type }
}

function handle(event: Event, { element, container, type }: Binding): void {
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
  const component = components.get(container)
  const handler = own.getAttribute(element, `data-l-${type}`)
  if (!component || !handler || (form && isHeld)) return
  let vars: SpecialVars = {}
  // What a button says while it waits is not its value.
  atRest(() => (vars = specialVars(event, element)))
  const trigger = form || type === 'click' ? { element, submitter, form } : undefined
  component.issue({ handler, type, vars }, element, debounceOf(element, type), trigger)
}

/** Has a handler hear of what the browser did as if the user had, if the element with the binding is accepted. */
export function tell(type: string, target: Element, accepts: (element: Element) => boolean = () => true): void {
  const now = { type, target, preventDefault() {} } as unknown as Event
  const binding = find(now, type)
  if (binding && accepts(binding.element)) handle(now, binding)
}

/** The browser tells nobody that it changes fields: handlers hear of it as if the user had. */
function wasReset(event: Event): void {
  // It does so when everybody has heard of the reset.
  setTimeout(() => {
    const form = event.target as HTMLFormElement
    for (const target of event.defaultPrevented ? [] : [...own.elements(form), form]) {
      const isForm = target === form
      const { type: kind, checked } = target as HTMLInputElement
      // Of radio buttons, the one that is chosen speaks.
      if (!isForm && (!forget(target) || (kind === 'radio' && !checked))) continue
      for (const type of ['input', 'change', 'reset']) {
        // What is around the form hears of it once.
        tell(type, target, (element) => own.contains(element, form) === isForm)
      }
    }
  })
}
