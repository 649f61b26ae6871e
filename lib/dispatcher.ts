import type { LiveEvent, Logger, SocketMessage } from '../index'
import { type Component, PropsCache, type Entry as Kept } from './cache'
import { isThenable, typeOf } from './check'
import { Bound, EVENT_TYPES, JobKind, LogLevel, SUBMIT } from './codec'
import { Context } from './context'
import { text, writeChanges, writeWhole } from './delta'
import { type Development, jsonOf, MAX_JSON } from './development'
import { encodeJson, encodeRoot, type Memo, type TreeCheck } from './encode'
import { LoomError, stackOf, textOf, traceOf } from './errors'
import { Tree } from './html'
import { checkAllowed, type First, firstProps, type Origin } from './join'
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
]
type Job =
  | CallJob
  | [kind: JobKind.ABORT, call: number]
  | [kind: JobKind.REPLY, reply: number, message: SocketMessage]
  | [kind: JobKind.SETTLE, request: number, error: string | null, value?: unknown]
  | [kind: JobKind.BRIDGE, bridge: number, resume: 0 | 1]
  | [kind: JobKind.LOG, level: LogLevel, text: string]
  | [kind: JobKind.FORGET, actor: number]
  | [kind: JobKind.CALLS, calls: number]

/** Types of events that come as numbers: those the browser client sends, but `submit`, which has a form. */
const TYPES = EVENT_TYPES.filter((type) => type !== SUBMIT)

/** Where jobs go that are not calls. */
export interface Receivers {
  reply(reply: number, message: SocketMessage): void
  settle(request: number, error: string | null, value: unknown): void
  bridge(bridge: number, resume: boolean): void
}

interface Call {
  readonly number: number
  readonly sequence: number
  readonly context: Context
  /** The handler's name; none where it is a join. */
  readonly handler: string | undefined
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
  private readonly readRequest = (call: number): string | null => this.native().request(call)
  private flushing = false
  private readonly joins = new Joins()
  /** A wake is on its way. */
  private continuing = false
  private readonly tell = (error: unknown): void => {
    this.logger.error(`loom-live: ${traceOf(error)}`)
  }

  constructor(
    private readonly native: () => NativeLoom,
    private readonly receivers: Receivers,
    private readonly logger: Logger,
    propsCacheBytes: number,
    private readonly development: Development | undefined,
  ) {
    this.cache = new PropsCache(propsCacheBytes)
  }

  register(entry: Entry, id: number): void {
    this.entries[id] = entry
    const handlers = entry.raw || typeof entry.module.handle === 'function' ? [] : Object.keys(entry.module.handle)
    const names = [...TYPES, ...handlers]
    this.native().numberNames(this.names.length, names)
    this.names.push(...names)
  }

