import type { ErrorContext, LiveEvent, LiveRequest, Logger, LoomOptions, SocketMessage } from '../index'
import { type Component, PropsCache, type Entry as Kept } from './cache'
import { isThenable, typeOf } from './check'
import { Bound, EVENT_TYPES, JobKind, LogLevel, SUBMIT } from './codec'
import { Context, type Requests } from './context'
import { text, writeChanges, writeWhole } from './delta'
import { type Development, jsonOf, MAX_JSON } from './development'
import { encodeJson, encodeRoot, type Memo, type TreeCheck } from './encode'
import { GivenUp, LoomError, stackOf, textOf, traceOf } from './errors'
import { freeze, takeSeen } from './frozen'
import { Tree } from './html'
import { Isolation } from './isolation'
import { checkAllowed, type First, firstProps, type Joining, type Origin } from './join'
import { Joins } from './joins'
import { type AnyModule, type Entry, handlerOf } from './modules'
import type { NativeLoom } from './native'
import { Refusal } from './refusal'
import { Results } from './results'
import type { Writer } from './writer'

/** How often in a row jobs are fetched before other work of the process gets its turn. */
const MAX_ROUNDS = 8

// Jobs as src/bridge/jobs.rs writes them.
type CallJob = [
  kind: JobKind.CALL,
  call: number,
  actor: number,
  sequence: number,
  version: number,
  number: number,
  module: number,
  id: string,
  instance: string,
  event: Omit<LiveEvent, 'id'> | Origin,
  props?: unknown,
  bytes?: number,
  frozen?: 0 | 1,
]
type Job =
  | CallJob
  | [kind: JobKind.ABORT, call: number]
  | [kind: JobKind.REPLY, reply: number, message: SocketMessage]
  | [kind: JobKind.SETTLE, request: number, error: string | null, value?: unknown]
  | [kind: JobKind.RELAY, relay: number, resume: 0 | 1]
  | [kind: JobKind.LOG, level: LogLevel, text: string]
  | [kind: JobKind.FORGET, actor: number]
  | [kind: JobKind.CALLS, calls: number]

/** Types of events that come as numbers: those the browser client sends, but `submit`, which has a form. */
const TYPES = EVENT_TYPES.filter((type) => type !== SUBMIT)

/** Where jobs go that are not calls. */
export interface Receivers {
  reply(reply: number, message: SocketMessage): void
  settle(request: number, error: string | null, value: unknown): void
  relay(relay: number, resume: boolean): void
}

interface Call {
  readonly number: number
  readonly sequence: number
  readonly context: Context
  /** The callback that runs now. */
  during: string
  /** What is handled; nothing where it is a join. */
  readonly event: LiveEvent | undefined
  /** What was kept of the committed state; `memo` and `json` only where it was. */
  kept: Kept
}

/** How a call changed its props. */
type Change = 'none' | 'whole' | 'parts'

/**
 * Does what Rust asks for: fetches all jobs that wait, calls handlers and renders, and hands all
 * results back in one call.
 */
export class Dispatcher {
  private readonly entries: Entry[] = []
  private readonly results = new Results()
  private readonly cache: PropsCache
  /** Calls whose handler has not returned yet. */
  private readonly running = new Map<number, Context>()
  /** What comes as numbers: how many calls, then the calls; see src/bridge/jobs.rs. */
  private readonly buffer = Buffer.allocUnsafeSlow((1 + Bound.CALLS * Bound.CALL_SIZE) * 8)
  private readonly calls = new Float64Array(this.buffer.buffer)
  /** The next of them. */
  private at = 0
  /** Names by the numbers as which they come. One may have several. */
  private readonly names: string[] = []
  private readonly readRequest = (call: number): LiveRequest | undefined => {
    const caller = this.native().caller(call)
    return caller === null ? undefined : this.requests.ofCaller(caller)
  }
  private flushing = false
  private readonly joins = new Joins()
  /** A wake is on its way. */
  private continuing = false
  private readonly failed = (error: unknown): void => {
    this.tell('error', traceOf(error))
  }
  private readonly isolation = new Isolation()
  /** Rust writes here: the first byte is 1 while calls have been given up that are not in `unwanted`. */
  readonly givenUp = Buffer.allocUnsafeSlow(1).fill(0)
  /** Calls that nobody waits for any more, among those that were fetched and have not been started. */
  private readonly unwanted = new Set<number>()

