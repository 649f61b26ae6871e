/** When a field that the server judges has been left, or sent with its form. */

import { find, own } from './core'
import { tell } from './told'
import { JUDGED, left } from './validity'

export function noteLeft(event: Event): void {
  const { type, target } = event
  if (!(target instanceof Element)) return
  // Sent, with all that is in it.
  if (type === 'submit') for (const field of own.elements(target)) left.add(field)
  if (!own.matches(target, JUDGED)) return
  // What is typed has not been judged: it is not to keep the form from being sent.
  if (type === 'input') (target as Partial<HTMLInputElement>).setCustomValidity?.('')
  if (!/^(change|focusout)$/.test(type) || left.has(target)) return
  left.add(target)
  // Nobody says so if it was left as it was, or if only what is typed is heard of.
  if (type === 'focusout') tell('model', target)
  const isHeard = type === 'change' ? find(event, type) : tell('change', target)
  if (!isHeard) tell('input', target)
}
