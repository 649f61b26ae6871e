import type { MountContext } from '../../index'
import { invalid, isAllowed, isObject, isThenable } from '../check'
import { Joins } from '../codec'
import { GivenUp } from '../errors'
import type { AnyModule, LiveEntry } from './modules'
import { checkProps, type Source } from '../render/props'
import { Refusal } from './refusal'

type Props = Record<string, unknown>

/**
 * Where the props of a call without an event come from: a page's token, a checkpoint, or a component that lives on
 * and whose page is back; `null` if the application itself gave them.
 */
export type Origin = [joins: Joins, version: number] | null

/** What a join needs beside the module and its props. */
export interface Joining {
  readonly context: MountContext
  /** Whether somebody still waits for it. */
  isWanted(): boolean
  /** The callback that runs now, for whoever is told of what it throws. */
  during: string
  /** `authorize` gave neither `true` nor `false`, but this. */
  refused(given: string): void
  /** `upgrade` threw. */
  failed(error: unknown): void
}

/** What a component starts with. */
export interface First {
  props: Props
  /** They are not those that Rust has. */
  changed: boolean
  /** They do not continue the state that the page had. */
  anew: boolean
}

/**
 * The props that a page's component is rendered with: the module's own, the caller's over them, and
 * over both what the module's `mount` loads.
 */
export function mountProps(entry: LiveEntry, given: object, context: MountContext): Props | Promise<Props> {
  const props = { ...ownProps(entry), ...given }
  return load(entry, entry.module, props, context)
}

/** A copy, for `mount`, `render` and handlers may change what they are given. */
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
 * What a join starts with: whoever asks is authorised, props of an older version are brought up to
 * date, and those that never left the server are loaded again.
 */
export function firstProps(entry: LiveEntry, props: Props, origin: Origin, joining: Joining): First | Promise<First> {
  const { module } = entry
  const { context } = joining
  const continued = (): First | Promise<First> => {
    if (origin === null || origin[0] === Joins.RESUME) return { props, changed: false, anew: false }
    const isOld = origin[1] !== entry.version
    const upgraded = isOld ? upgrade(entry, props, origin[1], joining) : props
    if (!joining.isWanted()) throw new GivenUp()
    joining.during = 'mount'
    if (upgraded === undefined) return after(load(entry, module, ownProps(entry), context), renewed)
    if (entry.private.length === 0) return { props: upgraded, changed: isOld, anew: false }
    // A copy: of what mount does to them, only what is private counts.
    const given = { ...ownProps(entry), ...(JSON.parse(JSON.stringify(upgraded)) as Props) }
    return after(load(entry, module, given, context), (loaded) => {
      const whole: Props = { ...upgraded }
      for (const name of entry.private) if (name in loaded) whole[name] = loaded[name]
      return { props: whole, changed: true, anew: false }
    })
  }
  if (module.authorize === undefined) return continued()
  joining.during = 'authorize'
  return after(module.authorize(context, undefined), (allowed) => {
    if (!joining.isWanted()) throw new GivenUp()
    checkAllowed(allowed, (given) => {
      joining.refused(given)
    })
    return continued()
  })
}

/** What `authorize` gave: anything but `true` refuses, and what is not `false` either is told in `why`. */
export function checkAllowed(allowed: unknown, why: (given: string) => void): void {
  if (!isAllowed(allowed, why)) throw new Refusal('Not allowed')
}

const renewed = (props: Props): First => ({ props, changed: true, anew: true })

/** `undefined` where that cannot be done. */
function upgrade({ module, name }: LiveEntry, props: Props, from: number, joining: Joining): Props | undefined {
  joining.during = 'upgrade'
  try {
    const upgraded: unknown = module.upgrade?.(props, from)
    if (upgraded === undefined) return undefined
    checkProps(upgraded, () => `upgrade of module ${JSON.stringify(name)}`)
    return upgraded
  } catch (error) {
    joining.failed(error)
    return undefined
  }
}

/** Goes on at once where there is nothing to wait for. */
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
