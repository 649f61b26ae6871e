import type { IncomingMessage } from 'node:http'
import { parseCookie } from 'cookie'
import type {
  Commands,
  FastifyRequestLike,
  FlashKind,
  LiveContext,
  LiveEvent,
  LiveRequest,
  PatchOptions,
  SubscribeOptions,
  TaskSource,
  Topic,
  TrackOptions,
} from '../../index'
import { checkNames, checkString, checkUrl } from '../check'
import { LoomError } from '../errors'
import { Commands as CommandList } from '../render/commands'
import type { Component } from './cache'
import { Effects } from './effects'
import { checkPatch, MAX_URL } from './params'
import { PATCH, TITLE } from './reserved'
import { stringifyData } from '../render/props'
import type { Tasks } from './tasks'
import { UPLOAD } from '../uploads/rules'
import type { Uploads } from '../uploads/uploads'

/** A page's request, Node's or a framework's own. */
export type PageRequest = IncomingMessage | FastifyRequestLike

/** The compact copy of a request, as it crosses to Rust and back. */
export interface CompactRequest {
  url: string
  headers: Record<string, string | string[] | undefined>
  address: string
}

/**
 * The page that a call is for, as Rust says it: the request's JSON, the result of `bind`, and the page's URL; empty if
 * the call is for no page. For a shared component also the key and the viewer; the viewer is empty if no page has
 * asked.
 */
export type Caller = readonly string[]

/** Node's own request. A framework may have put an object over it, on which the framework's hooks set their members. */
export function rawOf(request: PageRequest): IncomingMessage {
  return 'raw' in request ? request.raw : request
}

/** A page's URL as its browser asked for it; without its query if it is too long, and empty if it still is. */
export function pageUrl(request: PageRequest): string {
  // Express changes `url` under a router's prefix.
  const { url, originalUrl } = rawOf(request) as { url?: unknown; originalUrl?: unknown }
  const whole = typeof originalUrl === 'string' ? originalUrl : typeof url === 'string' ? url : ''
  const [path = ''] = whole.split('?', 1)
  return [whole, path].find((text) => Buffer.byteLength(text) <= MAX_URL) ?? ''
}

/** The request as applications see it. */
export function liveRequest(json: string, url?: string): LiveRequest {
  const request = JSON.parse(json) as Partial<CompactRequest>
  const { headers = {}, address = '' } = request
  return {
    ...request,
    url: url ?? request.url ?? '',
    headers,
    address,
    cookies: parseCookie(headers['cookie']?.toString() ?? ''),
  }
}

/** The effects that a step had asked for at some moment. */
export interface Asked {
  /** How many effects. */
  readonly effects: number
  readonly redirectUrl: string
  readonly keepsForm: boolean
  /** How many want to hear how the step ends. */
  readonly afterwards: number
}

/** The requests that the modules of one loom see. */
export class Requests {
  /** Marks a request that the loom has made: it is found through whatever stands over the request. */
  private readonly key = Symbol('of a component')

  constructor(private readonly development: boolean) {}

  /** The request of a connection's page. */
  ofCaller([json, , url, key, viewer]: Caller): LiveRequest {
    if (key !== undefined && viewer === '') throw noRequest(key)
    if (json === undefined) return this.made(liveRequest('{}'))
    return this.made(liveRequest(json, url))
  }

  /** The request of a page that is being rendered; `compact` is the copy of it. */
  ofPage(page: PageRequest | undefined, compact: string): LiveRequest {
    if (page === undefined) return this.made(liveRequest('{}'))
    return this.made(liveRequest(compact, pageUrl(page)))
  }

  private made(request: LiveRequest): LiveRequest {
    Object.defineProperty(request, this.key, { value: true })
    return this.development ? readOnly(request, 'ctx.request', this.key) : request
  }

  /** Whether this loom has made the request for a component. A page's own request is another object. */
  isOfComponent(request: object): boolean {
    return (request as Record<symbol, true | undefined>)[this.key] === true
  }
}

/** A shared component has a request only in `authorize` and in handlers: the request of the viewer that asks. */
export function noRequest(key: string): LoomError {
  return new LoomError(
    'LOOM_ARGUMENT',
    `There is no ctx.request here: the component is shared by all pages with the key ${JSON.stringify(key)}. Let its ` +
      'state follow from the key (ctx.key). authorize and handlers have the request of the page that asks',
  )
}

