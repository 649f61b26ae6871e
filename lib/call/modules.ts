import type { LiveContext, LiveModule, Message, RawModule } from '../../index'
import { checkFunction, checkString, invalid, isObject, unknownName } from '../check'
import { LoomError } from '../errors'
import { type Model, modelOf } from '../forms/model'
import { checkErrorsMember } from '../forms/validated'
import { type Rules, uploadsOf } from '../uploads/rules'
import { stringifyProps } from '../render/props'
import { PARAMS } from './reserved'

/** A live module whose type of props is not known here. */
export type AnyModule = LiveModule<Record<string, unknown>>
export type AnyReceiver = (props: Record<string, unknown>, message: Message, ctx: LiveContext) => unknown
export type AnyHandler = Extract<AnyModule['handle'], (...args: never[]) => unknown>

/** A registered module: one of the two kinds. */
export interface LiveEntry {
  readonly name: string
  readonly raw: false
  readonly module: AnyModule
  /** The module's own `props`, as JSON. */
  readonly props: string
  /** Which form the module's props have; see `LiveModule.version`. */
  readonly version: number
  /** Names of the props that never leave the server. */
  readonly private: readonly string[]
  /** The upload rules by their names; nothing if the module has no uploads. */
  readonly uploads: ReadonlyMap<string, Rules> | undefined
  /** The props that controls of the page may set. */
  readonly model: Model
}

export type Entry = LiveEntry | { readonly name: string; readonly raw: true; readonly module: RawModule }

/** All members that a module can have. Any other is an error: a misspelt `authorize` must not leave a door open. */
const LIVE: Record<keyof Required<AnyModule>, true> = {
  props: true,
  mount: true,
  authorize: true,
  private: true,
  model: true,
  version: true,
  upgrade: true,
  params: true,
  connected: true,
  receive: true,
  uploads: true,
  handle: true,
  render: true,
}
const RAW: Record<keyof Required<RawModule>, true> = { handle_json: true, render_tree_json: true }

/** Members that do not count: every class has the first, and compilers add the second to modules. */
const EVERYWHERE = new Set(['constructor', '__esModule'])

/** Checks the names of all members, own and inherited: a module may be an instance of a class. */
function checkMembers(name: string, module: object, known: readonly string[]): void {
  for (let at: object | null = module; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    // `Object.prototype`, of any realm.
    if (Object.getPrototypeOf(at) === null && at !== module) return
    for (const one of Object.getOwnPropertyNames(at)) {
      if (known.includes(one) || EVERYWHERE.has(one)) continue
      throw unknownName(one, known, `a member of module ${JSON.stringify(name)}`)
    }
  }
}

/** Checks a module's shape when it is registered, so that a mistake shows there and not at the first click. */
export function entryOf(name: string, module: unknown): Entry {
  checkString(name, 'the name of a module')
  if (!isObject(module)) throw invalid('a module', `module ${JSON.stringify(name)}`, module)
  if ('handle_json' in module || 'render_tree_json' in module) {
    checkMembers(name, module, Object.keys(RAW))
    checkFunction(module['handle_json'], `handle_json of module ${JSON.stringify(name)}`)
    checkFunction(module['render_tree_json'], `render_tree_json of module ${JSON.stringify(name)}`)
    return { name, raw: true, module: module as unknown as RawModule }
  }
  checkMembers(name, module, Object.keys(LIVE))
  const { handle, props = {}, version = 1 } = module
  const hidden = module['private'] ?? []
  checkFunction(module['render'], `render of module ${JSON.stringify(name)}`)
  if (isObject(handle)) {
    for (const key of Object.keys(handle)) {
      const what = `handler ${JSON.stringify(key)} of module ${JSON.stringify(name)}`
      // An event names its handler with arguments in parentheses.
      if (key.includes('(')) throw invalid('a name without "("', what, key)
      checkFunction(handle[key], what)
      if (key === PARAMS) throw invalid(`a name other than ${PARAMS}, by which pages say their address,`, what, key)
      checkErrorsMember(handle[key], props, what)
    }
  } else if (typeof handle !== 'function') {
    throw invalid('an object of handlers or a function', `handle of module ${JSON.stringify(name)}`, handle)
  } else if (/^class\b/.test(Function.prototype.toString.call(handle))) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `Expected an object of handlers or a function for handle of module ${JSON.stringify(name)} but received the class ` +
        `${handle.name}, which cannot be called; write the handlers into an object`,
    )
  }
  checkErrorsMember(handle, props, `handle of module ${JSON.stringify(name)}`)
  const json = stringifyProps(props, () => `props of module ${JSON.stringify(name)}`)
  const receivers = module['receive']
  if (receivers !== undefined) {
    if (!isObject(receivers))
      throw invalid('an object of receivers', `receive of module ${JSON.stringify(name)}`, receivers)
    for (const key of Object.keys(receivers)) {
      checkFunction(receivers[key], `receiver ${JSON.stringify(key)} of module ${JSON.stringify(name)}`)
    }
  }
  for (const callback of ['mount', 'authorize', 'upgrade', 'params', 'connected']) {
    if (module[callback] !== undefined) checkFunction(module[callback], `${callback} of module ${JSON.stringify(name)}`)
  }
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1 || version >= 2 ** 32) {
    throw invalid('a whole number from 1', `version of module ${JSON.stringify(name)}`, version)
  }
  if (!Array.isArray(hidden) || !hidden.every((one) => typeof one === 'string')) {
    throw invalid('a list of names of props', `private of module ${JSON.stringify(name)}`, hidden)
  }
  const missing = module['mount'] === undefined ? hidden.find((one) => !Object.hasOwn(props as object, one)) : undefined
  if (missing !== undefined) {
    throw invalid(
      'names of its props, or of what its mount loads,',
      `private of module ${JSON.stringify(name)}`,
      missing,
    )
  }
  const uploads = uploadsOf(name, module['uploads'], receivers, handle)
  const model = modelOf(module['model'], props, hidden, name)
  const live = module as unknown as AnyModule
  return { name, raw: false, module: live, props: json, version, private: hidden, uploads, model }
}

/** A receiver by name. Only own properties are receivers. */
export function receiverOf(module: AnyModule, name: string): AnyReceiver | undefined {
  const receive = module.receive as Readonly<Record<string, AnyReceiver>> | undefined
  return receive !== undefined && Object.hasOwn(receive, name) ? receive[name] : undefined
}

/** A handler by name. Only own properties are handlers: names come from the browser. */
export function handlerOf(module: AnyModule, name: string): AnyHandler | undefined {
  const { handle } = module
  if (typeof handle === 'function') return handle
  return Object.hasOwn(handle, name) ? handle[name] : undefined
}
