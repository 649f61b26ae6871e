import type { Limits, LiveRequest, LogCode, LogFields, LoomOptions } from '../../index'
import { Bound, JobKind, Joins as JoinKind, LogLevel } from '../codec'
import type { NativeLoom } from '../native'
import { freeze } from '../render/frozen'
import { type Component, PropsCache, type Entry as Kept } from './cache'
import { named, uncached, withForm } from './call'
import { Commit } from './commit'
import type { Caller, Requests } from './context'
import { type Development, jsonOf, MAX_JSON } from './development'
import { GivenUpCalls } from './given_up'
import { receiversOf } from './effects'
import { Handling } from './handle'
import { Isolation } from './isolation'
import { type CallJob, type Job, type LogJob, type Receivers, TYPES } from './jobs'
import { Joins } from './joins'
import type { Entry } from './modules'
import { Messages } from './messages'
import { Operator } from './operator'
import { Results } from './results'
import type { Log } from '../telemetry/log'
import { Steps } from '../telemetry/steps'
import { traceIn, withoutTrace } from '../telemetry/trace'
import { Tasks } from './tasks'
import { UPLOAD } from '../uploads/rules'
import { PARAMS } from './reserved'
import { Uploads } from '../uploads/uploads'

/** How often in a row jobs are fetched before other work of the process gets its turn. */
const MAX_ROUNDS = 8

/**
 * Does the work that Rust asks for: fetches all jobs that wait, calls handlers and renders, and hands all results back
 * in one call.
 */
export class Dispatcher {
  private readonly entries: Entry[] = []
  private readonly results = new Results()
  private readonly joins = new Joins()
  private readonly isolation = new Isolation()
  private readonly cache: PropsCache
  private readonly operator: Operator
  private readonly givenUp: GivenUpCalls
  private readonly handling: Handling
  readonly uploads: Uploads
  private readonly tasks: Tasks
  readonly steps: Steps
  private readonly messages = new Messages()
  /** Calls as numbers: first how many, then the calls; see src/bridge/jobs.rs. */
  private readonly buffer = Buffer.allocUnsafeSlow((1 + Bound.CALLS * Bound.CALL_SIZE) * 8)
  private readonly calls = new Float64Array(this.buffer.buffer)
  /** The next of them. */
  private at = 0
  /** Names by the numbers as which they come. One may have several. */
  private readonly names: string[] = []
  /** Set while results that came outside a drain wait for the end of this turn. */
  private isFlushing = false
  /** Set while a wake is on its way. */
  private isContinuing = false

  constructor(
    private readonly native: () => NativeLoom,
    private readonly receivers: Receivers,
    log: Log,
    requests: Requests,
    onError: LoomOptions['onError'],
    limits: Pick<Limits, 'propsCacheBytes' | 'addressPrefix'>,
    private readonly development: Development | undefined,
    hasStore: boolean,
  ) {
    const { isolation, joins, results } = this
    const observe = (isObserved: boolean): void => {
      native().observe(isObserved)
    }
    const steps = (this.steps = new Steps(log.loom, observe, hasStore))
    const cache = (this.cache = new PropsCache(limits.propsCacheBytes))
    const operator = (this.operator = new Operator(isolation, log, onError))
    const tell = (level: 'error' | 'warn', code: LogCode, text: string): void => {
      operator.tell(level, code, text)
    }
    this.uploads = new Uploads(native, tell, limits.addressPrefix)
    const givenUp = (this.givenUp = new GivenUpCalls(native, isolation, joins, operator))
    const commit = new Commit(results, cache, operator, development, steps, (call, promise, next) => {
      this.handling.wait(call, call, promise, next)
    })
    const readCaller = (call: number): Caller | undefined => {
      const caller = native().caller(call)
      return caller === null ? undefined : withoutTrace(caller)
    }
    const readTrace = (call: number): string => traceIn(native().caller(call)?.[2] ?? '')
    const requestOf = (caller: Caller): LiveRequest => requests.ofCaller(caller)
    const flushSoon = (): void => {
      this.flushSoon()
    }
    const tasks = (this.tasks = new Tasks(
      native,
      results,
      isolation,
      operator,
      development !== undefined,
      flushSoon,
      receivers.promise,
    ))
    this.handling = new Handling(
      commit,
      givenUp,
      joins,
      results,
      isolation,
      operator,
      development,
      { readCaller, readTrace, requestOf, tasks, uploads: this.uploads },
      steps,
      flushSoon,
    )
  }

  /** One byte that Rust sets when calls have been given up. */
  get givenUpSignal(): Buffer {
    return this.givenUp.signal
  }

  /** For code that calls the application without an actor. */
  get tellsOperator(): Operator {
    return this.operator
  }

  register(entry: Entry, id: number): void {
    this.entries[id] = entry
    const handlers =
      entry.raw || typeof entry.module.handle === 'function'
        ? undefined
        : [
            ...Object.keys(entry.module.handle),
            ...(entry.uploads === undefined ? [] : [UPLOAD]),
            ...(entry.module.params === undefined ? [] : [PARAMS]),
          ]
    // In development, the message about an unknown receiver names the others.
    const isStrict = this.development === undefined
    const receivers = receiversOf(entry)
    this.native().numberNames(this.names.length, [...TYPES], id, handlers, isStrict, [...receivers])
    this.names.push(...TYPES, ...(handlers ?? []), ...receivers)
  }

  /** In development a module may take the place of another one. */
  replace(entry: Entry, id: number): void {
    const replaced = this.entries[id]
    this.register(entry, id)
    if (replaced !== undefined) this.cache.clear(replaced)
  }

