import { isObject } from '../check'
import { AGAIN } from '../codec'
import type { Call } from './call'
import type { Caller } from './context'

/** How many steps are kept, of all components, and of how many characters of props; of components as many again. */
export const MOST_STEPS = 200
const MOST_CHARACTERS = 8 << 20
/** Of more components than these, no step is kept. */
const MOST_COMPONENTS = 1_000
const MOST_CHANGES = 12
const MOST_DEPTH = 6

/** One step of a component. */
export interface Step {
  readonly number: number
  /** In milliseconds since 1970. */
  readonly at: number
  readonly actor: number
  readonly module: string
  /** The cause of the step: an event, a message, a join. */
  readonly cause: string
  /** How long the callbacks and `render` took, in milliseconds, with the time that they waited for others. */
  readonly ms: number
  /** The members of the props that changed, as paths. */
  readonly changed: readonly string[]
  /** The props after the step, as JSON; `undefined` if it failed, or if they are very large. */
  readonly after: string | undefined
  /** The message of the error. */
  readonly failed: string | undefined
  /** The effects that the step asked for, as JSON. */
  readonly effects: readonly string[]
}

/** A component that lives, as far as its calls have told. */
export interface Recorded {
  readonly actor: number
  readonly module: string
  readonly id: string
  readonly since: number
  /** The URL of the component's page; empty if there is no page. */
  readonly page: string
  /** Tells pages apart: two of one URL may be open. */
  readonly pageKey: string
  readonly bind: string
  /** The key of a shared component; empty if it is a page's own. */
  readonly key: string
  /** The newest props, as JSON; empty if they are too large to be kept beside those of other components. */
  readonly props: string
  readonly topics: readonly string[]
  /** By the receiver: how often it rings, or when. */
  readonly timers: Readonly<Record<string, string>>
}

/** The record that devtools show: the components that live, and the last steps. In development only. */
export class Recorder {
  readonly components = new Map<number, Recorded>()
  readonly steps: Step[] = []
  /** Rises with each change. */
  version = 0
  private last = 0
  private characters = 0
  /** Of the props of components. */
  private held = 0

  /** A component begins, or its page is back. */
  joins({ kept: { component } }: Call, caller: Caller | undefined): void {
    const [request = '', bind = '', page = '', key = ''] = caller ?? []
    const known = this.components.get(component.actor)
    if (known === undefined && this.components.size >= MOST_COMPONENTS) return
    this.put({
      actor: component.actor,
      module: component.module.name,
      id: component.id,
      since: known?.since ?? Date.now(),
      page,
      pageKey: key === '' ? `${page} ${request}` : `shared ${key}`,
      bind,
      key,
      props: known?.props ?? '{}',
      topics: known?.topics ?? [],
      timers: known?.timers ?? {},
    })
  }

  forget(actor: number): void {
    this.held -= this.components.get(actor)?.props.length ?? 0
    if (this.components.delete(actor)) this.version++
  }

  /** A step has given its result. `json`: the props after it. Gives the effects that the step has asked for. */
  done(call: Call, json: string): [kind: string, given: unknown[]][] {
    const { actor } = call.kept.component
    const known = this.components.get(actor)
    const effects = listOf(call.context.effects?.json(call.context.redirectUrl !== ''))
    const asked = effects.map(partsOf)
    if (known === undefined) return asked
    const isJoin = call.event === undefined && call.receiver === undefined
    this.note(call, changesOf(known.props, json), json, undefined, effects)
    this.put({
      ...known,
      props: json,
      topics: topicsAfter(isJoin ? call.context.topics : known.topics, asked),
      timers: timersAfter(known.timers, call.rung ?? [], asked),
    })
    return asked
  }

  failed(call: Call, text: string): void {
    this.note(call, [], undefined, text, [])
  }

  /** The component as it is known, and the step, for devtools. */
  step(number: number): Step | undefined {
    return this.steps.find((step) => step.number === number)
  }

