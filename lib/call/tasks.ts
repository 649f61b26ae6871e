import type { LogCode, TaskSource } from '../../index'
import { isThenable } from '../check'
import { Status } from '../codec'
import type { NativeLoom } from '../native'
import { textOf, TopicAway, traceOf } from '../errors'
import { stringifyData } from '../render/props'
import type { Isolation } from './isolation'
import type { MakePromise } from './jobs'
import type { Results } from './results'

/** Writes to the application's log. */
interface Operator {
  tell(level: 'error', code: LogCode, text: string, more?: { readonly module: string }): void
  failed(error: unknown): void
}

/** A topic's epoch, its last number, and the number before its oldest message. */
export type TopicPosition = readonly [epoch: string, now: number, oldest: number]

type Begin = (signal: AbortSignal) => TaskSource<unknown>

interface Task {
  readonly actor: number
  readonly module: string
  readonly receiver: string
  readonly begin: Begin
  readonly abort: AbortController
  /** There since the task has begun, if it gives several values. */
  iterator?: AsyncIterator<unknown>
}

/** The text of a task's error in production: the same for each error. */
const HIDDEN = 'The task failed.'

/** Task numbers fit into the numbers of results, which are of 32 bits. */
const MOST_TASKS = 2 ** 32

/**
 * The tasks of all components. A task is added when a step asks for it and begins when Rust asks for its first value,
 * which is after the step has committed. Each further value is asked for when the one before has been handled.
 */
export class Tasks {
  private readonly tasks = new Map<number, Task>()
  private readonly byActor = new Map<number, Set<number>>()
  private last = 0

  constructor(
    readonly native: () => NativeLoom,
    private readonly results: Results,
    private readonly isolation: Isolation,
    private readonly operator: Operator,
    private readonly development: boolean,
    private readonly flushSoon: () => void,
    private readonly promise: MakePromise,
  ) {}

  /** The position of a topic: at once, if this process knows it. */
  position(call: number, topic: string): TopicPosition | Promise<TopicPosition> {
    let known: string | null = null
    const later = this.promise(
      (request) => {
        known = this.native().position(call, topic, request)
        return known !== null
      },
      (text) => new TopicAway('LOOM_TOPIC', `ctx.subscribe: ${text}`),
    )
    return known === null ? (later as Promise<TopicPosition>) : (JSON.parse(known) as TopicPosition)
  }

  /** Gives the task's number. */
  add(actor: number, module: string, receiver: string, begin: Begin): number {
    do this.last = (this.last + 1) % MOST_TASKS
    while (this.tasks.has(this.last))
    this.tasks.set(this.last, { actor, module, receiver, begin, abort: new AbortController() })
    const own = this.byActor.get(actor)
    if (own === undefined) this.byActor.set(actor, new Set([this.last]))
    else own.add(this.last)
    return this.last
  }

  /** Rust asks for the next value of a task; the first time, the task begins. */
  next(number: number): void {
    const task = this.tasks.get(number)
    if (task === undefined) return
    try {
      const { iterator } = task
      if (iterator !== undefined) {
        this.waitFor(number, iterator)
        return
      }
      const source: unknown = task.begin(task.abort.signal)
      if (isThenable(source)) {
        Promise.resolve(source).then(
          (value) => {
            this.resolved(number, value)
          },
          (error: unknown) => {
            this.failed(number, error)
          },
        )
      } else this.resolved(number, source)
    } catch (error) {
      this.failed(number, error)
    }
  }

  /** The result of `begin`, or of its promise: values one after the other, or one value, which is the last. */
  private resolved(number: number, source: unknown): void {
    const task = this.tasks.get(number)
    if (task === undefined) {
      end(source)
      return
    }
    try {
      const iterator = iteratorOf(source)
      if (iterator === undefined) {
        this.give(number, Status.TASK_DONE, source)
        return
      }
      task.iterator = iterator
      this.waitFor(number, iterator)
    } catch (error) {
      this.failed(number, error)
    }
  }

  private waitFor(number: number, iterator: AsyncIterator<unknown>): void {
    Promise.resolve(iterator.next())
      .then(({ done, value }) => {
        this.give(number, done === true ? Status.TASK_DONE : Status.TASK_VALUE, value)
      })
      // Also of a result that cannot be read: nobody else hears of it, and the process would end.
      .catch((error: unknown) => {
        this.failed(number, error)
      })
  }

  private give(number: number, status: Status, value: unknown): void {
    const task = this.tasks.get(number)
    if (task === undefined) return
    let json = ''
    if (value !== undefined) {
      try {
        json = stringifyData(value, () => `the task ${JSON.stringify(task.receiver)} of module ${task.module}`)
      } catch (error) {
        this.abort(number)
        this.failed(number, error, task)
        return
      }
    }
    if (status !== Status.TASK_VALUE) this.remove(number)
    this.results.taskValue(number, status, json)
    this.flushSoon()
  }

  private failed(number: number, error: unknown, task = this.tasks.get(number)): void {
    if (task === undefined) return
    this.remove(number)
    const what = `the task ${JSON.stringify(task.receiver)} of module ${task.module} failed`
    this.operator.tell('error', 'LOOM_FAILED', `${what}: ${traceOf(error)}`, { module: task.module })
    const text = this.development ? textOf(error) : HIDDEN
    this.results.taskValue(number, Status.TASK_FAILED, JSON.stringify(text))
    this.flushSoon()
  }

  /** Nobody wants a value any more. */
  abort(number: number): void {
    const task = this.tasks.get(number)
    if (task === undefined) return
    this.remove(number)
    this.isolation.run(() => {
      try {
        task.abort.abort(new Error('the task was ended, or its component is gone'))
        end(task.iterator)
      } catch (error) {
        this.operator.failed(error)
      }
    }, undefined)
  }

  /** The actor is gone, and nobody wants the values of its tasks, begun or not. */
  forget(actor: number): void {
    for (const number of this.byActor.get(actor) ?? []) this.abort(number)
  }

  private remove(number: number): void {
    const task = this.tasks.get(number)
    if (task === undefined) return
    this.tasks.delete(number)
    const own = this.byActor.get(task.actor)
    own?.delete(number)
    if (own?.size === 0) this.byActor.delete(task.actor)
  }
}

function iteratorOf(source: unknown): AsyncIterator<unknown> | undefined {
  if (typeof source !== 'object' || source === null) return undefined
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = source as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  if (typeof async === 'function') return async.call(source)
  // A list is one value; a generator gives many.
  if (typeof sync !== 'function' || Array.isArray(source)) return undefined
  const iterator = sync.call(source)
  return {
    next: () => Promise.resolve(iterator.next()),
    return: () => Promise.resolve(iterator.return?.() ?? { done: true, value: undefined }),
  }
}

/** Lets an iterator clean up behind itself. Errors of that concern nobody. */
function end(source: unknown): void {
  try {
    const { return: back } = (source ?? {}) as { return?: unknown }
    if (typeof back === 'function') Promise.resolve((back as () => unknown).call(source)).catch(() => undefined)
  } catch {
    // As if it were told later.
  }
}