  constructor(
    private readonly native: () => NativeLoom,
    private readonly receivers: Receivers,
    private readonly logger: Logger,
    private readonly requests: Requests,
    private readonly onError: LoomOptions['onError'],
    propsCacheBytes: number,
    private readonly development: Development | undefined,
  ) {
    this.cache = new PropsCache(propsCacheBytes)
  }

  register(entry: Entry, id: number): void {
    this.entries[id] = entry
    const handlers =
      entry.raw || typeof entry.module.handle === 'function' ? undefined : Object.keys(entry.module.handle)
    // In development one that is unknown is told of the others.
    const isStrict = this.development === undefined
    this.native().numberNames(this.names.length, [...TYPES], id, handlers, isStrict)
    this.names.push(...TYPES, ...(handlers ?? []))
  }

  /** Called by Rust, once for any number of jobs. Must not throw: it would end the process. */
  readonly wake = (): void => {
    this.isolation.outside(this.drain)
  }

  private readonly drain = (): void => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const jobs = this.exchange()
      if (jobs !== null) {
        for (const job of jobs) {
          try {
            if (job[0] === JobKind.CALLS) this.runCalls(job[1])
            else this.isolation.run(this.run, this, job)
          } catch (error) {
            this.failed(error)
          }
        }
        this.runCalls(this.calls[0] as number)
      }
      if (!this.joins.isEmpty) this.joins.run(this.failed)
      else if (jobs === null) return
    }
    if (this.continuing) return
    this.continuing = true
    setImmediate(() => {
      this.continuing = false
      this.wake()
    })
  }

  /** Tells the operator, whatever becomes of it: a logger that throws is no reason to end the process. */
  private tell(level: keyof Logger, text: string): void {
    try {
      this.isolation.run(this.write, this, level, text)
    } catch {
      // There is nobody else to tell.
    }
  }

  /** Nothing comes any more. */
  end(): void {
    this.isolation.end()
  }

  private exchange(): Job[] | null {
    const { results } = this
    const json = this.native().exchange(results.ops, results.length, results.text, results.bytes, this.buffer)
    results.clear()
    if (this.unwanted.size > 0) this.unwanted.clear()
    this.at = 1
    if (json === null) return null
    return json === '' ? [] : (JSON.parse(json) as Job[])
  }

  /** Results that come outside a drain wait for the others of this turn. */
  private flushSoon(): void {
    if (this.flushing) return
    this.flushing = true
    queueMicrotask(() => {
      this.flushing = false
      this.wake()
    })
  }

  private run(job: Job): void {
    switch (job[0]) {
      case JobKind.CALL:
        this.call(job)
        return
      case JobKind.ABORT:
        this.abort(job[1])
        return
      case JobKind.REPLY:
        this.receivers.reply(job[1], job[2])
        return
      case JobKind.SETTLE:
        this.receivers.settle(job[1], job[2], job[3])
        return
      case JobKind.RELAY:
        this.receivers.relay(job[1], job[2] === 1)
        return
      case JobKind.LOG:
        this.tell(job[1] === LogLevel.ERROR ? 'error' : 'warn', job[2])
        return
      case JobKind.FORGET:
        this.cache.forget(job[1])
    }
  }

  private write(level: keyof Logger, text: string): void {
    this.logger[level](`loom-live: ${text}`)
  }

  private abort(call: number): void {
    this.joins.drop(call)
    const context = this.running.get(call)
    this.running.delete(call)
    try {
      context?.abort(new Error('the event took too long, or its component is gone'))
    } catch (error) {
      this.tell('error', traceOf(error))
    }
  }

  /** Learns which calls have been given up since Rust was asked last, be it in the middle of other work. */
  private hear(): void {
    const calls = this.native().givenUp()
    for (const call of calls) this.unwanted.add(call)
    // Whatever call this has come up in, it is none of theirs.
    this.isolation.outside(() => {
      for (const call of calls) this.isolation.run(this.abort, this, call)
    })
  }

  /**
   * Whether somebody still waits for a call that has been fetched. What a page has been told of as failed is not, so
   * whatever is to be done for a call is begun only after this.
   */
  private isWanted(call: number): boolean {
    if (this.givenUp[0] !== 0) this.hear()
    return this.unwanted.size === 0 || !this.unwanted.has(call)
  }

  /** The next so many calls of those that came as numbers. */
  private runCalls(count: number): void {
    const { calls } = this
    const end = this.at + count * Bound.CALL_SIZE
    calls[0] = (calls[0] as number) - count
    while (this.at < end) {
      const { at } = this
      this.at += Bound.CALL_SIZE
      try {
        this.isolation.run(this.callByNumbers, this, at)
      } catch (error) {
        this.tell('error', traceOf(error))
      }
    }
  }

  /** A call of which everything is known but what happened. */
  private callByNumbers(at: number): void {
    const { calls, names } = this
    const number = calls[at] as number
    if (!this.isWanted(number)) return
    const kept = this.cache.take(calls[at + 1] as number, calls[at + 3] as number)
    if (kept === undefined || !this.isAsLeft(kept)) {
      this.results.propsNeeded(number)
      return
    }
    this.event(number, calls[at + 2] as number, kept, {
      id: `${kept.component.instance}-${calls[at + 4] as number}`,
      handler: names[calls[at + 5] as number] as string,
      type: names[calls[at + 6] as number] as string,
    })
  }

  private call(job: CallJob): void {
    const [, call, actor, sequence, version, number, moduleId, id, instance, event] = job
    if (!this.isWanted(call)) return
    const module = this.entries[moduleId]
    if (module === undefined) {
      this.results.failed(call, `no module ${moduleId}`)
      return
    }
    // Also if props are handed over: an older copy is of no use any more.
    const copy = this.cache.take(actor, version)
    const component = { actor, module, id, instance }
    const kept =
      job.length > 10 ? this.handedOver(component, job[10], job[11] ?? 0, job[12] === 1) : named(copy, component)
    if (kept === undefined || !this.isAsLeft(kept)) {
      this.results.propsNeeded(call)
      return
    }
    if (event === null || Array.isArray(event)) {
      this.joins.add(call, () => {
        this.isolation.run(this.first, this, this.callOf(call, sequence, kept, undefined), event)
      })
    } else this.event(call, sequence, kept, withForm({ id: `${instance}-${number}`, ...event }))
  }

  private handedOver(component: Component, props: unknown, bytes: number, frozen: boolean): Kept {
    if (frozen) freeze(props)
    const isCompared = this.development !== undefined && !component.module.raw && bytes <= MAX_JSON
    return { ...whole(component, props, bytes, frozen), parsed: true, json: isCompared ? jsonOf(props) : undefined }
  }

  private callOf(number: number, sequence: number, kept: Kept, event: LiveEvent | undefined): Call {
    const { id, module } = kept.component
    const context = new Context(id, module.name, this.readRequest, number)
    this.development?.watch?.(context)
    return { number, sequence, context, during: 'handle', event, kept }
  }

  private event(number: number, sequence: number, kept: Kept, event: LiveEvent): void {
    const call = this.callOf(number, sequence, kept, event)
    const { module } = kept.component
    try {
      const result = module.raw
        ? module.module.handle_json(
            event.handler,
            kept.props as string,
            event.value ?? '',
            event.checked === undefined ? '' : String(event.checked),
            event.key ?? '',
          )
        : this.handle(call, module.module, kept.props as Record<string, unknown>, event)
      if (isThenable(result)) {
        this.wait(call, call, result, (value) => {
          this.finish(call, value)
        })
      } else {
        this.finish(call, result)
      }
    } catch (error) {
      this.fail(call, call.during, error)
    }
  }

  /** Renders for the first time, where the page may join. */
  private first(call: Call, origin: Origin): void {
    if (!this.isWanted(call.number)) return
    const { component, props } = call.kept
    const { module } = component
    if (origin !== null) this.development?.joined(module)
    if (module.raw || origin === null) {
      this.render(call, props, 'none')
      return
    }
    const joining: Joining = {
      context: call.context,
      during: 'join',
      isWanted: () => this.isWanted(call.number) && !call.context.isAborted,
      refused: (given) => {
        this.refused(call, given)
      },
      failed: (error) => {
        const what = `upgrade of module ${module.name} from version ${origin[1]} to ${module.version}`
        this.tell('warn', `${what}: ${textOf(error)}`)
        this.report(call, 'upgrade', error)
      },
    }
    const start = ({ props: first, changed, anew }: First): void => {
      if (joining.isWanted()) this.render(call, first, changed ? 'whole' : 'none', anew)
    }
    try {
      const first = firstProps(module, props as Record<string, unknown>, origin, joining)
      if (first instanceof Promise) {
        // Others may join meanwhile; src/turns.rs.
        this.results.waits(call.number)
        this.wait(call, joining, first, start)
      } else start(first)
    } catch (error) {
      this.fail(call, joining.during, error)
    }
  }

  /** `authorize` gave what is neither `true` nor `false`: then nobody may, and in development it is told why. */
  private refused({ kept }: Call, given: string): void {
    this.development?.checkAuthorize(kept.component.module.name, given)
  }

  private handle(call: Call, module: AnyModule, props: Record<string, unknown>, event: LiveEvent): unknown {
    const { context } = call
    const handler = handlerOf(module, event.handler)
    if (handler === undefined) return UNKNOWN
    if (module.authorize === undefined) return handler.call(module.handle, props, event, context)
    call.during = 'authorize'
    const allowed: unknown = module.authorize(context, event)
    const handle = (allowed: unknown): unknown => {
      if (!this.isWanted(call.number) || context.isAborted) throw new GivenUp()
      checkAllowed(allowed, (given) => {
        this.refused(call, given)
      })
      call.during = 'handle'
      return handler.call(module.handle, props, event, context)
    }
    return isThenable(allowed) ? Promise.resolve(allowed).then(handle) : handle(allowed)
  }

  /** Goes on when the promise has settled, with whatever else waits then. */
  private wait<T>(
    call: Call,
    at: { readonly during: string },
    promise: PromiseLike<T>,
    next: (value: T) => void,
  ): void {
    this.running.set(call.number, call.context)
    // A promise of our own: any other thenable may call back twice.
    Promise.resolve(promise).then(
      (value) => {
        this.finishLater(call, () => {
          next(value)
        })
      },
      (error: unknown) => {
        this.finishLater(call, () => {
          this.fail(call, at.during, error)
        })
      },
    )
  }

  /** An async handler has ended: too late, where its call was given up meanwhile. */
  private finishLater(call: Call, finish: () => void): void {
    if (this.givenUp[0] !== 0) this.hear()
    this.running.delete(call.number)
    if (call.context.isAborted) return
    // Many joins may have waited for the same promise.
    if (call.event === undefined) {
      this.joins.add(call.number, () => {
        this.isolation.run(finish, undefined)
      })
    } else finish()
    this.flushSoon()
  }

  private finish(call: Call, result: unknown): void {
    const { kept } = call
    const { module } = kept.component
    const handler = call.event?.handler ?? ''
    if (result === UNKNOWN) {
      if (this.development === undefined || module.raw) this.results.unknownHandler(call.number)
      else this.results.failed(call.number, this.development.unknownHandler(module, handler))
      call.context.end()
      return
    }
    if (module.raw) {
      if (typeof result !== 'string') {
        this.fail(call, 'handle_json', new TypeError(`Expected JSON text but received ${typeOf(result)}`))
        return
      }
      this.render(call, result, 'whole')
      return
    }
    this.development?.checkGiven(module, handler, kept.props, kept.json, result)
    const next = result ?? kept.props
    if (next === kept.props || !this.isUntouched(call)) {
      // It may have been changed anywhere, so nothing that was kept of it counts.
      call.kept = whole(kept.component, next, 0, kept.frozen)
      this.render(call, next, 'whole')
    } else {
      this.render(call, next, kept.parsed ? 'whole' : 'parts')
    }
  }

  /** Whether nobody changed the props since they were committed; only development knows. */
  private isAsLeft({ component, props, json }: Kept): boolean {
    const { development } = this
    return development === undefined || json === undefined || development.isAsLeft(component.module.name, props, json)
  }

  private isUntouched({ kept, event }: Call): boolean {
    const { development } = this
    if (development === undefined || event === undefined || kept.json === undefined) return true
    return development.isUntouched(kept.component.module.name, event.handler, kept.props, kept.json)
  }

  /** Renders and answers. */
  private render(call: Call, props: unknown, change: Change, anew = false): void {
    const { kept } = call
    const { component } = kept
    const { module } = component
    const { results, development } = this
    let { bytes, measured } = kept
    let callback = 'handle'
    let memo: Memo | undefined
    // Before props and tree are compared with the last ones: should it change its props after all,
    // both comparisons still are of the same.
    const before = development === undefined || module.raw ? undefined : jsonOf(props)
    const tree = attempt(module, props)
    if (before) development?.checkRender(module.name, props, before)
    results.begin(call.number, anew, call.context.keepsForm)
    let { frozen } = kept
    // Of whatever else has been looked at.
    takeSeen()
    try {
      if (change === 'whole') bytes = measured = 0
      if (change !== 'none') bytes += this.writeProps(call, props, change)
      frozen = takeSeen() || frozen
      if (frozen) freeze(props)
      results.propsDone(call.context.redirectUrl, frozen)
      callback = 'render'
      memo = encodeTree(results, given(tree), kept.memo, development?.checkOf(module))
      results.treeDone()
    } catch (error) {
      results.undo()
      this.fail(call, callback, error)
      return
    }
    call.context.end()
    let json: string | undefined
    if (development !== undefined && !module.raw) {
      json = JSON.stringify(props)
      bytes = json.length
      if (bytes > MAX_JSON) json = undefined
    } else if (measured === 0) {
      measured = bytes
    } else if (bytes > 2 * measured + 1024) {
      // What was added is known, what went is not: measured anew before it is far off.
      measured = bytes = module.raw ? (props as string).length : JSON.stringify(props).length
    }
    const isParsed = kept.parsed && change === 'none'
    const version = call.sequence
    this.cache.put(component.actor, {
      component,
      version,
      props,
      parsed: isParsed,
      frozen,
      memo,
      bytes,
      measured,
      json,
    })
  }

  private writeProps({ kept, event }: Call, props: unknown, change: Change): number {
    if (kept.component.module.raw) return text(this.results, props as string)
    const source = (): string => (event === undefined ? 'the join' : `the handler ${JSON.stringify(event.handler)}`)
    if (change === 'whole') return writeWhole(this.results, props, source)
    return writeChanges(this.results, kept.props as object, props, source)
  }

  /** Nothing is committed; the copy of the props, which may have been changed, is gone already. */
  private fail(call: Call, callback: string, error: unknown): void {
    // Rust has its own answer to what nobody waits for.
    if (error instanceof GivenUp) return
    if (error instanceof Refusal) {
      this.results.refused(call.number, error)
    } else {
      this.report(call, callback, error)
      const { name } = call.kept.component.module
      this.results.failed(call.number, `${callback} of module ${name}: ${textOf(error)}`, stackOf(error))
    }
    call.context.end()
  }

  /** Hands what was thrown to the application, as it was thrown. What comes of that harms nobody. */
  private report({ kept, event, context }: Call, callback: string, error: unknown): void {
    const { onError } = this
    if (onError === undefined) return
    const failed = (problem: unknown): void => {
      this.tell('error', `the option onError failed: ${traceOf(problem)}`)
    }
    try {
      const { request } = context
      const about = { module: kept.component.module.name, callback, handler: event?.handler, event, request }
      const returned: unknown = onError(error, about as ErrorContext)
      if (isThenable(returned)) Promise.resolve(returned).catch(failed)
    } catch (problem) {
      failed(problem)
    }
  }
}

