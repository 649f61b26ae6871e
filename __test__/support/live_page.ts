/**
 * A page with one live component, without a browser. It does what docs/protocol.md asks of a client of `loom.2`: it
 * numbers its events and keeps them, resumes, and sends them again to a server that does not know them.
 */

import { WebSocket, type ClientOptions } from 'ws'
import { applyChanges, textOf, type Template, type Tree } from './extended_tree'

export interface Sent {
  number: number
  handler: string
  value: string | undefined
  /** The DOM event's type, and what else the event says. */
  type: string
  more: Record<string, unknown>
  madeAt: number
  answered: boolean
  /** The event has to be sent again. Set by a join or resume that does not include it, cleared when it is sent. */
  due: boolean
  /** The event is sent on this connection and not answered. Cleared by the answer, and by a join or resume. */
  underWay: boolean
}

export interface LivePageOptions {
  /** Gives the URL; called for each connection. */
  url: () => string
  module: string
  token: string
  socket?: ClientOptions
  /** How long the page waits before it connects again, in milliseconds. */
  retry?: () => number
  /** The page joins again after the same time if it is told that the server is busy. */
  comesBack?: boolean
}

/** The most unanswered events: a mailbox takes a limited number. */
const WINDOW = 32

/** What happened to an event. */
export type Outcome = 'applied' | 'failed' | 'expired'

export class LivePage {
  /** Events that were never sent. */
  private made: Sent[] = []
  /** Events that were sent and that no checkpoint includes. */
  private sent: Sent[] = []
  /** The number of the last event. */
  private lastNumber = 0
  seen = 0
  /** The revision that is shown, and that of the next change if the server has named it. */
  revision = 0
  private named: number | undefined
  private secret = ''
  private checkpoint: { number: number; sealed: string } | undefined
  private templates = new Map<number, Template>()
  private tree: Tree | undefined
  private ws: WebSocket | undefined
  private component = 0
  private live = false
  private ended = false
  private isHidden = false
  private reconnect: NodeJS.Timeout | undefined
  /** The text of the last refusal, with its action. */
  refused: unknown[] | undefined
  fragile = false
  isShared = false
  /** Events whose fate is not known. */
  lost = 0
  resets = 0
  /** How many of them because a page had shown more than the state includes: its events are sent again. */
  behinds = 0
  /** How often it joined, and how often it resumed instead. */
  joins = 0
  resumes = 0
  closedWith: number[] = []
  redirects: string[] = []
  /** What was pushed, in its order: name and data. */
  readonly pushes: [name: string, data: unknown][] = []
  /** Pushes that wait for the change of their step, or for the tree. Cleared by a join, after which they come again. */
  private pushed: [name: string, data: unknown][] = []
  /** How many changes came that no event asked for. */
  unasked = 0
  onAnswer: (sent: Sent, outcome: Outcome) => void = () => undefined
  onChange: () => void = () => undefined
  /** Gets each frame of the server's as it came. */
  onFrame: (frame: Buffer) => void = () => undefined

  /** What the server says is lost on the way. */
  deaf = false
  /** How long the page waits before it connects again, in milliseconds. */
  retry: () => number

  constructor(private readonly options: LivePageOptions) {
    this.retry = options.retry ?? (() => 10)
    this.connect()
  }

  /** Events without an answer. */
  get waiting(): number {
    return this.made.length + this.inFlight
  }

  private get inFlight(): number {
    return this.sent.filter(({ answered }) => !answered).length
  }

  /** The page is live, and all events are answered, also those that were sent again. */
  get isSettled(): boolean {
    return this.live && this.waiting === 0 && this.sent.every(({ number }) => number <= this.seen)
  }

  get isLive(): boolean {
    return this.live
  }

  /** What the component shows. */
  get text(): string {
    return this.tree === undefined ? '' : textOf(this.tree, this.templates)
  }

  /** The user looks at another tab, or at this one again. */
  hide(isHidden = true): void {
    this.isHidden = isHidden
    this.send(['h', isHidden ? 1 : 0])
  }

