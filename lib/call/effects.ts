import { randomUUID } from 'node:crypto'
import type { Flash, SubscribeOptions, TaskSource, TrackOptions } from '../../index'
import { checkFunction, checkNames, checkString, invalid, isObject } from '../check'
import { LoomError } from '../errors'
import { suggestion } from '../nearest'
import { stringifyData } from '../render/props'
import type { Component } from './cache'
import { checkAnnouncement, checkFlash } from './flash'
import type { Entry } from './modules'
import { FLASH, REPLY } from './reserved'
import type { Tasks, TopicPosition } from './tasks'

/** The shortest interval of a timer, as MIN_INTERVAL in src/effects.rs; and ten years, the longest time that counts. */
const LEAST_MS = 50
const MOST_MS = 10 * 365.25 * 86_400_000
/** The longest name of a push, in bytes. */
const MAX_NAME = 256
/** The name of a push that is commands. */
const COMMANDS = 'loom.js'
/** The beginning of a flash in the list. Its kind and its text follow. */
const FLASHED = `{"push":["${FLASH}",[`
const ENDS = ']]}'

/** The most effects of one event or message. */
const MOST_EFFECTS = 1_000
/** The names of components' own topics begin with this character; as OWN in src/effects.rs. */
const OWN = '\0'

/** Before everything that was published to a topic; as BEGINNING in src/topics/message.rs. */
const BEGINNING = 'AAAAAAAAAAAAAAAAAAAAAA'
/** Stands in the place of a subscription until its position is known, and stays there if it never is. */
const NOTHING = ''

/**
 * The promise of `ctx.subscribe` while the topic's position is asked for. If somebody awaits the promise, they see a
 * failure; if nobody does, the step fails.
 */
class Subscribing extends Promise<void> {
  private isSeen = false
  private outcome: 'known' | 'failed' | undefined

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  constructor(executor: (resolve: () => void, reject: (error: unknown) => void) => void) {
    super(executor)
    super.then(
      () => (this.outcome = 'known'),
      () => (this.outcome = 'failed'),
    )
  }

  override then<A = void, B = never>(
    resolved?: ((value: void) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isSeen = true
    return super.then(resolved, rejected)
  }

  /** True if the position is known, or if the application has seen the failure. */
  get isOver(): boolean {
    return this.outcome === 'known' || (this.outcome === 'failed' && this.isSeen)
  }
}

/**
 * The name of a topic that is given as an object of `loom.topic`, or by its name. Data or a meta may have a `name`,
 * too; only the object of `loom.topic` can publish.
 */
export function topicName(topic: unknown, what: string): string {
  const name = isObject(topic) && typeof topic['publish'] === 'function' ? topic['name'] : topic
  checkTopic(name, what)
  return name
}

export function checkTopic(topic: unknown, what: string): asserts topic is string {
  if (isObject(topic))
    throw invalid('a string that is not empty, or what loom.topic gives,', `the topic of ${what}`, topic)
  checkString(topic, `the topic of ${what}`)
  if (Buffer.byteLength(topic) > MAX_NAME || topic.startsWith(OWN)) {
    throw invalid(
      `a string of ${MAX_NAME} bytes at most that does not begin with U+0000`,
      `the topic of ${what}`,
      topic,
    )
  }
}

/** The JSON of a message to one component: the receiver, the data, and whether the application itself has sent it. */
export function sentData(receiver: unknown, data: unknown, what: 'ctx.send' | 'loom.send'): string {
  checkString(receiver, `the receiver of ${what}`)
  const json = stringifyData(data, () => `the data of ${what}(…, ${JSON.stringify(receiver)})`)
  return `[${JSON.stringify(receiver)},${json},${what === 'loom.send' ? 1 : 0}]`
}

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
 * The effects that a step asks for beside its new props. Rust carries them out if the step commits: src/effects.rs
 * reads the JSON that is gathered here.
 */
export class Effects {
  /** Each effect is an object with one member, which is named as its kind. */
  private readonly list: string[] = []
  private address: string | undefined
  /** How many there were when the event or message began that is handled now. */
  private from = 0
  /** The tasks that are asked for, each with its place in the list. */
  private begun: { readonly at: number; readonly task: number }[] = []

  private readonly entry: Entry
  /** Subscriptions whose positions had to be asked for, by their places in the list. */
  private readonly places = new Map<number, Subscribing>()

  /** How many ids there are of the cause. */
  private caused = 0

  /**
   * `cause`: the ids of effects begin with this text. In `connected` there is none: then the cause is the start of a
   * life. No life is begun twice, so any name that nothing else has will do.
   */
  constructor(
    private readonly component: Component,
    private readonly tasks: Tasks,
    private cause: string = randomUUID(),
  ) {
    this.entry = component.module
  }

