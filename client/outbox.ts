/**
 * A component's events on their way: made, sent, answered, each in the order of the one before. The server answers
 * every event once and in order, so an answer belongs to the oldest that has none.
 */

import type { LiveEvent } from './wire'

export interface Issued {
  /** Counts the page's events; what a field's last change is compared with. */
  seq: number
  event: LiveEvent
  /** Ends the loading state. */
  settle: (() => void) | undefined
  /** The submitted form, whose fields return to the server's values with the answer. */
  form: HTMLFormElement | undefined
  sentAt: number
}

let issued = 0

/** How many events this page has made so far. */
export function issuedSoFar(): number {
  return issued
}

export function issue(event: LiveEvent, settle?: () => void, form?: HTMLFormElement): Issued {
  return { seq: ++issued, event, settle, form, sentAt: 0 }
}
