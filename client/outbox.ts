/**
 * A component's events on their way: made, sent, answered, each in the order of the one before. The server answers
 * every event once and in order, so an answer belongs to the oldest that has none.
 */

import type { LiveEvent } from './dialect'

/** More than anyone clicks before a page has joined; a bound for a page that is offline for long. */
const MOST_WAITING = 100

export interface Issued {
  /** Counts the page's events; what a field's last change is compared with. */
  seq: number
  event: LiveEvent
  /** Ends the loading state. */
  settle: () => void
  /** The submitted form, whose fields return to the server's values with the answer. */
  form: HTMLFormElement | undefined
  sentAt: number
}

let issued = 0

/** How many events this page has made so far. */
export function issuedSoFar(): number {
  return issued
}

export class Outbox {
  private waiting: Issued[] = []
  private unanswered: Issued[] = []

  isFull(): boolean {
    return this.waiting.length >= MOST_WAITING
  }

  add(event: LiveEvent, settle: () => void, form: HTMLFormElement | undefined): void {
    this.waiting.push({ seq: ++issued, event, settle, form, sentAt: 0 })
  }

  send(transmit: (event: LiveEvent) => void): void {
    for (const item of this.waiting.splice(0)) {
      item.sentAt = performance.now()
      this.unanswered.push(item)
      transmit(item.event)
    }
  }

  /** The oldest event that was sent and has no answer yet. */
  oldest(): Issued | undefined {
    return this.unanswered[0]
  }

  answered(): Issued | undefined {
    return this.unanswered.shift()
  }

  /** Those that were sent and will get no answer. */
  takeUnanswered(): Issued[] {
    return this.unanswered.splice(0)
  }

  takeWaiting(): Issued[] {
    return this.waiting.splice(0)
  }
}
