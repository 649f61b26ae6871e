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
  /** It is to be sent again. */
  due: boolean
  /** It has been sent again. */
  again: boolean
  /** Sent on this connection, and without an answer since. */
  underWay: boolean
}

/** A server that never sends a checkpoint must not fill the page's memory. */
const MOST_KEPT = 2000

let issued = 0

/** How many events this page has made so far. */
export function issuedSoFar(): number {
  return issued
}

export function issue(event: LiveEvent, settle?: () => void, form?: HTMLFormElement): Issued {
  return { seq: ++issued, event, settle, form, madeAt: Date.now(), number: 0, answered: false, due: false, again: false, underWay: false }
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
  /** Takes what is due again and then what waits, with numbers, until so many are under way. */
  take(most: number): Issued[]
  /** The server is at that number: everything after it is due again. */
  resume(number: number): void
  /** What was under way up to that number has arrived. */
  arrived(number: number): void
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
      const room = Math.max(0, most - outbox.sent.filter(({ underWay }) => underWay).length)
      const again = outbox.sent.filter(({ due }) => due).slice(0, room)
      const fresh = outbox.waiting.splice(0, room - again.length)
      for (const item of fresh) item.number = ++last
      outbox.sent.push(...fresh)
      if (outbox.sent.length > MOST_KEPT) outbox.checkpoint(last - MOST_KEPT)
      const taken = [...again, ...fresh]
      for (const item of taken) {
        item.due = false
        item.underWay = true
      }
      return taken
    },
    resume(number) {
      for (const item of outbox.sent) {
        item.underWay = false
        item.due = item.again = item.number > number
      }
    },
    arrived(number) {
      for (const item of outbox.sent) if (item.number <= number) item.underWay = false
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
