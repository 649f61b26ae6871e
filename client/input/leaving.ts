/** When a field that the server judges has been left, or sent with its form. */

import { own } from './core'
import { tell } from './told'
import { JUDGED, left } from './validity'

export function noteLeft({ type, target }: Event): void {
  if (!(target instanceof Element)) return
  // Sent, with all that is in it.
  if (type === 'submit') for (const field of own.elements(target)) left.add(field)
  if (!own.matches(target, JUDGED)) return
  // What is typed has not been judged: it is not to keep the form from being sent.
  if (type === 'input') (target as Partial<HTMLInputElement>).setCustomValidity?.('')
  if (!/^(change|focusout)$/.test(type) || left.has(target)) return
  left.add(target)
  // Left as it was: nobody else says so.
  if (type === 'focusout' && !tell('change', target)) tell('input', target)
}