  private put(component: Recorded): void {
    const { actor, props } = component
    this.held -= this.components.get(actor)?.props.length ?? 0
    const isKept = this.held + props.length <= MOST_CHARACTERS
    this.components.set(actor, isKept ? component : { ...component, props: '' })
    if (isKept) this.held += props.length
    this.version++
  }

  private note(
    call: Call,
    changed: readonly string[],
    after: string | undefined,
    failed: string | undefined,
    effects: readonly string[],
  ): void {
    const { actor, module } = call.kept.component
    const isKept = after !== undefined && after.length <= MOST_CHARACTERS / 16
    const step: Step = {
      number: ++this.last,
      at: Date.now(),
      actor,
      module: module.name,
      cause: causeOf(call),
      ms: performance.now() - call.began,
      changed,
      after: isKept ? after : undefined,
      failed: failed?.slice(0, 1_000),
      effects: effects.slice(0, 20).map((effect) => effect.slice(0, 500)),
    }
    this.steps.push(step)
    this.characters += step.after?.length ?? 0
    while (this.steps.length > MOST_STEPS || this.characters > MOST_CHARACTERS)
      this.characters -= this.steps.shift()?.after?.length ?? 0
    this.version++
  }
}

function causeOf({ event, receiver }: Call): string {
  if (event !== undefined) return `${event.type} ${event.handler}`
  if (receiver === AGAIN) return 'rendered anew'
  return receiver === undefined ? 'join' : `message ${receiver}`
}

/** Each effect as JSON: an object with one member. */
function listOf(json: string | undefined): string[] {
  return json === undefined ? [] : (JSON.parse(json) as unknown[]).map((effect) => JSON.stringify(effect))
}

function partsOf(effect: string): [kind: string, given: unknown[]] {
  const [[kind, given] = ['', []]] = Object.entries(JSON.parse(effect) as Record<string, unknown>)
  return [kind, Array.isArray(given) ? (given as unknown[]) : [given]]
}

type Asked = readonly [kind: string, given: unknown[]][]

function topicsAfter(before: readonly string[], effects: Asked): readonly string[] {
  const topics = new Set(before)
  for (const [kind, [topic]] of effects) {
    if (kind === 'subscribe') topics.add(String(topic))
    else if (kind === 'unsubscribe') topics.delete(String(topic))
  }
  return [...topics]
}

function timersAfter(
  before: Readonly<Record<string, string>>,
  rung: readonly string[],
  effects: Asked,
): Readonly<Record<string, string>> {
  const timers = { ...before }
  for (const name of rung) if (timers[name]?.startsWith('once') === true) Reflect.deleteProperty(timers, name)
  for (const [kind, [receiver, ms]] of effects) {
    const name = String(receiver)
    if (kind === 'every') timers[name] = `every ${String(ms)} ms`
    else if (kind === 'after') timers[name] = `once, after ${String(ms)} ms`
    else if (kind === 'cancel') Reflect.deleteProperty(timers, name)
  }
  return timers
}

/** The paths at which two JSON texts differ. */
export function changesOf(before: string, after: string): string[] {
  if (before === after) return []
  const changes: string[] = []
  try {
    differ(JSON.parse(before), JSON.parse(after), '', 0, changes)
  } catch {
    // A raw module may have given a text that is not JSON. Rust reports this.
    return []
  }
  return changes.length > MOST_CHANGES ? [...changes.slice(0, MOST_CHANGES), '…'] : changes
}

function differ(was: unknown, is: unknown, path: string, depth: number, changes: string[]): void {
  if (Object.is(was, is) || changes.length > MOST_CHANGES) return
  const both = [was, is]
  if (depth < MOST_DEPTH && both.every(Array.isArray)) {
    const [from, to] = both as unknown[][]
    for (let at = 0; at < Math.max(from?.length ?? 0, to?.length ?? 0); at++)
      differ(from?.[at], to?.[at], `${path}[${at}]`, depth + 1, changes)
  } else if (depth < MOST_DEPTH && isObject(was) && isObject(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
      differ(was[key], is[key], path === '' ? key : `${path}.${key}`, depth + 1, changes)
  } else if (JSON.stringify(was) !== JSON.stringify(is)) changes.push(path)
}
