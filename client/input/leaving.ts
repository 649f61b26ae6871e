/** Notes when the user leaves a field whose validity the server says, or sends it with its form. */

import { find, own } from './core'
import { tell } from './told'
import { JUDGED, left } from './validity'

/** Called before handlers hear of the event. True if the field has just been left for the first time. */
export function markLeft({ type, target }: Event): boolean {
  if (!(target instanceof Element)) return false
  // A submit sends all fields of the form.
  if (type === 'submit') for (const field of own.elements(target)) left.add(field)
  const isFirst = /^(change|focusout)$/.test(type) && own.matches(target, JUDGED) && !left.has(target)
  if (isFirst) left.add(target)
  return isFirst
}

/** Has the handlers hear of a field that has just been left, if the browser does not say so by itself. */
export function noteLeft(event: Event, isFirst: boolean): void {
  const { type } = event
  const target = event.target as Element
  // The server has not judged the new text: the old message must not keep the form from being sent.
  if (type === 'input' && target instanceof Element && own.matches(target, JUDGED))
    (target as Partial<HTMLInputElement>).setCustomValidity?.('')
  if (!isFirst) return
  // The browser tells nobody if the field was left unchanged; and no handler hears of `change` if only `input` is
  // bound.
  if (type === 'focusout') tell('model', target)
  const isHeard = type === 'change' ? find(event, type) : tell('change', target)
  if (!isHeard) tell('input', target)
}