  /** From here on, `cause` (the id of the message that is handled) names the effects. */
  begins(cause: string): void {
    this.cause = cause
    this.caused = 0
    this.from = this.list.length
  }

  /**
   * The id of the next message that is published or sent. The ids are the same if the step is made again, so no message
   * counts twice.
   */
  private nextId(): string {
    return `${this.cause}/${++this.caused}`
  }

  /** How many there are so far. */
  get length(): number {
    return this.list.length
  }

  /**
   * Takes back all effects but the first so many: the receiver that asked for them has failed. Its tasks never begin.
   */
  truncate(length: number): void {
    this.list.length = length
    for (const at of this.places.keys()) if (at >= length) this.places.delete(at)
    const { begun } = this
    this.begun = begun.filter(({ at }) => at < length)
    for (const { at, task } of begun) if (at >= length) this.tasks.abort(task)
  }

  /** All effects, as a JSON array. If the page is sent elsewhere, its flashes are for the page that comes next. */
  json(redirects: boolean): string {
    const list = this.places.size === 0 ? this.list : this.list.filter((effect) => effect !== NOTHING)
    const isForNext = (effect: string): boolean => redirects && effect.startsWith(FLASHED)
    const last = list.map((effect) => (isForNext(effect) ? `${effect.slice(0, -ENDS.length)},1${ENDS}` : effect))
    return `[${last.join(',')}]`
  }

  private add(kind: string, ...members: unknown[]): void {
    this.note(JSON.stringify({ [kind]: members }))
  }