  event(handler: string, value?: string, type = 'click', more: Record<string, unknown> = {}): Sent {
    const sent: Sent = {
      number: ++this.lastNumber,
      handler,
      value,
      type,
      more,
      madeAt: Date.now(),
      answered: false,
      due: false,
      underWay: false,
    }
    this.made.push(sent)
    this.sendMore()
    return sent
  }

  private sendMore(): void {
    let room = this.live ? WINDOW - this.sent.filter(({ underWay }) => underWay).length : 0
    for (const sent of this.sent) {
      if (!sent.due || room <= 0) continue
      room -= 1
      this.tell(sent, true)
    }
    for (; this.made.length > 0 && room > 0; room--) {
      const next = this.made.shift() as Sent
      this.sent.push(next)
      this.tell(next)
    }
  }

  /** The network fails: no close frame is sent. */
  cut(): void {
    this.live = false
    this.ws?.terminate()
  }

  /** The page does not wait any longer until it connects again. */
  comeBack(): void {
    clearTimeout(this.reconnect)
    this.connect()
  }

  /** All events are answered, and the page has a checkpoint that includes them, and what the state included before. */
  get isCheckpointed(): boolean {
    return this.isSettled && this.checkpoint?.number === this.lastNumber
  }

  /** What a thief would need of this page's memory to make a copy of the page. */
  get memory(): { secret: string; checkpoint: string | undefined } {
    return { secret: this.secret, checkpoint: this.checkpoint?.sealed }
  }

  end(): void {
    this.ended = true
    clearTimeout(this.reconnect)
    this.ws?.terminate()
  }

  private connect(): void {
    if (this.ended) return
    const ws = new WebSocket(this.options.url(), 'loom.2', {
      perMessageDeflate: false,
      rejectUnauthorized: false,
      ...this.options.socket,
    })
    this.ws = ws
    ws.on('open', () => {
      this.pushed = []
      if (this.isHidden) this.hide()
      this.join()
    })
    ws.on('message', (data) => {
      if (ws !== this.ws || this.deaf) return
      this.onFrame(data as Buffer)
      const frame = JSON.parse((data as Buffer).toString()) as unknown[]
      const messages = (Array.isArray(frame[0]) ? frame : [frame]) as unknown[][]
      for (const message of messages) this.receive(message)
      this.onChange()
    })
    ws.on('error', () => undefined)
    ws.on('close', (code) => {
      if (ws !== this.ws) return
      this.closedWith.push(code)
      this.live = false
      this.onChange()
      if (this.ended) return
      // It may have been about to join again on the connection that is gone.
      clearTimeout(this.reconnect)
      this.reconnect = setTimeout(() => {
        this.connect()
      }, this.retry())
    })
  }

  private join(): void {
    // `templates` is kept: the shown tree refers to templates of earlier connections.
    const kept = this.sent.filter(({ answered }) => answered).length
    const resume = this.secret === '' ? [] : [this.secret, this.seen, this.revision, kept]
    const token = this.checkpoint?.sealed ?? this.options.token
    this.send(['j', ++this.component, this.options.module, token, ...resume])
  }

  /** Sends any message. */
  send(message: unknown[]): void {
    this.ws?.send(JSON.stringify(message))
  }

  private tell(sent: Sent, again = false): void {
    const { number, handler, value, type, more, madeAt, answered } = sent
    sent.due = false
    sent.underWay = true
    const vars = { ...more, ...(value !== undefined && { v: value }) }
    const age = again && !answered ? [Date.now() - madeAt] : []
    this.send(['e', this.component, number, this.seen, handler, type, vars, ...age])
  }

