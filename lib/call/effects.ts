import type { TaskSource } from '../../index'
import { checkFunction, checkString, invalid } from '../check'
import { LoomError } from '../errors'
import { suggestion } from '../nearest'
import { stringifyData } from '../render/props'
import type { Entry } from './modules'
import type { Tasks } from './tasks'

/** The shortest interval of a timer, as MIN_INTERVAL in src/effects.rs; and ten years, the longest time that counts. */
const LEAST_MS = 50
const MOST_MS = 10 * 365.25 * 86_400_000
/** The longest name of a push, in bytes. */
const MAX_NAME = 256

/** The names of a module's receivers. */
export function receiversOf(entry: Entry): readonly string[] {
  return entry.raw ? [] : Object.keys(entry.module.receive ?? {})
}

function checkTime(ms: unknown, least: number, name: string): number {
  if (typeof ms !== 'number' || !(ms >= least && ms <= MOST_MS)) {
    throw invalid(`milliseconds from ${least} to ${MOST_MS}`, name, ms)
  }
  return Math.round(ms)
}

/**
 * What a step asks for beside its props. Rust does it if the step commits: src/effects.rs reads what is gathered here.
 */
export class Effects {
  /** Each effect is an object with one member, which is named as its kind. */
  private list: string[] = []

  constructor(
    private readonly entry: Entry,
    private readonly actor: number,
    private readonly tasks: Tasks,
  ) {}

  /** How many there are so far. */
  get length(): number {
    return this.list.length
  }

  /** Takes back all but the first so many: what asked for them has failed. */
  truncate(length: number): void {
    this.list.length = length
  }

  /** All effects, as a JSON array. */
  get json(): string {
    return `[${this.list.join(',')}]`
  }

  private add(kind: string, ...members: unknown[]): void {
    this.list.push(JSON.stringify({ [kind]: members }))
  }

  private checkReceiver(receiver: unknown, what: string): asserts receiver is string {
    checkString(receiver, `the receiver of ${what}`)
    const known = receiversOf(this.entry)
    if (known.includes(receiver)) return
    const { name } = this.entry
    throw new LoomError(
      'LOOM_ARGUMENT',
      `${what} names the receiver ${JSON.stringify(receiver)}, which module ${JSON.stringify(name)} does not have` +
        suggestion(receiver, known, 'receivers'),
    )
  }

  every(receiver: string, ms: number): void {
    this.checkReceiver(receiver, 'ctx.every')
    this.add('every', receiver, checkTime(ms, LEAST_MS, 'the interval of ctx.every'))
  }

  after(receiver: string, ms: number, data: unknown): void {
    this.checkReceiver(receiver, 'ctx.after')
    const time = checkTime(ms, 0, 'the time of ctx.after')
    const json = stringifyData(data, () => `the data of ctx.after(${JSON.stringify(receiver)})`)
    this.list.push(`{"after":[${JSON.stringify(receiver)},${time},${data === undefined ? 'null' : json}]}`)
  }

  cancel(receiver: string): void {
    this.checkReceiver(receiver, 'ctx.cancel')
    this.list.push(JSON.stringify({ cancel: receiver }))
  }

  task(receiver: string, begin: (signal: AbortSignal) => TaskSource<unknown>): void {
    this.checkReceiver(receiver, 'ctx.task')
    checkFunction(begin, 'the task of ctx.task')
    this.add('task', receiver, this.tasks.add(this.actor, this.entry.name, receiver, begin))
  }

  push(name: string, data: unknown): void {
    checkString(name, 'the name of ctx.push')
    if (Buffer.byteLength(name) > MAX_NAME)
      throw invalid(`a string of ${MAX_NAME} bytes at most`, 'the name of ctx.push', name)
    const json = stringifyData(data, () => `the data of ctx.push(${JSON.stringify(name)})`)
    this.list.push(`{"push":[${JSON.stringify(name)},${json}]}`)
  }
}
