import type { LiveEvent, Logger, SocketMessage } from '../index'
import { PropsCache, type Entry as Kept } from './cache'
import { isThenable, typeOf } from './check'
import { Context } from './context'
import { text, writeChanges, writeWhole } from './delta'
import { type Development, MAX_JSON } from './development'
import { encodeJson, encodeRoot, type Memo, type RowCheck } from './encode'
import { Refusal, textOf, traceOf } from './errors'
import { Tree } from './html'
import { type First, firstProps, type Origin } from './join'
import { type AnyModule, type Entry, handlerOf } from './modules'
import type { NativeLoom } from './native'
import { Results } from './results'
import type { Writer } from './writer'

/** How often in a row jobs are fetched before other work of the process gets its turn. */
const MAX_ROUNDS = 8

// Jobs as src/bridge/jobs.rs writes them.
type CallJob = [0, number, number, number, number, number, string, LiveEvent | Origin, unknown?, number?]
type Job =
  | CallJob
  | [kind: 1, call: number]
  | [kind: 2, reply: number, message: SocketMessage]
  | [kind: 3, request: number, error: string | null, value?: unknown]
  | [kind: 4, bridge: number, resume: 0 | 1]
  | [kind: 5, level: 0 | 1, text: string]
  | [kind: 6, actor: number]

/** Where jobs go that are not calls. */
export interface Receivers {
  reply(reply: number, message: SocketMessage): void
  settle(request: number, error: string | null, value: unknown): void
  bridge(bridge: number, resume: boolean): void
}