  private note(json: string): void {
    if (this.list.length - this.from >= MOST_EFFECTS) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Expected ${MOST_EFFECTS} effects of one event or message at most; make several of it`,
      )
    }
    this.list.push(json)
  }

  private checkReceiver(receiver: unknown, what: string): asserts receiver is string {
    if (typeof receiver !== 'string' || receiver === '') {
      throw invalid('the name of a receiver, a member of receive,', `the receiver of ${what}`, receiver)
    }
    const known = receiversOf(this.entry)
    if (known.includes(receiver)) return
    const { name } = this.entry
    const example =
      known.length > 0
        ? ''
        : `: write it beside handle, as in receive: { ${receiver}: (props, message) => ({ …props }) }`
    throw new LoomError(
      'LOOM_ARGUMENT',
      `${what} names the receiver ${JSON.stringify(receiver)}, which module ${JSON.stringify(name)} does not have` +
        suggestion(receiver, known, 'receivers') +
        example,
    )
  }

  /** The component's address. From here on the component reads the messages that are sent there. */
  self(call: number): string {
    const { instance } = this.component
    const { address } = this
    if (address !== undefined) return address
    const topic = OWN + instance
    this.tasks.native().keepTopic(call, topic)
    // Nobody had the address before: whatever is in the topic is for this component.
    this.add('subscribe', topic, '', BEGINNING, 0, 0)
    return (this.address = this.tasks.native().address(instance))
  }

  /** Gives nothing if the topic's position is known; else the promise that it will be. */
  subscribe(call: number, given: unknown, receiver: string, options: SubscribeOptions = {}): Promise<void> | undefined {
    const topic = topicName(given, 'ctx.subscribe')
    this.checkReceiver(receiver, 'ctx.subscribe')
    checkNames(options, { from: true }, 'the options of ctx.subscribe', 'an option of ctx.subscribe')
    const { from } = options
    if (from !== undefined && from !== 'now' && from !== 'history') {
      throw invalid("'now' or 'history'", 'the option from of ctx.subscribe', from)
    }
    const effect = ([epoch, now, oldest]: TopicPosition): string => {
      const number = from === 'history' ? oldest : now
      return JSON.stringify({ subscribe: [topic, receiver, epoch, number, from === undefined ? 0 : 1] })
    }
    const position = this.tasks.position(call, topic)
    if (!(position instanceof Promise)) {
      this.note(effect(position))
      return undefined
    }
    // Keeps a place in the list now: effects that the step asks for while it waits come after this one.
    const at = this.list.length
    this.note(NOTHING)
    const known = new Subscribing((resolve, reject) => {
      position.then((position) => {
        // The subscription may have been taken back meanwhile, and another one may have its place.
        if (this.places.get(at) === known) this.list[at] = effect(position)
        resolve()
      }, reject)
    })
    this.places.set(at, known)
    return known
  }

  /** Settles when all that the step has asked for is known; nothing if it is. Rejects if nobody has seen that it is not. */
  get unsettled(): Promise<unknown> | undefined {
    const open = [...this.places.values()].filter((subscribing) => !subscribing.isOver)
    return open.length === 0 ? undefined : Promise.all(open)
  }

  unsubscribe(topic: unknown): void {
    this.note(JSON.stringify({ unsubscribe: topicName(topic, 'ctx.unsubscribe') }))
  }

  track(given: unknown, meta: unknown, options: TrackOptions = {}): void {
    const topic = topicName(given, 'ctx.track')
    checkNames(options, { key: true }, 'the options of ctx.track', 'an option of ctx.track')
    const { key } = options
    if (key !== undefined) checkString(key, 'the option key of ctx.track')
    const json = stringifyData(meta, () => `the meta of ctx.track(${JSON.stringify(topic)})`)
    this.note(`{"track":[${JSON.stringify(topic)},${json},${JSON.stringify(key ?? null)}]}`)
  }

  untrack(topic: unknown): void {
    this.note(JSON.stringify({ untrack: topicName(topic, 'ctx.untrack') }))
  }

  presence(given: unknown, receiver: string): void {
    const topic = topicName(given, 'ctx.presence')
    this.checkReceiver(receiver, 'ctx.presence')
    this.add('presence', topic, receiver)
  }

  publish(given: unknown, data: unknown): void {
    const topic = topicName(given, 'ctx.publish')
    const json = stringifyData(data, () => `the data of ctx.publish(${JSON.stringify(topic)})`)
    this.note(`{"publish":[${JSON.stringify(this.nextId())},${JSON.stringify(topic)},${json}]}`)
  }

  send(address: string, receiver: string, data: unknown): void {
    checkString(address, 'the address of ctx.send')
    const json = sentData(receiver, data, 'ctx.send')
    this.note(`{"send":[${JSON.stringify(this.nextId())},${JSON.stringify(address)},${json}]}`)
  }

  every(receiver: string, ms: number): void {
    this.checkReceiver(receiver, 'ctx.every')
    this.add('every', receiver, checkTime(ms, LEAST_MS, 'the interval of ctx.every'))
  }

  after(receiver: string, ms: number, data: unknown): void {
    this.checkReceiver(receiver, 'ctx.after')
    const time = checkTime(ms, 0, 'the time of ctx.after')
    const json =
      data === undefined ? '' : `,${stringifyData(data, () => `the data of ctx.after(${JSON.stringify(receiver)})`)}`
    this.note(`{"after":[${JSON.stringify(receiver)},${time}${json}]}`)
  }

  cancel(receiver: string): void {
    this.checkReceiver(receiver, 'ctx.cancel')
    this.note(JSON.stringify({ cancel: receiver }))
  }

  task(receiver: string, begin: (signal: AbortSignal) => TaskSource<unknown>): void {
    this.checkReceiver(receiver, 'ctx.task')
    checkFunction(begin, 'the task of ctx.task')
    const task = this.tasks.add(this.component.actor, this.entry.name, receiver, begin)
    this.begun.push({ at: this.list.length, task })
    this.add('task', receiver, task)
  }

  flash(kind: unknown, text: string): void {
    const before = this.list.slice(this.from).filter((effect) => effect.startsWith(FLASHED))
    const flashes = before.map((effect): Flash => {
      const { push } = JSON.parse(effect) as { push: [string, [Flash['kind'], string]] }
      return { kind: push[1][0], text: push[1][1] }
    })
    checkFlash(kind, text, flashes)
    this.note(FLASHED + JSON.stringify([kind, text]).slice(1, -1) + ENDS)
  }

  announce(text: string): void {
    checkAnnouncement(text)
    // No kind: nobody sees it.
    this.note(`{"push":["${FLASH}",${JSON.stringify(text)}]}`)
  }

  /** The client knows this name of a push: see client/commands/with_commands.ts. */
  commands(list: unknown): void {
    this.note(`{"push":["${COMMANDS}",${JSON.stringify(list)}]}`)
  }

  /**
   * Answers the call of a hook, once the step is committed. Each call has one answer, also if the handler gives no
   * value (`json`): so a page that gets no answer knows that the answer was lost. The answer is not counted among the
   * effects of the step.
   */
  reply(call: number, json?: string): void {
    this.list.push(`{"push":["${REPLY}",[${call}${json === undefined ? '' : `,${json}`}]]}`)
  }

  push(name: string, data: unknown): void {
    checkString(name, 'the name of ctx.push')
    if (name === COMMANDS)
      throw invalid('another name, or commands: ctx.push(js.show(…))', 'the name of ctx.push', name)
    if (name === REPLY) throw invalid('another name, or ctx.reply(…)', 'the name of ctx.push', name)
    if (name === FLASH) throw invalid('another name, or ctx.flash(kind, text)', 'the name of ctx.push', name)
    if (Buffer.byteLength(name) > MAX_NAME)
      throw invalid(`a string of ${MAX_NAME} bytes at most`, 'the name of ctx.push', name)
    const json = stringifyData(data, () => `the data of ctx.push(${JSON.stringify(name)})`)
    this.note(`{"push":[${JSON.stringify(name)},${json}]}`)
  }
}