/** A copy whose members cannot be set: setting one throws, because the value would be lost without a word. */
function readOnly<T>(value: T, path: string, key?: symbol): T {
  if (typeof value !== 'object' || value === null) return value
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>
  for (const [key, member] of Object.entries(value)) copy[key] = readOnly(member as unknown, `${path}.${key}`)
  if (key !== undefined) Object.defineProperty(copy, key, { value: (value as Record<symbol, unknown>)[key] })
  const refuse = (_: object, name: string | symbol): never => {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `${path}.${String(name)} cannot be set: ctx.request is a copy, so the value would be lost. ` +
        'Keep the value in props, or in the store that the session came from',
    )
  }
  return new Proxy(Object.freeze(copy), { set: refuse, defineProperty: refuse, deleteProperty: refuse }) as T
}

/** The parts that all contexts of a loom share. */
export interface ContextHost {
  /** Gives nothing if the call is over. */
  readonly readCaller: (call: number) => Caller | undefined
  /** The `traceparent` of the request that rendered the page; empty if there is none. */
  readonly readTrace?: (call: number) => string
  readonly requestOf: (caller: Caller) => LiveRequest
  /** There if there can be steps. */
  readonly tasks?: Tasks
  readonly uploads?: Uploads
}

/** The `ctx` of a callback. Most handlers read nothing of it, so each part is made when it is first read. */
export class Context implements LiveContext {
  private abortController: AbortController | undefined
  private liveRequest: LiveRequest | undefined
  private caller: Caller | undefined
  private aborted: Error | undefined
  private isOver = false
  redirectUrl = ''
  keepsForm = false
  /**
   * False while `authorize`, `upgrade`, `mount` or `render` runs. These callbacks are called without a step, too, so
   * they may not ask for effects.
   */
  isStep = true
  /** The effects that the step asks for; nothing if it has asked for none so far. */
  effects: Effects | undefined
  /** The number of the page's call that waits for an answer; nothing if no hook has called. */
  hookCall: number | undefined
  /** `ctx.reply` was called. */
  private hasReplied = false
  /** Functions to be called when the step is committed or has failed; nothing if there are none. */
  private listeners: ((isCommitted: boolean) => void)[] | undefined
  /** In a visit: the ids of messages that this step publishes or sends begin with this text. */
  private cause: string | undefined
  /** Only of a join: set before `connected` is called. */
  declare revived: boolean
  declare behind: boolean
  /** What `topics` has read. */
  declare private topicNames?: readonly string[]

  /** Without a component, as in `loom.mount`, there is no step, so effects are refused. */
  constructor(
    readonly id: string,
    readonly module: string,
    private readonly host: ContextHost,
    private readonly call = 0,
    private readonly component?: Component,
    private readonly event?: LiveEvent,
  ) {}

  get request(): LiveRequest {
    if (this.liveRequest === undefined) {
      this.liveRequest = this.host.requestOf(this.readCaller('request'))
    }
    return this.liveRequest
  }

  get topics(): readonly string[] {
    if (this.topicNames !== undefined) return this.topicNames
    const { tasks } = this.host
    const isKnown = !this.isOver && !this.isAborted
    // Before there is a component, there is no subscription.
    const names = tasks === undefined ? [] : isKnown ? tasks.native().topics(this.call) : null
    if (names === null) {
      throw new LoomError(
        'LOOM_STOPPED',
        'ctx.topics was first read after its call had ended; read ctx.topics before, as in `const { topics } = ctx`',
      )
    }
    return (this.topicNames = Object.freeze(names))
  }

  /** The request, for `onError`. If a shared component has no request now, an empty one. */
  get anyRequest(): LiveRequest {
    const [, , , key = '', viewer] = this.readCaller('request')
    return key !== '' && viewer === '' ? this.host.requestOf([]) : this.request
  }

  /** The request of the connection, as JSON; `{}` if the call is over, or for no page. */
  get connection(): string {
    if (this.caller === undefined && (this.isOver || this.isAborted)) return '{}'
    return this.readCaller('request')[0] ?? '{}'
  }

  /** The `traceparent` of the request that rendered the page; empty if there is none, and after the call. */
  get traceparent(): string {
    return this.isOver || this.isAborted ? '' : (this.host.readTrace?.(this.call) ?? '')
  }

  get key(): string {
    return this.readCaller('key')[3] ?? ''
  }

  get bind(): string {
    return this.readCaller('bind')[1] ?? ''
  }

