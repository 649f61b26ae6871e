/**
 * Changes of the user that the server has not taken. While a form has any, the form and its component's container have
 * `data-l-dirty`. Only forms with a submit that a component handles count: changes of other fields are told at once.
 */

import { find, isOn, own, root } from './core'
import { formOf, isControl } from './controls'
import { recovery } from './recovery'
import { resetSelect } from './select'

/** The field's value when the server last took the field, or rendered it. */
const clean = new WeakMap<Element, string | undefined>()
/** The fields that the user has changed since then. */
const touched = new WeakSet<Element>()
/** The dirty forms of the page, and the containers of their components. */
const dirty = new Map<HTMLFormElement, Element>()

/** The server sends the page elsewhere: then the user is not asked. */
let isSent = false

export function leave(): void {
  isSent = true
}

/** Does the field hold something that the server has not taken? */
export function isDirty(field: Element): boolean {
  return touched.has(field) && heldBy(field) !== clean.get(field)
}

/** The field's value as a text, so that two states can be compared. The default of a custom element is unknown. */
function heldBy(field: Element, isDefault = false): string | undefined {
  const { type, checked, defaultChecked, defaultValue } = field as HTMLInputElement
  if (/^(checkbox|radio)$/.test(type)) return `${isDefault ? defaultChecked : checked}`
  const other = (isDefault ? own.cloneNode(field, true) : field) as HTMLInputElement | HTMLSelectElement
  if ('options' in other) {
    if (isDefault) resetSelect(other)
    return String(Array.from(other.selectedOptions, ({ value }) => encodeURIComponent(value)))
  }
  if (isDefault) {
    if (own.localName(field).includes('-')) return
    // Has the browser normalize the default as it does a value: for a range, 10.0 becomes 10.
    other.value = type === 'file' ? '' : defaultValue
  }
  return other.value
}

/** The user has changed this. */
export function touch(target: EventTarget | null): void {
  const form = isControl(target) && formOf(target)
  if (!form) return
  isSent = false
  if (!clean.has(target)) clean.set(target, heldBy(target, true))
  touched.add(target)
  update(form)
  recovery?.note(form)
}

/** The server has taken the field's value, or the user has taken the change back. */
export function settleDirt(field: Element, isKept = false): void {
  touched.delete(field)
  if (isKept) clean.set(field, heldBy(field))
  else clean.delete(field)
}

/** The server has taken the form's values, apart from those that the user has typed since. */
export function settleForm(form: HTMLFormElement): void {
  update(form)
  recovery?.taken(form)
}

/** After a patch, which may have changed fields and taken forms away. */
export function updateAll(): void {
  for (const form of dirty.keys()) update(form)
  recovery?.look()
}

function update(form: HTMLFormElement): void {
  const container = dirty.get(form) ?? find({ type: 'submit', target: form } as unknown as Event, 'submit')?.container
  if (!container) return
  const isNow = own.contains(root, form) && Array.from(own.elements(form)).some(isDirty)
  if (isNow) dirty.set(form, container)
  else dirty.delete(form)
  mark(form, isNow)
  mark(
    container,
    Array.from(dirty).some(([, one]) => one === container),
  )
  const asks = [...dirty.keys()].some((one) => isOn(one, 'confirm-leave'))
  // Only while something can be lost: some browsers do not keep a page with this listener for a way back.
  own[asks ? 'addEventListener' : 'removeEventListener'](window, 'beforeunload', ask)
}

function mark(element: Element, isNow: boolean): void {
  if ((own.getAttribute(element, 'data-l-dirty') !== null) === isNow) return
  if (isNow) own.setAttribute(element, 'data-l-dirty', '')
  else own.removeAttribute(element, 'data-l-dirty')
}

function ask(event: Event): void {
  if (isSent) return
  event.preventDefault()
  // Older browsers ask only if this is set.
  Reflect.set(event, 'returnValue', true)
}
