/** The life of one live component: join, events and their answers, a lost connection and the way back, leave. */

import { announce, type LostReason } from './announce'
import type { Connection } from './connection'
import { createDebouncer } from './debounce'
import { resetForm } from './fields'
import { atRest, beginLoading, hideIndicators } from './loading'
import { createOutbox, issue, type Issued } from './outbox'
import type { Templates } from './tree'
import { createView } from './view'
import type { LiveEvent } from './wire'

/** More than anyone clicks before a page has joined; a bound for a page that is offline for long. */
const MOST_WAITING = 100
/** So many are on their way at a time: a server refuses what is more than it lets wait. */
const MOST_UNANSWERED = 32
/** A server that is at fault is not asked again and again. */
const MOST_REJOINS = 3
/** Within this time a busy server is asked again. */
const BUSY_MS = 5_000

/** What made a click or submit event, and shows that it is under way. */
export interface Trigger {
  element: Element
  submitter: Element | null
}

export interface Component {
  module: string
  issue(event: LiveEvent, trigger?: Trigger): void
  issueLater(element: Element, ms: number, event: LiveEvent, trigger?: Trigger): void
  /** Sends what waits for a pause. */
  flush(): void
  /** Since when an answer is due, in the clock's time. */
  waitingSince(): number
  /** The connection is there, and it is gone. */
  opened(): void
  closed(): void
  leave(): void
  /** The server's messages; `number` is the last event that they include. */
  joined(number: number, tree: unknown, secret: string, anew: boolean, templates: Templates): void
  resumed(number: number, secret: string): void
  changed(number: number, change: unknown, templates: Templates): void
  /** So many events up to that number. */
  failed(number: number, count: number, message: string, expired: boolean): void
  refused(message: string, action: unknown): void
  checkpoint(number: number, sealed: string | null): void
}

