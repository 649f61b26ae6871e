/** The values that an event sends in addition to its handler: value, checked, key, form. */

import { THEIRS } from '../dom/attributes'
import { own } from '../dom/elements'
import { forms } from './forms'
import type { Held, SpecialVars } from './live_event'

export function heldIn(target: Element): Held {
  const { value, checked, selectedOptions, form } = target as unknown as HTMLInputElement & HTMLSelectElement
  const owner = form instanceof HTMLFormElement ? form : own.closest(target, 'form')
  return { value, checked, chosen: [...(selectedOptions ?? [])], data: owner && dataOf(owner as HTMLFormElement) }
}

/** `bound` is the element with the binding, which may be around the element that the event happened at. */
export function specialVars(event: Event, bound: Element, held?: Held | false): SpecialVars {
  if (forms) return forms.formVars(event, bound, held)
  const button = [event.target, bound].find((one) => one instanceof Element && own.matches(one, 'button[value]'))
  const value = (button as HTMLButtonElement | undefined)?.value
  const given = own.getAttribute(bound, 'data-l-value')
  return { v: given ?? value, t: given === null ? undefined : value, k: (event as KeyboardEvent).key }
}

/** An element inside of an ignored one is no label, and no part of a form, outside of the ignored one. */
export function keepIn(element: Element | null | undefined): void {
  const { control, form } = (element ?? {}) as Partial<HTMLLabelElement & HTMLInputElement>
  const owner = control ?? form
  if (!element || !own.matches(element, THEIRS) || (owner && own.matches(owner, THEIRS))) return
  own.removeAttribute(element, 'for')
  own.removeAttribute(element, 'form')
}

/** The form's present values. */
export function dataOf(form: HTMLFormElement): FormData {
  for (const field of own.elements(form)) keepIn(field)
  return new FormData(form)
}
