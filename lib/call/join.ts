import type { ConnectedContext, Dropped, MountContext } from '../../index'
import { invalid, isAllowed, isObject, isThenable } from '../check'
import { Joins } from '../codec'
import { GivenUp } from '../errors'
import type { AnyModule, LiveEntry } from './modules'
import { freeze } from '../render/frozen'
import { checkProps, type Source } from '../render/props'
import { Refusal } from './refusal'

type Props = Record<string, unknown>

/**
 * The source of the props of a call without an event: a page's token, a checkpoint, or a component that still lives and
 * whose page is back. With the version that the module had when the props were sealed, and whether the page has shown
 * more than the state includes. `null` if the application itself gave the props.
 */
export type Origin = [joins: Joins, version: number, isBehind: 0 | 1, dropped?: CrossingDropped[]] | null

/**
 * A timer, task or subscription of a state that is dropped, as it crosses from Rust. A timer has no topic. A timer that
 * rings once has no interval.
 */
type CrossingDropped = [receiver: string, topic: string | 0, interval: number, data?: unknown]

/** The parts of a join beside the module and its props. */
export interface Joining {
  readonly context: MountContext
  /** Whether a page still waits for the join. */
  isWanted(): boolean
  /** The name of the callback that runs now. Set before each callback, so that an error can name it. */
  during: string
  /** Called if `authorize` returned something other than `true` and `false`; `given` describes it. */
  refused(given: string): void
  /** Called if `upgrade` threw. */
  failed(error: unknown): void
}

/** The beginning of a component. */
export interface First {
  props: Props
  /** The props differ from Rust's copy. */
  changed: boolean
  /** The component starts anew: the props do not continue the state that the page had. */
  anew: boolean
}

/**
 * The props for the first render of a page's component. The caller's props replace the module's own of the same name,
 * and props that `mount` loads replace both.
 */
export function mountProps(entry: LiveEntry, given: object, context: MountContext): Props | Promise<Props> {
  const props = { ...ownProps(entry), ...given }
  return load(entry, entry.module, props, context)
}

/** A copy of the module's own props, because `mount`, `render` and handlers may change the props that they get. */
function ownProps({ props }: LiveEntry): Props {
  return JSON.parse(props) as Props
}

function load(entry: LiveEntry, module: AnyModule, props: Props, context: MountContext): Props | Promise<Props> {
  const loaded = module.mount?.(props, context)
  const merge = (more: unknown): Props => {
    if (more !== undefined && !isObject(more)) {
      throw invalid('an object of props, or nothing,', `what mount of module ${JSON.stringify(entry.name)} gives`, more)
    }
    const merged = { ...props, ...more }
    checkProps(merged, () => `mount of module ${JSON.stringify(entry.name)}`)
    return merged
  }
  return isThenable(loaded) ? Promise.resolve(loaded).then(merge) : merge(loaded)
}

/**
 * The beginning of a join. `authorize` is asked first; then props of an older version are upgraded, and `mount` loads
 * the private props again.
 */
export function firstProps(entry: LiveEntry, props: Props, origin: Origin, joining: Joining): First | Promise<First> {
  // If the application itself starts the component, `authorize` is not asked, and the props are complete.
  if (origin === null) return { props, changed: false, anew: false }
  const { module } = entry
  const { context } = joining
  const continued = (): First | Promise<First> => {
    if (origin[0] === Joins.RESUME) return { props, changed: false, anew: false }
    const isOld = origin[1] !== entry.version && origin[0] !== Joins.SHARED
    const upgraded = isOld ? upgrade(entry, props, origin, joining) : props
    if (!joining.isWanted()) throw new GivenUp()
    joining.during = 'mount'
    if (origin[0] === Joins.SHARED) return after(load(entry, module, ownProps(entry), context), begun)
    if (origin[0] === Joins.CHILD) return after(mountProps(entry, props, context), begun)
    if (upgraded === undefined) return after(load(entry, module, ownProps(entry), context), renewed)
    if (entry.private.length === 0) return { props: upgraded, changed: isOld, anew: false }
    // `mount` gets a copy: only the private props that it gives are taken over.
    const given = { ...ownProps(entry), ...(JSON.parse(JSON.stringify(upgraded)) as Props) }
    return after(load(entry, module, given, context), (loaded) => {
      const merged: Props = { ...upgraded }
      for (const name of entry.private) if (name in loaded) merged[name] = loaded[name]
      return { props: merged, changed: true, anew: false }
    })
  }
  // A shared component starts for nobody: each page that wants to see it is asked about.
  if (origin !== null && (origin[0] === Joins.SHARED || origin[0] === Joins.SHARED_STATE)) return continued()
  return after(askAuthorize(entry, joining), continued)
}