  /** Called by Rust, once for any number of jobs. Must not throw: it would end the process. */
  readonly wake = (): void => {
    this.steps.look()
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
            this.operator.failed(error)
          }
        }
        this.runCalls(this.calls[0] as number)
      }
      if (!this.joins.isEmpty) this.joins.run(this.operator.failed)
      else if (jobs === null) return
    }
    if (this.isContinuing) return
    this.isContinuing = true
    setImmediate(() => {
      this.isContinuing = false
      this.wake()
    })
  }

  /** Nothing comes any more. */
  end(): void {
    this.isolation.end()
  }

  private exchange(): Job[] | null {
    const { results } = this
    const json = this.native().exchange(results.ops, results.length, results.text, results.bytes, this.buffer)
    results.clear()
    this.givenUp.forget()
    this.at = 1
    if (json === null) return null
    return json === '' ? [] : (JSON.parse(json) as Job[])
  }

  /** Results that come outside a drain wait for the others of this turn. */
  private flushSoon(): void {
    if (this.isFlushing) return
    this.isFlushing = true
    queueMicrotask(() => {
      this.isFlushing = false
      this.wake()
    })
  }

  private run(job: Job): void {
    switch (job[0]) {
      case JobKind.CALL:
        this.call(job)
        return
      case JobKind.ABORT:
        this.givenUp.abort(job[1])
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
        this.tell(job)
        return
      case JobKind.NEXT_VALUE:
        this.tasks.next(job[1])
        return
      case JobKind.END_TASK:
        this.tasks.abort(job[1])
        return
      case JobKind.STORE: {
        const [, call, ...asked] = job
        this.receivers.store(call, ...asked)
        return
      }
      case JobKind.ANNOUNCED:
        this.receivers.announced(job[1])
        return
      case JobKind.TIMED:
        this.steps.timed(job)
        return
      case JobKind.FORGET:
        this.cache.forget(job[1])
        this.development?.recorder.forget(job[1])
        this.steps.abandon(job[1])
        this.tasks.forget(job[1])
    }
  }

  /** Writes a line of Rust to the application's log. */
  private tell([, level, code, about, leftOut, text]: LogJob): void {
    const more: Omit<LogFields, 'code'> = {
      ...(about !== '' && (code === 'LOOM_CONNECTION' ? { reason: about } : { module: about })),
      ...(leftOut > 0 && { leftOut }),
    }
    this.operator.tell(level === LogLevel.ERROR ? 'error' : 'warn', code, text, more)
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
        this.operator.failed(error)
      }
    }
  }

  /** A call as numbers: everything about it is known, except what has happened (the event or the messages). */
  private callByNumbers(at: number): void {
    const { calls, names } = this
    const number = calls[at] as number
    if (!this.givenUp.isWanted(number)) return
    const sequence = calls[at + 2] as number
    const isEvent = calls[at + 6] !== Bound.MESSAGE
    const arrived = isEvent
      ? undefined
      : this.messages.of(calls[at + 4] as number, names[calls[at + 5] as number] as string)
    const kept = this.cache.take(calls[at + 1] as number, calls[at + 3] as number)
    if (kept === undefined || !this.isAsLeft(kept)) {
      this.results.propsNeeded(number)
      return
    }
    if (!isEvent) {
      if (arrived === undefined) this.results.propsNeeded(number)
      else this.handling.visit(number, sequence, kept, [arrived])
      return
    }
    this.handling.event(number, sequence, kept, {
      id: `${kept.component.instance}-${calls[at + 4] as number}`,
      handler: names[calls[at + 5] as number] as string,
      type: names[calls[at + 6] as number] as string,
    })
  }

  private call(job: CallJob): void {
    const [, call, actor, sequence, version, number, moduleId, id, instance, event] = job
    if (!this.givenUp.isWanted(call)) return
    const module = this.entries[moduleId]
    if (module === undefined) {
      this.results.failed(call, `no module ${moduleId}`)
      return
    }
    if (Array.isArray(event) && event[0] === JoinKind.SHOWN) {
      this.joins.add(call, () => {
        const { handling } = this
        const known = uncached({ actor, module, id, instance }, undefined, 0, false)
        this.isolation.run(handling.stillAllowed, handling, handling.callOf(call, sequence, known, undefined))
      })
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
    if (event !== null && 'messages' in event) {
      const arrived = this.messages.arrived(event.messages)
      if (arrived !== undefined) this.handling.visit(call, sequence, kept, arrived)
      else this.results.propsNeeded(call)
    } else if (event === null || Array.isArray(event)) {
      this.joins.add(call, () => {
        const { handling } = this
        this.isolation.run(handling.first, handling, handling.callOf(call, sequence, kept, undefined), event)
      })
    } else this.handling.event(call, sequence, kept, withForm({ id: `${instance}-${number}`, ...event }))
  }

  private handedOver(component: Component, props: unknown, bytes: number, frozen: boolean): Kept {
    if (frozen) freeze(props)
    const isCompared = this.development !== undefined && !component.module.raw && bytes <= MAX_JSON
    return { ...uncached(component, props, bytes, frozen), parsed: true, json: isCompared ? jsonOf(props) : undefined }
  }

  /** Whether nobody changed the props since they were committed; only development knows. */
  private isAsLeft({ component, props, json }: Kept): boolean {
    const { development } = this
    return development === undefined || json === undefined || development.isAsLeft(component.module.name, props, json)
  }
}