  /** Called by Rust, once for any number of jobs. Must not throw: it would end the process. */
  readonly wake = (): void => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const jobs = this.exchange()
      if (jobs !== null) {
        for (const job of jobs) {
          try {
            this.run(job)
          } catch (error) {
            this.tell(error)
          }
        }
        this.runCalls(this.calls[0] as number)
      }
      if (!this.joins.isEmpty) this.joins.run(this.tell)
      else if (jobs === null) return
    }
    if (this.continuing) return
    this.continuing = true
    setImmediate(() => {
      this.continuing = false
      this.wake()
    })
  }

  private exchange(): Job[] | null {
    const { results } = this
    const json = this.native().exchange(results.ops, results.length, results.text, results.bytes, this.buffer)
    results.clear()
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
        this.joins.drop(job[1])
        this.running.get(job[1])?.abort(new Error('the event took too long, or its component is gone'))
        this.running.delete(job[1])
        return
      case JobKind.REPLY:
        this.receivers.reply(job[1], job[2])
        return
      case JobKind.SETTLE:
        this.receivers.settle(job[1], job[2], job[3])
        return
      case JobKind.BRIDGE:
        this.receivers.bridge(job[1], job[2] === 1)
        return
      case JobKind.LOG:
        this.logger[job[1] === LogLevel.ERROR ? 'error' : 'warn'](`loom-live: ${job[2]}`)
        return
      case JobKind.FORGET:
        this.cache.forget(job[1])
        return
      case JobKind.CALLS:
        this.runCalls(job[1])
    }
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
        this.callByNumbers(at)
      } catch (error) {
        this.logger.error(`loom-live: ${traceOf(error)}`)
      }
    }
  }

  /** A call of which everything is known but what happened. */
  private callByNumbers(at: number): void {
    const { calls, names } = this
    const number = calls[at] as number
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
    const module = this.entries[moduleId]
    if (module === undefined) {
      this.results.failed(call, `no module ${moduleId}`)
      return
    }
    // Also where props are handed over: an older copy is of no use any more.
    const copy = this.cache.take(actor, version)
    const kept = job.length > 10 ? this.handedOver({ actor, module, id, instance }, job[10], job[11] ?? 0) : copy
    if (kept === undefined || !this.isAsLeft(kept)) {
      this.results.propsNeeded(call)
      return
    }
    if (event === null || Array.isArray(event)) {
      this.joins.add(call, () => {
        this.first(this.callOf(call, sequence, kept, undefined), event)
      })
    } else this.event(call, sequence, kept, { id: `${instance}-${number}`, ...event })
  }

  private handedOver(component: Component, props: unknown, bytes: number): Kept {
    const kept = whole(component, props, bytes, true)
    const isCompared = this.development !== undefined && !component.module.raw && bytes <= MAX_JSON
    return isCompared ? { ...kept, json: jsonOf(props) } : kept
  }

  private callOf(number: number, sequence: number, kept: Kept, handler: string | undefined): Call {
    const { id, module } = kept.component
    const context = new Context(id, module.name, this.readRequest, number)
    this.development?.watch?.(context)
    return { number, sequence, context, handler, kept }
  }

  private event(number: number, sequence: number, kept: Kept, event: LiveEvent): void {
    const call = this.callOf(number, sequence, kept, event.handler)
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
        this.wait(call, 'handle', result, (value) => {
          this.finish(call, value)
        })
      } else {
        this.finish(call, result)
      }
    } catch (error) {
      this.fail(call, 'handle', error)
    }
  }

  /** Renders for the first time, where the page may join. */
  private first(call: Call, origin: Origin): void {
    const { component, props } = call.kept
    const { module } = component
    if (origin !== null) this.development?.joined(module)
    if (module.raw || origin === null) {
      this.render(call, props, 'none')
      return
    }
    const start = ({ props: first, changed, anew }: First): void => {
      this.render(call, first, changed ? 'whole' : 'none', anew)
    }
    try {
      const warn = (text: string): void => {
        this.logger.warn(text)
      }
      const first = firstProps(module, props as Record<string, unknown>, origin, call.context, warn)
      if (first instanceof Promise) {
        // Others may join meanwhile; src/turns.rs.
        this.results.waits(call.number)
        this.wait(call, 'join', first, start)
      } else start(first)
    } catch (error) {
      this.fail(call, 'join', error)
    }
  }

  private handle(call: Call, module: AnyModule, props: Record<string, unknown>, event: LiveEvent): unknown {
    const { context } = call
    const handler = handlerOf(module, event.handler)
    if (handler === undefined) return UNKNOWN
    const allowed = module.authorize?.(context, event)
    const handle = (allowed: unknown): unknown => {
      checkAllowed(allowed)
      return handler.call(module.handle, props, event, context)
    }
    return isThenable(allowed) ? Promise.resolve(allowed).then(handle) : handle(allowed)
  }

  /** Goes on when the promise has settled, with whatever else waits then. */
  private wait<T>(call: Call, callback: string, promise: PromiseLike<T>, next: (value: T) => void): void {
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
          this.fail(call, callback, error)
        })
      },
    )
  }

  /** An async handler has ended: too late, where its call was given up meanwhile. */
  private finishLater(call: Call, finish: () => void): void {
    this.running.delete(call.number)
    if (call.context.isAborted) return
    // Many joins may have waited for the same promise.
    if (call.handler === undefined) this.joins.add(call.number, finish)
    else finish()
    this.flushSoon()
  }

  private finish(call: Call, result: unknown): void {
    const { kept } = call
    const { module } = kept.component
    const { handler = '' } = call
    if (result === UNKNOWN) {
      if (this.development === undefined || module.raw) this.results.unknownHandler(call.number)
      else this.results.failed(call.number, this.development.unknownHandler(module, handler))
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
      call.kept = whole(kept.component, next, 0)
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

  private isUntouched({ kept, handler }: Call): boolean {
    const { development } = this
    if (development === undefined || handler === undefined || kept.json === undefined) return true
    return development.isUntouched(kept.component.module.name, handler, kept.props, kept.json)
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
    try {
      if (change === 'whole') bytes = measured = 0
      if (change !== 'none') bytes += this.writeProps(call, props, change)
      results.propsDone(call.context.redirectUrl)
      callback = 'render'
      memo = encodeTree(results, given(tree), kept.memo, development?.checkOf(module))
      results.treeDone()
    } catch (error) {
      results.undo()
      this.fail(call, callback, error)
      return
    }
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
    const parsed = kept.parsed && change === 'none'
    this.cache.put(component.actor, { component, version: call.sequence, props, parsed, memo, bytes, measured, json })
  }

  private writeProps({ kept, handler }: Call, props: unknown, change: Change): number {
    if (kept.component.module.raw) return text(this.results, props as string)
    const source = (): string => (handler === undefined ? 'the join' : `the handler ${JSON.stringify(handler)}`)
    if (change === 'whole') return writeWhole(this.results, props, source)
    return writeChanges(this.results, kept.props as object, props, source)
  }

  /** Nothing is committed; the copy of the props, which may have been changed, is gone already. */
  private fail(call: Call, callback: string, error: unknown): void {
    if (error instanceof Refusal) {
      this.results.refused(call.number, error)
      return
    }
    const { name } = call.kept.component.module
    this.results.failed(call.number, `${callback} of module ${name}: ${textOf(error)}`, stackOf(error))
  }
}

const UNKNOWN = Symbol('unknown handler')

/** Props of which nothing is known but what they are. */
function whole(component: Component, props: unknown, bytes: number, parsed = false): Kept {
  return { component, version: 0, props, parsed, memo: undefined, bytes, measured: bytes, json: undefined }
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
