/**
 * A component's events on their way: made, sent, answered. Sent ones are kept until a checkpoint includes them, so
 * that they can be sent again, to this server or to another that knows the checkpoint only.
 */

import type { LiveEvent, Made, Trigger } from '../input/live_event'
import { settle } from '../input/loading'

export interface Issued extends Made {
  /** Number of the event among all that the page has made. A field's last change is compared with this number. */
  seq: number
  /**
   * In the page's own time, which nobody sets back or forward. While a machine sleeps it may stand still: an event is
   * then younger than it is by the clock on the wall, and `eventAge` counts the time that the machine was awake.
   */
  madeAt: number
  /** The event's number among those of its component, once the event is sent; 0 before. */
  number: number
  /** It has been sent before. */
  again: boolean
}

/** A server that never sends a checkpoint must not fill the page's memory. */
const MOST_KEPT = 2000

let issued = 0

/** How many events this page has made so far. */
export function issuedSoFar(): number {
  return issued
}

export function issue(event: LiveEvent, trigger?: Trigger): Issued {
  return { seq: ++issued, event, trigger, madeAt: performance.now(), number: 0, again: false }
}

export interface Outbox {
  /** Made, but never sent. */
  waiting: Issued[]
  /** Sent, and in no checkpoint, in the order of their numbers. */
  sent: Issued[]
  /** The shown state includes all events up to this number: they have their answers. */
  seen: number
  /** All events after this number are kept. */
  keptFrom: number
  /** Sent, and without an answer. */
  unanswered(): Issued[]
  /**
   * Takes events to send, until `most` are under way: first those that are due again, then waiting ones, with new
   * numbers.
   */
  take(most: number): Issued[]
  /** The server's state includes the events up to that number: all after it are due again. */
  resume(number: number): void
  /** The events up to that number have arrived at the server. */
  arrived(number: number): void
  /** All events up to that number have their answers. Returns those that had no answer before. */
  answer(number: number): Issued[]
  /**
   * A checkpoint includes all events up to that number. `Infinity`: there is no checkpoint, and no sent event can be
   * repeated.
   */
  checkpoint(number: number): void
}

export function createOutbox(): Outbox {
  let last = 0
  /** The events under way on this connection have numbers above `arrived`, up to and including `gone`. */
  let arrived = 0
  let gone = 0

  const outbox: Outbox = {
    waiting: [],
    sent: [],
    seen: 0,
    keptFrom: 0,
    unanswered: () => outbox.sent.filter(({ number }) => number > outbox.seen),
    take(most) {
      const room = most - outbox.sent.filter(({ number }) => number > arrived && number <= gone).length
      const again = outbox.sent.filter(({ number }) => number > gone).slice(0, room)
      const fresh = outbox.waiting.splice(0, room - again.length)
      for (const item of fresh) item.number = ++last
      outbox.sent.push(...fresh)
      if (outbox.sent.length > MOST_KEPT) outbox.checkpoint(last - MOST_KEPT)
      const taken = [...again, ...fresh]
      for (const { number } of taken) gone = number
      return taken
    },
    resume(number) {
      arrived = gone = number
    },
    arrived(number) {
      arrived = number
    },
    answer(number) {
      const items = outbox.unanswered().filter((item) => item.number <= number)
      outbox.seen = Math.max(outbox.seen, number)
      items.forEach((item) => settle(item))
      return items
    },
    checkpoint(number) {
      outbox.keptFrom = number
      outbox.sent = outbox.sent.filter((item) => item.number > Math.min(number, outbox.seen))
    },
  }
  return outbox
}