export function createComponent(element: HTMLElement, connection: Connection): Component {
  const module = element.dataset.lLive ?? ''
  const view = createView(element)
  const { later, flush } = createDebouncer()
  const outbox = createOutbox()
  let phase: 'joining' | 'live' | 'offline' | 'error' = 'joining'
  let id = 0
  let joinedAt = Infinity
  /** One after the other, without anything understood between. */
  let rejoins = 0
  /** The last event that what is shown includes, and its number among the page's. */
  let seen = 0
  let seq = 0
  /** What the next join goes on from: never in the page itself, whose copy must not have them. */
  let secret = ''
  let token = element.dataset.lToken ?? ''
  /** While another server catches up with what is shown: what it says, and the event it has to get to. */
  let held: (() => void)[] = []
  let holdUntil = 0

  function showState(): void {
    const state = phase === 'live' && outbox.unanswered() ? 'waiting' : phase
    if (element.dataset.lState !== state) element.dataset.lState = state
  }

  function issueNow(event: LiveEvent, trigger?: Trigger): void {
    const isFull = outbox.waiting.length >= MOST_WAITING
    if (phase === 'error' || isFull) return lose(isFull ? 'full' : 'error', [issue(event)])
    const form = trigger?.element
    const settle = trigger && beginLoading(trigger.element, trigger.submitter)
    outbox.waiting.push(
      issue(event, settle, form instanceof HTMLFormElement && event.type === 'submit' ? form : undefined),
    )
    if (phase !== 'live') setTimeout(loseOld, connection.eventAge() + 1)
    sendWaiting()
  }

  /** Nobody wants a click any more that was made too long ago. */
  function loseOld(): void {
    const isOld = ({ madeAt }: Issued): boolean => Date.now() - madeAt > connection.eventAge()
    const old = outbox.waiting.filter(isOld)
    outbox.waiting = outbox.waiting.filter((item) => !isOld(item))
    lose('expired', old)
  }

  function sendWaiting(): void {
    if (phase === 'live') {
      loseOld()
      for (const { number, event } of outbox.take(MOST_UNANSWERED)) connection.event(id, number, seen, event)
    }
    showState()
  }

  function opened(): void {
    phase = 'joining'
    joinedAt = Date.now()
    held = []
    holdUntil = 0
    id = connection.join(component, token, secret, seen)
    showState()
  }

  /** The server is at that event: what was sent after it is sent again. */
  function goOn(number: number, next: string): void {
    secret = next
    phase = 'live'
    for (const item of outbox.sent) {
      if (item.number <= number) continue
      // What was answered once is repeated whatever its age, or the state would be another.
      connection.event(id, item.number, seen, item.event, item.answered ? undefined : Date.now() - item.madeAt)
    }
    sendWaiting()
  }

  /** Shows what the server says, or has it wait until the server is where the page has been. */
  function show(number: number, work: () => void): boolean {
    held.push(work)
    if (number < holdUntil) return true
    holdUntil = 0
    try {
      for (const one of held.splice(0)) one()
      return true
    } catch (error) {
      rejoin(error)
      return false
    }
  }

  function answered(number: number): Issued[] {
    const items = outbox.answer(number)
    seen = number
    seq = items[items.length - 1]?.seq ?? seq
    return items
  }

  function settled(items: Issued[]): void {
    for (const { form } of items) if (form) resetForm(form, element, seq)
    if (items.length) sendWaiting()
  }

  /** The page and the server no longer agree on what is shown: start this component again. */
  function rejoin(error: unknown): void {
    console.error('loom-live:', module, error)
    connection.leave(id)
    if (rejoins++ < MOST_REJOINS) opened()
    else refused(`given up after ${MOST_REJOINS} new starts: ${String(error)}`, 0)
  }

  function refused(message: string, action: unknown): void {
    if (action === 'busy') {
      setTimeout(() => phase === 'joining' && opened(), Math.random() * BUSY_MS)
      return
    }
    phase = 'error'
    lose('error', [...outbox.sent.filter((item) => !item.answered), ...outbox.waiting])
    outbox.sent = []
    outbox.waiting = []
    showState()
    tell(message, action)
  }

  function tell(message: string, action?: unknown): void {
    console.error('loom-live:', module, message)
    announce(element, 'loom:error', action ? { message, action } : { message })
  }

  function lose(reason: LostReason, lost: Issued[]): void {
    for (const { settle } of lost) settle?.()
    const events = lost.map(({ event: { handler, type } }) => ({ handler, event: type }))
    if (events.length) announce(element, 'loom:lost', { reason, events })
  }

  const component: Component = {
    module,
    issue(event, trigger) {
      flush()
      issueNow(event, trigger)
    },
    issueLater: (source, ms, event, trigger) => later(source, event.type, ms, () => issueNow(event, trigger)),
    flush,
    waitingSince: () => (phase === 'joining' ? joinedAt : (outbox.unanswered()?.madeAt ?? Infinity)),
    opened,
    closed() {
      phase = 'offline'
      showState()
    },
    leave() {
      flush()
      connection.leave(id)
      for (const { settle } of [...outbox.sent, ...outbox.waiting]) settle?.()
      connection.remove(component)
    },
    joined(number, tree, next, anew, templates) {
      const isLost = anew || (number < seen && !outbox.reaches(number))
      if (isLost) {
        // Its state is gone. What was sent belongs to that; what was not, may still be meant.
        lose('reset', outbox.sent.filter((item) => !item.answered))
        outbox.sent = []
        outbox.checkpoint(0)
        token = element.dataset.lToken ?? ''
      }
      for (const item of outbox.sent) if (item.answered) holdUntil = item.number
      const isShown = show(number, () => {
        view.join(tree, templates)
        settled(answered(number))
        announce(element, 'loom:join', { module })
        if (isLost) announce(element, 'loom:reset', { module })
      })
      if (isShown) goOn(number, next)
    },
    resumed: goOn,
    changed(number, change, templates) {
      show(number, () => {
        const items = answered(number)
        view.change(seq, change, templates)
        rejoins = 0
        settled(items)
        showState()
        announce(element, 'loom:patch', { module })
      })
    },
    failed(number, count, message, expired) {
      show(number, () => {
        // What came before it has been applied, where that was not said. It changed nothing itself, and is not to be
        // repeated.
        const items = answered(number).filter((item) => item.number > number - count)
        outbox.drop(items)
        sendWaiting()
        if (expired) lose('expired', items)
        else tell(message)
      })
    },
    refused,
    checkpoint(number, sealed) {
      if (sealed !== null) {
        token = sealed
        outbox.checkpoint(number)
        return
      }
      outbox.checkpoint(Infinity)
      announce(element, 'loom:fragile', { module })
    },
  }

  atRest(() => hideIndicators(element))
  showState()
  connection.add(component)
  return component
}
