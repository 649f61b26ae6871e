import { isObject, typeOf } from './check'
import { LoomError } from './errors'

/** Deeper props are taken for a cycle. JSON.stringify's own recursion goes much further. */
const MAX_DEPTH = 1000

/**
 * The JSON text of props.
 *
 * @throws LoomError `LOOM_PROPS` names the path of what JSON would change or refuse. Members that
 * are `undefined` count as absent.
 */
export function stringifyProps(props: unknown, source: string): string {
  if (!isObject(props)) {
    throw new LoomError('LOOM_PROPS', `Expected an object of props from ${source} but received ${typeOf(props)}`)
  }
  check(props, '', source, 0)
  return JSON.stringify(props)
}

function check(value: unknown, path: string, source: string, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (Number.isFinite(value)) return
      throw refused(String(value), path, source)
    case 'object':
      if (value === null) return
      if (depth > MAX_DEPTH) throw refused('a cycle, or nesting deeper than 1000 levels,', path.slice(0, 100), source)
      if (Array.isArray(value)) {
        // By index, so that holes are seen.
        for (let index = 0; index < value.length; index++) {
          check(value[index], `${path}[${index}]`, source, depth + 1)
        }
        return
      }
      checkObject(value, path, source, depth)
      return
    default:
      throw refused(typeof value, path, source)
  }
}

function checkObject(value: object, path: string, source: string, depth: number): void {
  // Plain objects of any realm: their prototype is null or has none itself.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(`an instance of ${typeOf(value)}`, path, source)
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw refused('a member named __proto__', path, source)
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'string' || member === undefined) continue
    check(member, path === '' ? key : `${path}.${key}`, source, depth + 1)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw refused('a member named by a symbol', path, source)
}

function refused(what: string, path: string, source: string): LoomError {
  return new LoomError(
    'LOOM_PROPS',
    `Props are JSON values, but ${source} gave ${what} at ${path === '' ? 'the top' : path}`,
  )
}

interface Entry {
  version: number
  props: unknown
  bytes: number
}

/**
 * Parsed copies of committed props, by actor and version.
 *
 * An entry is taken out to be used and put back when the handler has succeeded, so that a copy that
 * a failed handler may have changed is never seen again. Two generations make it forget what was
 * not used lately: when the young one has half of the bytes, it becomes the old one.
 */
export class PropsCache {
  private young = new Map<number, Entry>()
  private old = new Map<number, Entry>()
  private youngBytes = 0

  constructor(private readonly maxBytes: number) {}

  take(actor: number, version: number): unknown {
    let entry = this.young.get(actor)
    if (entry !== undefined) {
      this.young.delete(actor)
      this.youngBytes -= entry.bytes
    } else {
      entry = this.old.get(actor)
      if (entry === undefined) return undefined
      this.old.delete(actor)
    }
    return entry.version === version ? entry.props : undefined
  }

  put(actor: number, version: number, props: unknown, bytes: number): void {
    this.forget(actor)
    if (this.youngBytes + bytes > this.maxBytes / 2) {
      this.old = this.young
      this.young = new Map()
      this.youngBytes = 0
      if (bytes > this.maxBytes / 2) return
    }
    this.young.set(actor, { version, props, bytes })
    this.youngBytes += bytes
  }

  forget(actor: number): void {
    const entry = this.young.get(actor)
    if (entry !== undefined) this.youngBytes -= entry.bytes
    this.young.delete(actor)
    this.old.delete(actor)
  }
}
