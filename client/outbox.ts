/**
 * A component's events on their way: made, sent, answered. Sent ones are kept until a checkpoint includes them, so
 * that they can be sent again, to this server or to another that knows the checkpoint only.
 */

import type { SpecialVars } from './special_vars'

export interface LiveEvent {
  handler: string
  type: string
  vars: SpecialVars
}

export interface Issued {
  /** Counts the page's events; what a field's last change is compared with. */
  seq: number
  event: LiveEvent
  /** Ends the loading state. */
  settle: (() => void) | undefined
  /** The submitted form, whose fields return to the server's values with the answer. */
  form: HTMLFormElement | undefined
  madeAt: number
  /** Its number among its component's, once it is sent. */
  number: number
  answered: boolean
}

/** A server that never sends a checkpoint must not fill the page's memory. */
const MOST_KEPT = 2000

let issued = 0

/** How many events this page has made so far. */
export function issuedSoFar(): number {
  return issued
}

export function issue(event: LiveEvent, settle?: () => void, form?: HTMLFormElement): Issued {
  return { seq: ++issued, event, settle, form, madeAt: Date.now(), number: 0, answered: false }
}

export interface Outbox {
  /** Made, but never sent. */
  waiting: Issued[]
  /** Sent, and not in a checkpoint. */
  sent: Issued[]
  /** Everything after this number is kept. */
  keptFrom: number
  /** Sent, and without an answer. */
  unanswered(): Issued[]
  /** Takes what waits, with numbers, until so many have no answer. */
  take(most: number): Issued[]
  /** Everything up to that number has its answer: gives what had none before. */
  answer(number: number): Issued[]
  /** A checkpoint includes everything up to that number; without one, nothing that was sent can be repeated. */
  checkpoint(number: number): void
}

export function createOutbox(): Outbox {
  let last = 0

  const outbox: Outbox = {
    waiting: [],
    sent: [],
    keptFrom: 0,
    unanswered: () => outbox.sent.filter((item) => !item.answered),
    take(most) {
      const taken = outbox.waiting.splice(0, Math.max(0, most - outbox.unanswered().length))
      for (const item of taken) item.number = ++last
      outbox.sent.push(...taken)
      if (outbox.sent.length > MOST_KEPT) outbox.checkpoint(last - MOST_KEPT)
      return taken
    },
    answer(number) {
      const items = outbox.unanswered().filter((item) => item.number <= number)
      for (const item of items) {
        item.answered = true
        item.settle?.()
      }
      return items
    },
    checkpoint(number) {
      outbox.keptFrom = number
      outbox.sent = outbox.sent.filter((item) => item.number > number || !item.answered)
    },
  }
  return outbox
}
