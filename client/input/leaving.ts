/** When a field that the server judges has been left, or sent with its form. */

import { find, own } from './core'
import { tell } from './told'
import { JUDGED, left } from './validity'

/** Before anybody is told of the event. True if the field has just been left for the first time. */
export function markLeft({ type, target }: Event): boolean {
  if (!(target instanceof Element)) return false
  // Sent, with all that is in it.
  if (type === 'submit') for (const field of own.elements(target)) left.add(field)
  const isFirst = /^(change|focusout)$/.test(type) && own.matches(target, JUDGED) && !left.has(target)
  if (isFirst) left.add(target)
  return isFirst
}

/** Has the handlers hear of a field that has just been left, if the browser does not say so by itself. */
export function noteLeft(event: Event, isFirst: boolean): void {
  const { type } = event
  const target = event.target as Element
  // What is typed has not been judged: it is not to keep the form from being sent.
  if (type === 'input' && target instanceof Element && own.matches(target, JUDGED))
    (target as Partial<HTMLInputElement>).setCustomValidity?.('')
  if (!isFirst) return
  // Nobody says so if it was left as it was, or if only what is typed is heard of.
  if (type === 'focusout') tell('model', target)
  const isHeard = type === 'change' ? find(event, type) : tell('change', target)
  if (!isHeard) tell('input', target)
}
