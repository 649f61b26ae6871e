/** The life of one live component: join, events and their answers, a lost connection and the way back, leave. */

import { announce, type LostReason } from './announce'
import type { Connection } from './connection'
import { createDebouncer } from './debounce'
import { resetForm } from './fields'
import { atRest, beginLoading, hideIndicators } from './loading'
import { issue, type Issued } from './outbox'
import type { Templates } from './tree'
import { createView } from './view'
import type { LiveEvent } from './wire'

/** More than anyone clicks before a page has joined; a bound for a page that is offline for long. */
const MOST_WAITING = 100
/** A server that is at fault is not asked again and again. */
const MOST_REJOINS = 3

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
  /** Since when an answer is due, in `performance.now()` time. */
  waitingSince(): number
  /** The connection is there, and it is gone. */
  opened(): void
  closed(): void
  leave(): void
  /** The server's messages. */
  joined(tree: unknown, templates: Templates): void
  changed(change: unknown, templates: Templates): void
  failed(message: string): void
}

export function createComponent(element: HTMLElement, connection: Connection): Component {
  const module = element.dataset.lLive ?? ''
  const view = createView(element)
  const { later, flush } = createDebouncer()
  const waiting: Issued[] = []
  const unanswered: Issued[] = []
  let phase: 'joining' | 'live' | 'offline' | 'error' = 'joining'
  let id = 0
  let joinedAt = Infinity
  /** One after the other, without anything understood between. */
  let rejoins = 0
  /** The number of the last event that was answered: the server has seen all up to it. */
  let seen = 0

  function showState(): void {
    const state = phase === 'live' && unanswered[0] ? 'waiting' : phase
    if (element.dataset.lState !== state) element.dataset.lState = state
  }

  function issueNow(event: LiveEvent, trigger?: Trigger): void {
    const isFull = waiting.length >= MOST_WAITING
    if (phase === 'error' || isFull) return lose(isFull ? 'full' : 'error', [issue(event)])
    const form = trigger?.element
    const settle = trigger && beginLoading(trigger.element, trigger.submitter)
    waiting.push(issue(event, settle, form instanceof HTMLFormElement && event.type === 'submit' ? form : undefined))
    sendWaiting()
  }

  function sendWaiting(): void {
    if (phase === 'live') {
      for (const item of waiting.splice(0)) {
        item.sentAt = performance.now()
        unanswered.push(item)
        connection.event(id, item.event)
      }
    }
    showState()
  }

  function opened(): void {
    phase = 'joining'
    joinedAt = performance.now()
    id = connection.join(component, element.dataset.lToken ?? '')
    showState()
  }

  /** The oldest event has its answer. */
  function answered(): Issued | undefined {
    const item = unanswered.shift()
    item?.settle?.()
    seen = item?.seq ?? seen
    return item
  }

  function failed(message: string): void {
    if (phase === 'joining') {
      phase = 'error'
      // Its actor never lived: whatever waited for it has nowhere to go.
      lose('error', waiting)
    } else answered()
    showState()
    console.error('loom-live:', module, message)
    announce(element, 'loom:error', { message })
  }

  /** The page and the server no longer agree on what is shown: start this component again. */
  function rejoin(error: unknown): void {
    console.error('loom-live:', module, error)
    connection.leave(id)
    lose('connection', unanswered)
    phase = 'joining'
    if (rejoins++ < MOST_REJOINS) opened()
    else failed(`given up after ${MOST_REJOINS} new starts: ${String(error)}`)
  }

  function lose(reason: LostReason, items: Issued[]): void {
    const lost = items.splice(0)
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
    waitingSince: () => (phase === 'joining' ? joinedAt : (unanswered[0]?.sentAt ?? Infinity)),
    opened,
    closed() {
      phase = 'offline'
      lose('connection', unanswered)
      showState()
    },
    leave() {
      flush()
      connection.leave(id)
      for (const { settle } of [...unanswered, ...waiting]) settle?.()
      connection.remove(component)
    },
    joined(tree, templates) {
      try {
        view.join(tree, templates)
      } catch (error) {
        return rejoin(error)
      }
      phase = 'live'
      announce(element, 'loom:join', { module })
      sendWaiting()
    },
    changed(change, templates) {
      let answer: Issued | undefined
      try {
        const show = view.plan(change, templates)
        answer = answered()
        show(seen)
      } catch (error) {
        return rejoin(error)
      }
      rejoins = 0
      if (answer?.form) resetForm(answer.form, element, seen)
      showState()
      announce(element, 'loom:patch', { module })
    },
    failed,
  }

  atRest(() => hideIndicators(element))
  showState()
  connection.add(component)
  return component
}