  private receive(message: unknown[]): void {
    const [type, id, number, fourth, fifth, sixth, seventh] = message
    if (type === 't') {
      this.templates.set(id as number, { statics: number as unknown as string[], kinds: fourth as string })
      return
    }
    if (type === 'o') return
    if (type === 'r') {
      this.redirects.push(id as string)
      return
    }
    if ((typeof type === 'number' ? type : id) !== this.component) return
    if (typeof type === 'number') {
      this.commits(id as number)
      applyChanges(this.shown(), message.slice(2) as Parameters<typeof applyChanges>[1])
      this.answer(id as number, 'applied')
      return
    }
    switch (type) {
      case 'j':
        this.joined(number as number, fourth as number, fifth as Tree, sixth as string, (seventh ?? 0) as number)
        return
      case 'a':
        this.resumes += 1
        this.goOn(number as number, fourth as string)
        return
      case 'p':
        this.pushed.push([number as string, fourth])
        return
      case 'v':
        this.named = number as number
        return
      case 's':
        this.commits(number as number)
        this.tree = fourth as Tree
        this.answer(number as number, 'applied')
        return
      case 'e':
        // Events before those of this answer were applied, although no answer said so.
        this.answer((number as number) - ((sixth as number | undefined) ?? 1), 'applied')
        this.answer(number as number, fifth === 1 ? 'expired' : 'failed')
        return
      case 'k':
        // It shows no forms.
        return
      case 'f':
        this.refused = message.slice(2)
        // The component is in another process now.
        if (typeof fifth === 'number' || (this.options.comesBack && fourth === 'busy')) {
          if (this.options.comesBack) this.refused = undefined
          this.live = false
          this.reconnect = setTimeout(() => {
            this.join()
          }, this.retry())
        }
        return
      case 'c':
        this.keepCheckpoint(number as number, fourth as string | null)
        return
      default:
        throw new Error(`Expected a message of loom.2 but received ${JSON.stringify(message)}`)
    }
  }

  private commits(number: number): void {
    if (number === this.seen) this.unasked += 1
    this.pushes.push(...this.pushed.splice(0))
    this.revision = this.named ?? this.revision + 1
    this.named = undefined
  }

  private shown(): Tree {
    if (this.tree === undefined) throw new Error('Expected a tree before a change')
    return this.tree
  }

  private joined(number: number, revision: number, tree: Tree, secret: string, flags: number): void {
    this.joins += 1
    this.pushes.push(...this.pushed.splice(0))
    const isBehind = revision < this.revision
    this.revision = revision
    this.tree = tree
    this.isShared = (flags & 2) > 0
    const from = this.fragile || this.isShared ? Infinity : (this.checkpoint?.number ?? 0)
    if ((flags & 5) > 0 || (number < this.seen && number < from)) {
      if ((flags & 4) === 0) this.resets += 1
      this.lost += this.sent.filter(({ answered }) => !answered).length
      this.sent = []
      this.seen = 0
    } else if ((flags & 8) > 0) {
      this.resets += 1
      this.behinds += 1
    } else if (this.isShared && isBehind) this.resets += 1
    this.answer(number, 'applied')
    this.goOn(number, secret)
  }

  private goOn(number: number, secret: string): void {
    this.secret = secret
    this.live = true
    for (const sent of this.sent) {
      sent.underWay = false
      sent.due = sent.number > number
    }
    this.sendMore()
  }

  /** Notes that all events up to `number` have an answer. */
  private answer(number: number, outcome: Outcome): void {
    this.seen = number
    for (const sent of this.sent) if (sent.number <= number) sent.underWay = false
    const items = this.sent.filter((sent) => sent.number <= number && !sent.answered)
    for (const sent of items) {
      sent.answered = true
      this.onAnswer(sent, outcome)
    }
    if (outcome !== 'applied') this.sent = this.sent.filter((sent) => !items.includes(sent))
    // No answered event of a shared component is sent again.
    if (this.isShared) this.sent = this.sent.filter(({ answered }) => !answered)
    this.sendMore()
  }

  private keepCheckpoint(number: number, sealed: string | null): void {
    this.fragile = sealed === null
    // An anchor begins with a dot and is sent behind the page's own token.
    const token = sealed?.startsWith('.') === true ? this.options.token + sealed : sealed
    this.checkpoint = token === null ? undefined : { number, sealed: token }
    this.sent = this.sent.filter((sent) => sent.number > number || !sent.answered)
  }
}
