/** Sets fields, with the events that a browser fires when a user does so. */

import type { FieldValue } from '../../testing'
import type { Window } from './window'
import { failure, one } from './find'
import { tagOf } from './markup'

const fire = (window: Window, element: Element, type: string, more: object = {}): boolean =>
  element.dispatchEvent(new window.Event(type, { bubbles: true, ...more }))

export function focus(element: Element): void {
  ;(element as HTMLElement).focus()
}

/** The focus leaves the field, as when the user goes on to the next one. */
function leave(element: Element): void {
  ;(element as HTMLElement).blur()
}

function setOf(element: Element, name: 'value' | 'checked'): (value: unknown) => void {
  // The setter of the prototype: a framework's property, or a field of that name, can hide the element's own.
  for (let at: object | null = element; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const set = at === element ? undefined : Object.getOwnPropertyDescriptor(at, name)?.set
    if (set !== undefined) return set.bind(element)
  }
  return (value) => {
    Reflect.set(element, name, value)
  }
}

/** Gives one field a value. */
export function fill(window: Window, container: Element, element: Element, value: FieldValue, what: string): void {
  const input = element as HTMLInputElement
  if (element.matches(':disabled') || (input.readOnly && typeof value === 'string'))
    throw failure(
      `${what}: ${tagOf(element)} is ${input.readOnly ? 'readonly' : 'disabled'}, and nobody can fill it`,
      container,
    )
  focus(element)
  const type = element.localName === 'input' ? input.type : element.localName
  if (type === 'checkbox' || type === 'radio') check(container, input, value, what)
  else if (type === 'select') choose(window, container, element as HTMLSelectElement, value, what)
  else if (type === 'file') throw failure(`${what}: ${tagOf(element)} takes files; use page.upload`, container)
  else if (type === 'input' || type === 'textarea' || element.localName === 'input') {
    setOf(element, 'value')(String(value))
    fire(window, element, 'input')
    fire(window, element, 'change')
  } else if (element.hasAttribute('contenteditable')) {
    element.textContent = String(value)
    fire(window, element, 'input')
  } else throw failure(`${what}: ${tagOf(element)} is no field`, container)
  leave(element)
}

function check(container: Element, input: HTMLInputElement, value: FieldValue, what: string): void {
  if (typeof value !== 'boolean')
    throw failure(`${what}: ${tagOf(input)} takes true or false, and not ${JSON.stringify(value)}`, container)
  if (input.checked === value) return
  if (input.type === 'radio' && !value)
    throw failure(`${what}: nobody can take back the choice of ${tagOf(input)}; choose another one`, container)
  input.click()
}

function choose(window: Window, container: Element, select: HTMLSelectElement, value: FieldValue, what: string): void {
  const wanted = (Array.isArray(value) ? value : [value]).map(String)
  const options = [...select.options]
  for (const one of wanted) {
    if (!options.some((option) => option.value === one)) {
      const there = options.map((option) => JSON.stringify(option.value)).join(', ')
      throw failure(`${what}: ${tagOf(select)} has no option ${JSON.stringify(one)}; there are ${there}`, container)
    }
  }
  for (const option of options) option.selected = wanted.includes(option.value)
  fire(window, select, 'input')
  fire(window, select, 'change')
}

/** Gives the fields of a form values, by their names. */
export function fillForm(
  window: Window,
  container: Element,
  form: Element,
  values: Readonly<Record<string, FieldValue>>,
  what: string,
): void {
  for (const [name, value] of Object.entries(values)) {
    const named = `[name="${name.replaceAll(/["\\]/g, '\\$&')}"]`
    const fields = [...form.querySelectorAll(named)].filter((field) => field.localName !== 'button')
    const [first] = fields
    const type = (first as Partial<HTMLInputElement> | undefined)?.type
    // If several fields have one name, the value says which of them is meant, as in a form that is sent.
    if ((type === 'radio' || (type === 'checkbox' && fields.length > 1)) && typeof value !== 'boolean') {
      const wanted = (Array.isArray(value) ? value : [value]).map(String)
      for (const one of wanted)
        if (!fields.some((field) => (field as HTMLInputElement).value === one))
          throw failure(`${what}: the field ${JSON.stringify(name)} has no choice ${JSON.stringify(one)}`, container)
      for (const field of fields as HTMLInputElement[]) {
        const isWanted = wanted.includes(field.value)
        if (isWanted || type === 'checkbox') fill(window, container, field, isWanted, what)
      }
    } else fill(window, container, one(form, named, {}, what), value, what)
  }
}
