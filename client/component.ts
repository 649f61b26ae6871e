/** The life of one live component: join, events and their answers, a lost connection and the way back, leave. */

import { announce, type LostReason } from './announce'
import type { Connection } from './connection'
import { Debouncer } from './debounce'
import type { LiveEvent, Message, View } from './dialect'
import { resetForm } from './fields'
import { atRest, beginLoading, hideIndicators } from './loading'
import { rememberOpen } from './open'
import { Outbox, type Issued } from './outbox'
import { patchPage } from './patch'

type Phase = 'joining' | 'live' | 'offline' | 'error'

/** What made a click or submit event, and shows that it is under way. */
export interface Trigger {
  element: Element
  submitter: Element | null
}

export class Component {
  readonly module: string
  private readonly debouncer = new Debouncer()
  private readonly outbox = new Outbox()
  private phase: Phase = 'joining'
  private id = ''
  private joinedAt = 0
  private view: View | undefined
  /** The number of the last event that was answered: the server has seen all up to it. */
  private seen = 0

  constructor(
    private readonly element: HTMLElement,
    private readonly connection: Connection,
  ) {
    this.module = element.dataset.lLive ?? ''
    rememberOpen(element)
    atRest(() => hideIndicators(element))
    this.showState()
    connection.add(this)
  }

  /** Since when an answer is due, in `performance.now()` time. */
  waitingSince(): number {
    if (this.phase === 'joining' && this.id) return this.joinedAt
    return this.outbox.oldest()?.sentAt ?? Infinity
  }

  issue(event: LiveEvent, trigger?: Trigger): void {
    this.debouncer.flush()
    this.issueNow(event, trigger)
  }

  issueLater(element: Element, ms: number, event: LiveEvent, trigger?: Trigger): void {
    this.debouncer.later(element, event.type, ms, () => this.issueNow(event, trigger))
  }

  /** Sends what waits for a pause. */
  flush(): void {
    this.debouncer.flush()
  }

  private issueNow(event: LiveEvent, trigger: Trigger | undefined): void {
    if (this.phase === 'error') return this.tellLost('error', [event])
    if (this.outbox.isFull()) return this.tellLost('full', [event])
    const form = trigger?.element
    this.outbox.add(
      event,
      trigger ? beginLoading(trigger.element, trigger.submitter) : () => undefined,
      event.type === 'submit' && form instanceof HTMLFormElement ? form : undefined,
    )
    this.sendWaiting()
  }

  private sendWaiting(): void {
    if (this.phase === 'live') this.outbox.send((event) => this.connection.event(this.id, event))
    this.showState()
  }

  opened(): void {
    this.phase = 'joining'
    this.view = undefined
    this.joinedAt = performance.now()
    this.id = this.connection.join(this, this.module, this.element.dataset.lToken ?? '')
    this.showState()
  }

  closed(): void {
    this.id = ''
    this.phase = 'offline'
    this.lose('connection', this.outbox.takeUnanswered())
    this.showState()
  }

  leave(): void {
    this.debouncer.flush()
    this.connection.leave(this.id)
    for (const item of [...this.outbox.takeUnanswered(), ...this.outbox.takeWaiting()]) item.settle()
    this.connection.remove(this)
  }

  received(message: Exclude<Message, { type: 'redirect' }>): void {
    if (message.type === 'trees') this.receivedTrees(message.view)
    else if (message.type === 'error') this.receivedError(message.error)
    else if (this.view) this.receivedPatch(this.view, message.change)
  }

  private receivedTrees(view: View | undefined): void {
    const joining = this.phase === 'joining'
    if (!view) return joining ? this.receivedError('malformed tree') : this.rejoin()
    // After a join the server has seen nothing yet of what the user did to the fields.
    this.show(view, joining ? 0 : (this.outbox.oldest()?.seq ?? this.seen))
    if (!joining) return
    this.phase = 'live'
    announce(this.element, 'loom:join', { module: this.module })
    this.sendWaiting()
  }

  private receivedPatch(view: View, change: unknown): void {
    let next: View
    try {
      next = view.patched(change)
    } catch (error) {
      console.error('loom-live:', this.module, error)
      return this.rejoin()
    }
    const answered = this.answered()
    if (next !== view) this.show(next, this.seen)
    if (answered?.form) resetForm(answered.form, this.element, answered.seq)
    this.showState()
    announce(this.element, 'loom:patch', { module: this.module })
  }

  private receivedError(message: string): void {
    if (this.phase === 'joining') {
      this.phase = 'error'
      // Its actor never lived: whatever waited for it has nowhere to go.
      this.lose('error', this.outbox.takeWaiting())
    } else {
      this.answered()
    }
    this.showState()
    console.error('loom-live:', this.module, message)
    announce(this.element, 'loom:error', { message })
  }

  private answered(): Issued | undefined {
    const item = this.outbox.answered()
    item?.settle()
    this.seen = item?.seq ?? this.seen
    return item
  }

  /** The page and the server no longer agree on what is shown: start this component again. */
  private rejoin(): void {
    this.connection.leave(this.id)
    this.lose('connection', this.outbox.takeUnanswered())
    this.opened()
  }

  private show(view: View, seen: number): void {
    this.view = view
    patchPage(this.element, view.html(), seen)
  }

  private lose(reason: LostReason, items: Issued[]): void {
    for (const item of items) item.settle()
    if (items.length) this.tellLost(reason, items.map((item) => item.event))
  }

  private tellLost(reason: LostReason, events: LiveEvent[]): void {
    const detail = events.map(({ handler, type }) => ({ handler, event: type }))
    announce(this.element, 'loom:lost', { reason, events: detail })
  }

  private showState(): void {
    const state = this.phase === 'live' && this.outbox.oldest() ? 'waiting' : this.phase
    if (this.element.dataset.lState !== state) this.element.dataset.lState = state
  }
}
