/** The life of one live component: join, events and their answers, a lost connection and the way back, leave. */

import { announce, type Announcements, tellError, type LostReason } from './announce'
import { followRedirect } from './addresses'
import type { Connection, Member } from './connection'
import type { Debouncer } from '../input/debounce'
import { own } from '../dom/elements'
import { aside, forms, hasFailed, run } from '../input/forms'
import { hideIndicators } from '../dom/indicators'
import { keepFocus } from '../input/focus'
import type { Receiver } from '../input/live_event'
import type { LiveEvent, Trigger } from '../input/live_event'
import { atRest, beginLoading, settle } from '../input/loading'
import { createOutbox, issue, type Issued } from './outbox'
import { createView } from '../dom/view'
import type { Messages } from './wire'

/** More than anyone clicks before a page has joined; a bound for a page that is offline for long. */
const MOST_WAITING = 100
/** A server that is at fault is not asked again and again. */
const MOST_REJOINS = 3
/** Within this time a busy server is asked again. */
const BUSY_MS = 5_000

export interface Component extends Receiver, Member {
  module: string
  /**
   * Calls it with the component's number, when the component is live, or with 0, when it has failed; not at all if the
   * connection is gone before.
   */
  whenLive(work: (id: number) => void): void
  leave(): void
}

export function createComponent(element: Element, connection: Connection, parent: Component | undefined): Component {
  const module = own.getAttribute(element, 'data-l-live') ?? ''
  /** Of a nested component: what tells it from its parent's others. */
  const key = own.getAttribute(element, 'data-l-key')
  const view = createView(element, (change) => atRest(() => aside(() => keepFocus(element, change))))
  let debouncer: Debouncer | undefined
  const outbox = createOutbox()
  let phase: 'joining' | 'live' | 'offline' | 'error' = 'joining'
  let id = 0
  let joinedAt = Infinity
  /** One after the other, without anything understood between. */
  let rejoins = 0
  /** The last event that what is shown includes, among the page's. */
  let seq = 0
  /** The revision that is shown, and that of the next change if the server has named it. */
  let revision = 0
  let named = 0
  /** What was pushed, until the change of its step is shown, or the tree that stands for it. */
  let pushed: Announcements['loom:push'][] = []
  /** Many pages show the component: there are no checkpoints, and what is answered is not repeated. */
  let isShared = 0
  /** What the next join goes on from: never in the page itself, whose copy must not have them. */
  let secret: string | undefined
  let token = ownToken()
  /** While another server catches up with what is shown: what it says, and the event it has to get to. */
  let held: (() => void)[] = []
  let holdUntil = 0
  let waitingForLife: ((id: number) => void)[] = []
  /** How often it has begun to join: only the last time counts. */
  let tries = 0

  function ownToken(): string | null {
    return own.getAttribute(element, 'data-l-token')
  }

  function showState(): void {
    let state: string = phase
    if (phase === 'live' && outbox.unanswered().length) state = 'waiting'
    if (phase !== 'offline' && hasFailed) state = 'error'
    if (own.getAttribute(element, 'data-l-state') !== state) own.setAttribute(element, 'data-l-state', state)
  }

  function issueNow(event: LiveEvent, trigger: Trigger | undefined): void {
    if (forms?.isRepeated(event, trigger, [...outbox.unanswered(), ...outbox.waiting])) return
    const isFull = outbox.waiting.length >= MOST_WAITING
    if (phase === 'error' || isFull) return lose(isFull ? 'full' : 'error', [issue(event)])
    event.guess?.begin()
    beginLoading(trigger)
    outbox.waiting.push(issue(event, trigger))
    if (phase !== 'live') {
      expireLater()
      connection.hurry()
    }
    sendWaiting()
  }

  /** False if the event is too large for the server. */
  function send(item: Issued): boolean {
    const { number, event, again, madeAt } = item
    const { handler, type, vars } = event
    // What was answered once is repeated whatever its age, or the state would be another.
    const age = again && number > outbox.seen ? [Math.round(performance.now() - madeAt)] : []
    item.again = true
    return connection.send('e', id, number, outbox.seen, handler, type, vars, ...age)
  }

  /** The server says how old an event may be: before its first word nothing is too old. */
  function expireLater(): void {
    setTimeout(sendWaiting, connection.eventAge + 1)
  }

  /** Nobody wants a click any more that was made too long ago. */
  function sendWaiting(): void {
    const old = outbox.waiting.filter(({ madeAt }) => performance.now() - madeAt > connection.eventAge)
    outbox.waiting.splice(0, old.length)
    lose('expired', old)
    if (phase === 'live') {
      const large = outbox.take(connection.unanswered).filter((item) => !send(item))
      if (large.length) {
        outbox.sent = outbox.sent.filter((item) => !large.includes(item))
        // All others are on their way: the page, which is told now, may make further ones.
        lose('large', large)
        // There is room for what waits behind them.
        return sendWaiting()
      }
    }
    showState()
  }

  /** Events that are answered and would be handled again by a server that knows the checkpoint only. */
  const kept = () => outbox.sent.filter(({ number }) => number <= outbox.seen).length

  function opened(needsTree: unknown = holdUntil): void {
    phase = 'joining'
    joinedAt = Infinity
    const mine = ++tries
    const join = (of?: number) => {
      if (phase !== 'joining' || mine !== tries) return
      if (of === 0) return fail('its parent has failed')
      joinedAt = performance.now()
      id = connection.join(
        component,
        of ? [module, of, key] : module,
        token ?? '',
        ...(secret ? [secret, outbox.seen, revision, kept(), ...(needsTree ? [1] : [])] : []),
      )
      held = []
      pushed = []
      holdUntil = 0
      if (id) showState()
      else fail('too large to join', 'reload')
    }
    if (key !== null && parent) {
      showState()
      parent.whenLive(join)
    } else join()
  }

  /** The server is at that event: what was sent after it is sent again. */
  function goOn(number: number, next: string): void {
    secret = next
    phase = 'live'
    for (const work of waitingForLife.splice(0)) work(id)
    outbox.resume(number)
    sendWaiting()
  }

  /** Shows what the server says, or has it wait until the server is where the page has been. */
  function show(number: number, work: (items: Issued[], again: number, isOlder: boolean) => void): boolean {
    outbox.arrived(number)
    // -1 if the page has been there: in the end, nothing has changed in it.
    const again = holdUntil && -1
    const isOlder = number < holdUntil
    held.push(() => {
      const items = outbox.answer(number)
      for (const item of items) seq = item.seq
      work(items, again, isOlder)
      for (const item of items) {
        const { trigger } = item
        // Not of one that has failed.
        if (trigger?.form && outbox.sent.includes(item)) forms?.resetForm(trigger.form, element, seq)
        if (trigger?.kept) forms?.focusInvalid(trigger.kept)
      }
      if (isShared) outbox.checkpoint(number)
      sendWaiting()
    })
    if (isOlder) {
      sendWaiting()
      return true
    }
    holdUntil = 0
    try {
      for (const one of held.splice(0)) one()
      view.caughtUp()
      return true
    } catch (error) {
      rejoin(error)
      return false
    }
  }

  /** The page and the server no longer agree on what is shown: start this component again. */
  function rejoin(error: unknown): void {
    console.error('loom-live:', module, error)
    // It goes on, if the page has ever had it: who leaves it cannot go back to a checkpoint before its last answer.
    const goesOn = rejoins++ < MOST_REJOINS
    if (goesOn && secret) connection.forget(id)
    else connection.leave(id)
    if (goesOn) opened(1)
    else fail(`given up after ${MOST_REJOINS} new starts: ${String(error)}`)
  }

  function fail(message: string, action?: string): void {
    phase = 'error'
    for (const work of waitingForLife.splice(0)) work(0)
    // A new connection changes nothing for it. Who was sent elsewhere may come back.
    if (action !== 'redirect') connection.remove(component)
    lose('error', [...outbox.unanswered(), ...outbox.waiting])
    outbox.sent = []
    outbox.waiting = []
    tell(message, action)
  }

  function tell(message?: string, action?: string): void {
    showState()
    if (message !== undefined) tellError(element, message, action)
  }

  function lose(reason: LostReason, lost: Issued[]): void {
    lost.forEach((one) => settle(one, reason))
    const events = lost.map(({ event: { handler, type } }) => ({ handler, event: type }))
    if (events.length) announce(element, 'loom:lost', { reason, events })
  }

  function tellPush(push: Announcements['loom:push']): void {
    const event = { handler: push.name, type: 'push', vars: {} }
    if (!run?.(event, element, undefined, issueNow, push.data)) announce(element, 'loom:push', push)
  }

  const messages: Messages = {
    j(number, at, tree, next, flags = 0) {
      // What came from the server since the checkpoint. The server says so itself if its state has gone on since.
      const isBehind = flags & 8 || at + kept() < revision
      revision = at
      isShared = flags & 2
      const isLost = flags & 5 || number < Math.min(outbox.seen, outbox.keptFrom)
      if (isLost) {
        // Its state is gone. What was sent belongs to that; what was not, may still be meant.
        lose('reset', outbox.unanswered())
        outbox.sent = []
        outbox.seen = outbox.keptFrom = 0
        token = ownToken()
      }
      for (const sent of outbox.sent) if (sent.number <= outbox.seen) holdUntil = sent.number
      // What was missed together with its change: the tree stands for that.
      const pushes = pushed.splice(0)
      const isShown = show(number, (_, again, isOlder) => {
        view.join(tree, connection.templates, again, isOlder)
        announce(element, 'loom:join', { module })
        // If only what was sent is lost, the state goes on.
        if ((isLost && flags < 4) || isBehind) announce(element, 'loom:reset', { module })
        pushes.forEach(tellPush)
      })
      if (isShown) goOn(number, next)
    },
    a: goOn,
    v(next) {
      named = next
    },
    p(name, data) {
      pushed.push({ module, name, data })
    },
    s(number, change) {
      revision = named || revision + 1
      named = 0
      const pushes = pushed.splice(0)
      show(number, (_, again) => {
        view.change(again || seq, change, connection.templates)
        rejoins = 0
        announce(element, 'loom:patch', { module })
        pushes.forEach(tellPush)
      })
    },
    e: (number, message, expired, count = 1) =>
      void show(number, (items) => {
        // The events before this one have been applied, if nothing else was said. This one changed nothing, and is not to be
        // repeated.
        const failed = items.filter((item) => item.number > number - count)
        outbox.sent = outbox.sent.filter((item) => !failed.includes(item))
        if (expired) return lose('expired', failed)
        failed.forEach((one) => settle(one, message))
        tell(message)
      }),
    k(number) {
      for (const { number: sent, trigger } of outbox.sent)
        if (sent === number && trigger) {
          trigger.kept = trigger.form
          trigger.form = undefined
        }
    },
    f(message, action, more) {
      if (action === 'busy') {
        phase = 'joining'
        showState()
        const asked = id
        // By then another connection may have asked.
        setTimeout(() => phase === 'joining' && id === asked && opened(), Math.random() * (Number(more) || BUSY_MS))
      } else fail(message, action)
      if (action === 'redirect') followRedirect(more as string)
    },
    c(number, sealed) {
      // An anchor stands behind the page's own token.
      if (sealed) token = sealed[0] === '.' ? (ownToken() ?? '') + sealed : sealed
      else announce(element, 'loom:fragile', { module })
      outbox.checkpoint(sealed ? number : Infinity)
    },
  }

  const component: Component = {
    module,
    messages,
    whenLive: (work) => (phase === 'live' ? work(id) : phase === 'error' ? work(0) : void waitingForLife.push(work)),
    issue(event, source, trigger) {
      debouncer ??= forms?.createDebouncer(element)
      const send = () => run?.(event, source, trigger, issueNow) || issueNow(event, trigger)
      if (debouncer) debouncer.later(source, event, send)
      else send()
    },
    giveUp: (event) => lose('full', [issue(event)]),
    flush: () => debouncer?.flush(),
    waitingSince: () =>
      phase === 'joining' ? joinedAt : ([...outbox.unanswered(), ...outbox.waiting][0]?.madeAt ?? Infinity),
    opened,
    closed() {
      phase = 'offline'
      waitingForLife = []
      // What was made before the server had said how old it may be.
      if (outbox.waiting[0]) expireLater()
      showState()
    },
    tell,
    leave() {
      debouncer?.flush()
      connection.leave(id)
      phase = 'error'
      // Who was told to come back later does not.
      id = 0
      ;[...outbox.sent, ...outbox.waiting].forEach((one) => settle(one))
      connection.remove(component)
    },
  }

  hideIndicators(element)
  showState()
  connection.add(component)
  return component
}