/** Asks the module whether the page may see the component. */
export function askAuthorize({ module }: LiveEntry, joining: Joining): void | Promise<void> {
  if (module.authorize === undefined) return
  joining.during = 'authorize'
  return after(module.authorize(joining.context, undefined), (allowed) => {
    if (!joining.isWanted()) throw new GivenUp()
    checkAllowed(allowed, (given) => {
      joining.refused(given)
    })
  })
}

/**
 * Calls `connected`, once the component has its props. Members that `connected` returns replace props of the same
 * names.
 */
export function connect(
  entry: LiveEntry,
  first: First,
  joining: Joining,
  context: ConnectedContext,
): First | Promise<First> {
  joining.during = 'connected'
  const name = JSON.stringify(entry.name)
  freeze(first.props)
  return after(entry.module.connected?.(first.props, context), (more: unknown) => {
    if (more === undefined) return first
    if (!isObject(more))
      throw invalid('an object of props, or nothing,', `what connected of module ${name} gives`, more)
    const props = { ...first.props, ...more }
    checkProps(props, () => `connected of module ${name}`)
    return { ...first, props, changed: true }
  })
}

/**
 * Checks the result of `authorize`. `why` is called if the result is neither `true` nor `false`.
 *
 * @throws Refusal unless the result is `true`.
 */
export function checkAllowed(allowed: unknown, why: (given: string) => void): void {
  if (!isAllowed(allowed, why)) throw new Refusal('Not allowed')
}

const renewed = (props: Props): First => ({ props, changed: true, anew: true })
/** There was nothing to continue. */
const begun = (props: Props): First => ({ props, changed: true, anew: false })

/** The props in the form of the module's version; `undefined` if the module has no way there. */
function upgrade(
  { module, name }: LiveEntry,
  props: Props,
  [, from, , dropped = []]: NonNullable<Origin>,
  joining: Joining,
): Props | undefined {
  joining.during = 'upgrade'
  try {
    // `upgrade` may change the props in place.
    const own = Object.isFrozen(props) ? (JSON.parse(JSON.stringify(props)) as Props) : props
    const upgraded: unknown = module.upgrade?.(own, from, dropped.map(droppedOf))
    if (upgraded === undefined) return undefined
    checkProps(upgraded, () => `upgrade of module ${JSON.stringify(name)}`)
    return upgraded
  } catch (error) {
    joining.failed(error)
    return undefined
  }
}

function droppedOf([receiver, topic, every, ...data]: CrossingDropped): Dropped {
  if (topic !== 0) return { receiver, topic }
  if (every !== 0) return { receiver, every }
  return data.length === 0 ? { receiver } : { receiver, data: data[0] }
}

/** Calls `next` with the value: at once, or after the promise if the value is one. */
function after<T, R>(value: T | PromiseLike<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value)
}

/** The props that may leave the server, as JSON. */
export function publicJson(entry: LiveEntry, props: Props, source: Source): string {
  checkProps(props, source)
  if (entry.private.length === 0) return JSON.stringify(props)
  const visible = { ...props }
  for (const name of entry.private) Reflect.deleteProperty(visible, name)
  return JSON.stringify(visible)
}