const UNKNOWN = Symbol('unknown handler')

/** Props of which nothing is known but what they are. */
function whole(component: Component, props: unknown, bytes: number, frozen: boolean): Kept {
  return {
    component,
    version: 0,
    props,
    parsed: false,
    frozen,
    memo: undefined,
    bytes,
    measured: bytes,
    json: undefined,
  }
}

/** A copy, under the names that the component has by now: on another connection it has another id. */
function named(copy: Kept | undefined, component: Component): Kept | undefined {
  return copy === undefined || copy.component.id === component.id ? copy : { ...copy, component }
}

/** A form has a member for each of its fields, whatever they are called, and no others. */
function withForm(event: LiveEvent): LiveEvent {
  const { form } = event
  return form === undefined ? event : { ...event, form: Object.assign(Object.create(null), form) as typeof form }
}

/** What a module renders: a raw one gives JSON. */
export function treeOf(module: Entry, props: unknown): Tree | string {
  if (module.raw) {
    const tree: unknown = module.module.render_tree_json(props as string)
    if (typeof tree === 'string') return tree
    throw new LoomError('LOOM_TEMPLATE', `Expected JSON text from render_tree_json but received ${typeOf(tree)}`)
  }
  const tree: unknown = module.module.render(props as Record<string, unknown>)
  if (tree instanceof Tree) return tree
  const hint = isThenable(tree) ? '; render is not async, load data in a handler' : ''
  throw new LoomError('LOOM_TEMPLATE', `Expected html\`…\` from render but received ${typeOf(tree)}${hint}`)
}

/** What was thrown; it counts only where the props are valid, for else they may be the reason. */
class Thrown {
  constructor(readonly error: unknown) {}
}

function attempt(module: Entry, props: unknown): Tree | string | Thrown {
  try {
    return treeOf(module, props)
  } catch (error) {
    return new Thrown(error)
  }
}

function given(tree: Tree | string | Thrown): Tree | string {
  if (tree instanceof Thrown) throw tree.error
  return tree
}

/** Writes a tree, relative to the last one. */
export function encodeTree(writer: Writer, tree: Tree | string, last?: Memo, check?: TreeCheck): Memo | undefined {
  if (tree instanceof Tree) return encodeRoot(writer, tree, last, check)
  encodeJson(writer, tree)
  return undefined
}
