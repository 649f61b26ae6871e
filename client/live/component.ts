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
   * Calls `work` with the component's number once the component is live, or with 0 once the component has failed. If
   * the connection is gone before that, `work` is not called.
   */
  whenLive(work: (id: number) => void): void
  leave(): void
}

export function createComponent(element: Element, connection: Connection, parent: Component | undefined): Component {
  const module = own.getAttribute(element, 'data-l-live') ?? ''
  /** The key of a nested component: it tells the component from the other ones of its parent. */
  const key = own.getAttribute(element, 'data-l-key')
  const view = createView(element, (change) => atRest(() => aside(() => keepFocus(element, change))))
  let debouncer: Debouncer | undefined
  const outbox = createOutbox()
  let phase: 'joining' | 'live' | 'offline' | 'error' = 'joining'
  let id = 0
  let joinedAt = Infinity
  /** How often the component has been started again since a change of the server was last shown. */
  let rejoins = 0
  /** Number (`Issued.seq`) of the last of the page's events that the shown state includes. */
  let seq = 0
  /** The revision that is shown; and `named`, that of the next change, which is 0 if the server has not said it. */
  let revision = 0
  let named = 0
  /** Pushes that wait until the page shows the change of their step, or a tree that includes this change. */
  let pushed: Announcements['loom:push'][] = []
  /** Set if many pages show the component: then there are no checkpoints, and answered events are not repeated. */
  let isShared = 0
  /** The next join goes on from these two. They are never in the page itself: a copy of the page must not have them. */
  let secret: string | undefined
  let token = ownToken()
  /** While another server catches up with the page: what its messages will show, and the event that it has to reach. */
  let held: (() => void)[] = []
  let holdUntil = 0
  let waitingForLife: ((id: number) => void)[] = []
  /** How often the component has begun to join: only the last join counts. */
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
    // An event that was answered once is repeated, however old it is: without it the state would be another.
    const age = again && number > outbox.seen ? [Math.round(performance.now() - madeAt)] : []
    item.again = true
    return connection.send('e', id, number, outbox.seen, handler, type, vars, ...age)
  }

  /** The server says how old an event may be. Before the server's first message no event is too old. */
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
        // All other events are on their way: the page, which is told now, may make further events.
        lose('large', large)
        // There is room for the events that wait behind the large ones.
        return sendWaiting()
      }
    }
    showState()
  }

  /** How many events are answered, but in no checkpoint: a server that knows only the checkpoint handles them again. */
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

  /** The server's state includes the events up to `number`: those that were sent after it are sent again. */
  function goOn(number: number, next: string): void {
    secret = next
    phase = 'live'
    for (const work of waitingForLife.splice(0)) work(id)
    outbox.resume(number)
    sendWaiting()
  }

  /** Does `work`, which shows a message; or keeps it until the server has reached the state that the page has shown. */
  function show(number: number, work: (items: Issued[], again: number, isOlder: boolean) => void): boolean {
    outbox.arrived(number)
    // -1 if the page has shown this state before: when the server has caught up, nothing in the page has changed.
    const again = holdUntil && -1
    const isOlder = number < holdUntil
    held.push(() => {
      const items = outbox.answer(number)
      for (const item of items) seq = item.seq
      work(items, again, isOlder)
      for (const item of items) {
        const { trigger } = item
        // Not the form of an event that has failed: `outbox.sent` has no such event.
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
    // If the page has ever had the component's state, the component goes on: after `leave`, nobody can go back to a
    // checkpoint from before the last answer.
    const goesOn = rejoins++ < MOST_REJOINS
    if (goesOn && secret) connection.forget(id)
    else connection.leave(id)
    if (goesOn) opened(1)
    else fail(`given up after ${MOST_REJOINS} new starts: ${String(error)}`)
  }

  function fail(message: string, action?: string): void {
    phase = 'error'
    for (const work of waitingForLife.splice(0)) work(0)
    // A new connection changes nothing for the component. A component that was sent elsewhere may come back.
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
      // The page has shown changes that came from the server itself, and not from the page's events, since the
      // checkpoint: this tree does not have them. If the server's state has gone on since, the server says so (8).
      const isBehind = flags & 8 || at + kept() < revision
      revision = at
      isShared = flags & 2
      const isLost = flags & 5 || number < Math.min(outbox.seen, outbox.keptFrom)
      if (isLost) {
        // The component's state is gone, and with it the events that were sent. The user may still mean the unsent
        // ones.
        lose('reset', outbox.unanswered())
        outbox.sent = []
        outbox.seen = outbox.keptFrom = 0
        token = ownToken()
      }
      for (const sent of outbox.sent) if (sent.number <= outbox.seen) holdUntil = sent.number
      // Pushes whose change the page has missed: the tree includes this change.
      const pushes = pushed.splice(0)
      const isShown = show(number, (_, again, isOlder) => {
        view.join(tree, connection.templates, again, isOlder)
        announce(element, 'loom:join', { module })
        // If only the sent events are lost, the state goes on.
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
        // The events before the failed ones have been applied, if the server has said nothing else of them. The failed
        // ones changed nothing, and are not repeated.
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
        // When the time is over, another connection may have asked already.
        setTimeout(() => phase === 'joining' && id === asked && opened(), Math.random() * (Number(more) || BUSY_MS))
      } else fail(message, action)
      if (action === 'redirect') followRedirect(more as string)
    },
    c(number, sealed) {
      // A text that begins with "." is an anchor, which is added to the page's own token.
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
      // Events that were made before the server had said how old an event may be.
      if (outbox.waiting[0]) expireLater()
      showState()
    },
    tell,
    leave() {
      debouncer?.flush()
      connection.leave(id)
      phase = 'error'
      // A component that was told to come back later ("busy") no longer does.
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