  private readCaller(what: string): Caller {
    this.caller ??= this.isOver || this.isAborted ? undefined : this.host.readCaller(this.call)
    if (this.caller === undefined) {
      throw new LoomError(
        'LOOM_STOPPED',
        `ctx.${what} was first read after its call had ended; read ctx.${what} before, as in \`const { ${what} } = ctx\`: ` +
          'you may keep the value after the call',
      )
    }
    return this.caller
  }

  get signal(): AbortSignal {
    this.abortController ??= new AbortController()
    if (this.aborted !== undefined) this.abortController.abort(this.aborted)
    return this.abortController.signal
  }

  redirect(url: string): void {
    this.checkStep('redirect')
    checkUrl(url, 'the URL of ctx.redirect()')
    if (this.event === undefined && this.key !== '') {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'ctx.redirect has no page to send elsewhere here: the component is shared, and no page has asked. Call ctx.redirect ' +
          'in a handler, or tell the pages with ctx.push',
      )
    }
    this.redirectUrl = url
  }

  keepForm(): void {
    this.checkStep('keepForm')
    this.keepsForm = true
  }

  /** The effects that the step has asked for so far. */
  asked(): Asked {
    const { effects, redirectUrl, keepsForm, listeners } = this
    return { effects: effects?.length ?? 0, redirectUrl, keepsForm, afterwards: listeners?.length ?? 0 }
  }

  /** Takes back the effects that the step has asked for since: the receiver that asked for them has failed. */
  takeBack({ effects, redirectUrl, keepsForm, afterwards }: Asked): void {
    this.effects?.truncate(effects)
    for (const listener of this.listeners?.splice(afterwards) ?? []) listener(false)
    this.redirectUrl = redirectUrl
    this.keepsForm = keepsForm
  }

  /** Calls it when the step has its result, or has failed. */
  afterwards(listener: (isCommitted: boolean) => void): void {
    ;(this.listeners ??= []).push(listener)
  }

  /** The step has its result, or has failed. */
  settle(isCommitted: boolean): void {
    for (const listener of this.listeners?.splice(0) ?? []) listener(isCommitted)
  }

  cancelUpload(id: string): void {
    checkString(id, 'the id of ctx.cancelUpload')
    this.asks('cancelUpload').push(UPLOAD, { cancel: id })
    const { uploads } = this.host
    const instance = this.component?.instance ?? ''
    this.afterwards((isCommitted) => {
      if (isCommitted) void uploads?.cancel(id, instance)
    })
  }

  get self(): string {
    return this.asks('self').self(this.call)
  }

  get parent(): string | undefined {
    const { tasks } = this.host
    // Of a page that is being rendered nothing lives so far.
    if (tasks === undefined) return undefined
    if (!this.isOver && !this.isAborted) return tasks.native().parent(this.call) ?? undefined
    throw new LoomError(
      'LOOM_STOPPED',
      'ctx.parent was first read after its call had ended; read ctx.parent before, as in `const { parent } = ctx`',
    )
  }

  subscribe(topic: string | Topic<unknown>, receiver: string, options?: SubscribeOptions): Promise<void> {
    return this.asks('subscribe').subscribe(this.call, topic, receiver, options) ?? Promise.resolve()
  }

  unsubscribe(topic: string | Topic<unknown>): void {
    this.asks('unsubscribe').unsubscribe(topic)
  }

  track(topic: string | Topic<unknown>, meta?: unknown, options?: TrackOptions): void {
    this.asks('track').track(topic, meta, options)
  }

  untrack(topic: string | Topic<unknown>): void {
    this.asks('untrack').untrack(topic)
  }

  presence(topic: string | Topic<unknown>, receiver: string): void {
    this.asks('presence').presence(topic, receiver)
  }

  publish(topic: string | Topic<unknown>, data?: unknown): void {
    this.asks('publish').publish(topic, data)
  }

  send(address: string, receiver: string, data?: unknown): void {
    this.asks('send').send(address, receiver, data)
  }

  /** From here on, this message is the cause of the step's effects. */
  begins(cause: string): void {
    this.cause = cause
    this.effects?.begins(cause)
  }

  /** Without a component there is nothing that could take a step. */
  protected get takesSteps(): boolean {
    return this.component !== undefined
  }

  /** Throws if the step is over, or if there is none: an effect would be lost without a word. */
  private checkStep(what: string): void {
    if (this.isOver || this.isAborted) {
      throw new LoomError(
        'LOOM_STEP_OVER',
        `ctx.${what} was called after its step had ended, so it has no effect; await each promise before this call, or ` +
          (what === 'publish' || what === 'send'
            ? `call loom.${what}, which works anywhere`
            : 'call it in a receiver: tasks and timers (ctx.task, ctx.every, ctx.after) send to one'),
      )
    }
    if (!this.takesSteps || !this.isStep) throw noStep(what)
  }

  private asks(what: string): Effects {
    this.checkStep(what)
    return this.effectsFor(what)
  }

  /** The object that notes the step's effects. */
  protected effectsFor(what: string): Effects {
    const { component, event } = this
    const { tasks } = this.host
    if (component === undefined || tasks === undefined) throw noStep(what)
    return (this.effects ??= new Effects(component, tasks, this.cause ?? event?.id))
  }

  every(receiver: string, ms: number): void {
    this.asks('every').every(receiver, ms)
  }

  after(receiver: string, ms: number, data?: unknown): void {
    this.asks('after').after(receiver, ms, data)
  }

  cancel(receiver: string): void {
    this.asks('cancel').cancel(receiver)
  }

  task(receiver: string, begin: (signal: AbortSignal) => TaskSource<unknown>): void {
    this.asks('task').task(receiver, begin)
  }

  push(name: string | Commands, data?: unknown): void {
    if (name instanceof CommandList) this.asks('push').commands(name.pushed())
    else this.asks('push').push(name as string, data)
  }

  reply(value?: unknown): void {
    this.checkStep('reply')
    if (!this.answersEvent) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'ctx.reply has nobody to answer here: no page has asked. Call ctx.reply in a handler. Elsewhere, tell the page with ' +
          'ctx.push',
      )
    }
    if (this.hasReplied) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'ctx.reply was called twice: a call has one answer. Give the whole answer at once, or tell the page more with ctx.push',
      )
    }
    const json = value === undefined ? undefined : stringifyData(value, () => 'the value of ctx.reply')
    this.hasReplied = true
    // Of a click, say, nobody waits for the value.
    if (this.hookCall !== undefined) this.effectsFor('reply').reply(this.hookCall, json)
  }

  /** The handler has done its work: a call without a value is answered, too. */
  endHookCall(): void {
    if (this.hookCall !== undefined && !this.hasReplied) this.effectsFor('reply').reply(this.hookCall)
  }

  /** A page has asked, so that it can be answered. */
  protected get answersEvent(): boolean {
    return this.event !== undefined
  }

  patch(url: string, options: PatchOptions = {}): void {
    const effects = this.asks('patch')
    const module = this.component?.module
    checkPatch(url, module?.raw === false ? module : undefined)
    checkNames(options, { replace: true }, 'the options of ctx.patch', 'an option of ctx.patch')
    effects.push(PATCH, { url, replace: options.replace === true })
  }

  title(text: string): void {
    checkString(text, 'the text of ctx.title')
    // While a page is rendered, its route says its title.
    if (this.takesSteps) this.asks('title').push(TITLE, text)
  }

  flash(kind: FlashKind, text: string): void {
    this.asks('flash').flash(kind, text)
  }

  announce(text: string): void {
    this.asks('announce').announce(text)
  }

  abort(reason: Error): void {
    this.aborted = reason
    this.effects?.truncate(0)
    this.settle(false)
    this.abortController?.abort(reason)
  }

  /** The call has its result: nothing is known of it any more. */
  end(): void {
    this.isOver = true
  }

  get isAborted(): boolean {
    return this.aborted !== undefined
  }
}

function noStep(what: string): LoomError {
  return new LoomError('LOOM_ARGUMENT', `ctx.${what} has no effect here; call it in connected, a handler or a receiver`)
}

/** The names of the functions of a context. */
type FunctionName = {
  [Name in keyof LiveContext]-?: LiveContext[Name] extends (...given: never[]) => unknown ? Name : never
}[keyof LiveContext]

/**
 * Functions may be taken out of a context, as in `const { publish } = ctx`: each knows its context by itself. The type has
 * each function named here.
 */
const BOUND: Record<FunctionName, true> = {
  redirect: true,
  keepForm: true,
  subscribe: true,
  unsubscribe: true,
  track: true,
  untrack: true,
  presence: true,
  publish: true,
  send: true,
  every: true,
  after: true,
  cancel: true,
  task: true,
  push: true,
  reply: true,
  patch: true,
  title: true,
  cancelUpload: true,
  flash: true,
  announce: true,
}

for (const name of Object.keys(BOUND) as FunctionName[]) {
  const method = Context.prototype[name] as (this: Context, ...given: unknown[]) => unknown
  Object.defineProperty(Context.prototype, name, {
    get(this: Context) {
      return method.bind(this)
    },
  })
}
