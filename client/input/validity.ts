/**
 * Fields that say whether they are valid: those with `data-l-validity`, which has the server's message for the field. A
 * form with such fields tells the server which of them the user has left, since only the errors of these are shown.
 */

import { own, root } from './core'

/** The fields whose validity the server says. */
export const JUDGED = '[data-l-validity]'

/** The fields that the user has left, or has sent. */
export const left = new WeakSet<Element>()

/** Makes the server's message the browser's own message for the field, until somebody types into the field. */
export function showValidity(field: Element): void {
  const message = own.getAttribute(field, 'data-l-validity')
  if (message !== null) (field as Partial<HTMLInputElement>).setCustomValidity?.(message)
}

export function forgetLeft(form: HTMLFormElement): void {
  for (const field of own.elements(form)) left.delete(field)
}

/** The names of the fields that the user has left; undefined if the server judges none of the form's fields. */
export function leftIn(form: HTMLFormElement): string[] | undefined {
  const fields = [...own.elements(form)]
  if (!fields.some((field) => own.matches(field, JUDGED))) return
  const names = fields.filter((field) => left.has(field)).map((field) => own.getAttribute(field, 'name') ?? '')
  return [...new Set(names)].filter((name) => name)
}

/** Focuses the first invalid field, unless the focus is outside of the form by now. */
export function focusInvalid(form: HTMLFormElement): void {
  const active = own.activeElement(document)
  const field = [...own.elements(form)].find((field) => own.getAttribute(field, 'aria-invalid') === 'true')
  const isHere = !active || own.matches(active, 'body') || (active as HTMLInputElement).form === form
  if (field && isHere && root.contains(field)) (field as HTMLInputElement).focus()
}