interface Call {
  number: number
  actor: number
  sequence: number
  entry: Entry
  context: Context
  /** The handler's name. */
  handler: string
  /** What was kept of the committed state; `memo` and `json` only where it was. */
  kept: Omit<Kept, 'version'>
}

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
  private flushing = false

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
  }

  /** Called by Rust, once for any number of jobs. Must not throw: it would end the process. */
  readonly wake = (): void => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const jobs = this.exchange()
      if (jobs === null) return
      for (const job of jobs) {
        try {
          this.run(job)
        } catch (error) {
          this.logger.error(`loom-live: ${traceOf(error)}`)
        }
      }
    }
    setImmediate(this.wake)
  }

  private exchange(): Job[] | null {
    const { results } = this
    const json = this.native().exchange(results.ops, results.length, results.text, results.bytes)
    results.clear()
    return json === null ? null : (JSON.parse(json) as Job[])
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
      case 0:
        this.call(job)
        return
      case 1:
        this.running.get(job[1])?.abort(new Error('the event took too long, or its component is gone'))
        this.running.delete(job[1])
        return
      case 2:
        this.receivers.reply(job[1], job[2])
        return
      case 3:
        this.receivers.settle(job[1], job[2], job[3])
        return
      case 4:
        this.receivers.bridge(job[1], job[2] === 1)
        return
      case 5:
        this.logger[job[1] === 0 ? 'error' : 'warn'](`loom-live: ${job[2]}`)
        return
      case 6:
        this.cache.forget(job[1])
    }
  }

  private call(job: CallJob): void {
    const [, number, actor, sequence, version, module, id, event] = job
    const entry = this.entries[module]
    if (entry === undefined) {
      this.results.failed(number, `no module ${module}`)
      return
    }
    // Also where props are handed over: an older copy is of no use any more.
    const copy = this.cache.take(actor, version)
    const kept = job.length > 8 ? whole(job[8], job[9] ?? 0) : copy
    if (kept === undefined) {
      this.results.propsNeeded(number)
      return
    }
    if (!this.isAsLeft(entry, kept)) {
      this.results.propsNeeded(number)
      return
    }
    const { props } = kept
    const context = new Context(id, entry.name, () => this.native().request(number))
    const call: Call = { number, actor, sequence, entry, context, kept, handler: '' }
    if (event === null || Array.isArray(event)) {
      this.first(call, props, event)
      return
    }
    call.handler = event.handler
    try {
      const result = entry.raw
        ? entry.module.handle_json(
            event.handler,
            props as string,
            event.value ?? '',
            event.checked === undefined ? '' : String(event.checked),
            event.key ?? '',
          )
        : this.handle(call, entry.module, props as Record<string, unknown>, event)
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
  private first(call: Call, props: unknown, origin: Origin): void {
    const { entry } = call
    if (entry.raw || origin === null) {
      this.render(call, props, undefined)
      return
    }
    const start = ({ props: first, changed, anew }: First): void => {
      const write = (): number => writeWhole(this.results, first, 'the join')
      this.render(call, first, changed ? write : undefined, anew)
    }
    try {
      const warn = (text: string): void => {
        this.logger.warn(text)
      }
      const first = firstProps(entry, props as Record<string, unknown>, origin, call.context, warn)
      if (first instanceof Promise) this.wait(call, 'join', first, start)
      else start(first)
    } catch (error) {
      this.fail(call, 'join', error)
    }
  }

  private handle(call: Call, module: AnyModule, props: Record<string, unknown>, event: LiveEvent): unknown {
    const { context } = call
    const handler = handlerOf(module, event.handler)
    if (handler === undefined) return UNKNOWN
    const allowed = module.authorize?.(context, event)
    if (!isThenable(allowed)) return handler.call(module.handle, props, event, context)
    return Promise.resolve(allowed).then(() => handler.call(module.handle, props, event, context))
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
    finish()
    this.flushSoon()
  }

  private finish(call: Call, result: unknown): void {
    const { entry, kept } = call
    if (result === UNKNOWN) {
      this.results.unknownHandler(call.number)
      return
    }
    if (entry.raw) {
      if (typeof result !== 'string') {
        this.fail(call, 'handle_json', new TypeError(`Expected JSON text but received ${typeOf(result)}`))
        return
      }
      this.render(call, result, () => text(this.results, result))
      return
    }
    const next = result ?? kept.props
    const source = `the handler ${JSON.stringify(call.handler)}`
    if (next === kept.props || !this.isUntouched(call)) {
      // It may have been changed anywhere, so nothing that was kept of it counts.
      call.kept = whole(next, 0)
      this.render(call, next, () => writeWhole(this.results, next, source))
    } else {
      this.render(call, next, () => writeChanges(this.results, kept.props as object, next, source))
    }
  }

  /** Whether nobody changed the props since they were committed; only development knows. */
  private isAsLeft(entry: Entry, { props, json }: Call['kept']): boolean {
    const { development } = this
    return development === undefined || json === undefined || development.isAsLeft(entry.name, props, json)
  }

  private isUntouched({ kept, entry, handler }: Call): boolean {
    const { development } = this
    if (development === undefined || kept.json === undefined) return true
    return development.isUntouched(entry.name, handler, kept.props, kept.json)
  }

  /** Renders and answers. `write` says how the props changed; without it they did not. */
  private render(call: Call, props: unknown, write: (() => number) | undefined, anew = false): void {
    const { entry, number, context, kept } = call
    const { development } = this
    const check: RowCheck | undefined = development && ((list, last) => development.checkRows(entry.name, list, last))
    let { bytes, measured } = kept
    let callback = 'handle'
    let memo: Memo | undefined
    try {
      memo = this.results.done(
        number,
        anew,
        context.redirectUrl,
        () => {
          if (write !== undefined) bytes += write()
          callback = 'render'
        },
        () => renderTree(this.results, entry, props, kept.memo, check),
      )
    } catch (error) {
      this.fail(call, callback, error)
      return
    }
    let json: string | undefined
    if (development !== undefined && !entry.raw) {
      json = JSON.stringify(props)
      bytes = json.length
      if (bytes > MAX_JSON) json = undefined
    } else if (measured === 0) {
      measured = bytes
    } else if (bytes > 2 * measured + 1024) {
      // What was added is known, what went is not: measured anew before it is far off.
      measured = bytes = entry.raw ? (props as string).length : JSON.stringify(props).length
    }
    this.cache.put(call.actor, { version: call.sequence, props, memo, bytes, measured, json })
  }

  /** Nothing is committed; the copy of the props, which may have been changed, is gone already. */
  private fail(call: Call, callback: string, error: unknown): void {
    if (error instanceof Refusal) {
      this.results.refused(call.number, error)
      return
    }
    this.results.failed(call.number, `${callback} of module ${call.entry.name}: ${textOf(error)}`)
  }
}

const UNKNOWN = Symbol('unknown handler')

/** Props of which nothing is known but what they are. */
function whole(props: unknown, bytes: number): Call['kept'] {
  return { props, memo: undefined, bytes, measured: bytes, json: undefined }
}

/** Writes the tree of a module's props, relative to the last one. */
export function renderTree(
  writer: Writer,
  entry: Entry,
  props: unknown,
  last?: Memo,
  check?: RowCheck,
): Memo | undefined {
  if (entry.raw) {
    const tree: unknown = entry.module.render_tree_json(props as string)
    if (typeof tree !== 'string') {
      throw new TypeError(`Expected JSON text from render_tree_json but received ${typeOf(tree)}`)
    }
    encodeJson(writer, tree)
    return undefined
  }
  const tree: unknown = entry.module.render(props as Record<string, unknown>)
  if (!(tree instanceof Tree)) {
    const hint = isThenable(tree) ? '; render is not async, load data in a handler' : ''
    throw new TypeError(`Expected html\`…\` from render but received ${typeOf(tree)}${hint}`)
  }
  return encodeRoot(writer, tree, last, check)
}
