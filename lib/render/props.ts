import { types } from 'node:util'
import { isObject, typeOf } from '../check'
import { LoomError } from '../errors'
import { noteIfFrozen } from './frozen'
import { Tree } from './tree'

/** Gives the source of props, for the message of an error. A function, because most props have no error. */
export type Source = () => string

/** Deeper props are treated as a cycle. `JSON.stringify` could go much deeper. */
const MAX_DEPTH = 1000

/**
 * Checks that props are JSON values and nothing else. Members that are `undefined` count as absent.
 *
 * @throws LoomError `LOOM_PROPS` names the path of a value that JSON would change or refuse.
 */
export function checkProps(props: unknown, source: Source): asserts props is Record<string, unknown> {
  if (!isObject(props)) {
    throw new LoomError(
      'LOOM_PROPS',
      `Expected an object of props from ${source()} but received ${typeOf(props)}${mendOf(props)}`,
    )
  }
  checkValue(props, '', source, true)
}

/** The JSON text of props, checked. */
export function stringifyProps(props: unknown, source: Source): string {
  checkProps(props, source)
  return JSON.stringify(props)
}

/**
 * The JSON text of a message's data; `undefined` counts as `null`.
 *
 * @throws LoomError `LOOM_PROPS` names the path of a value that JSON would change or refuse.
 */
export function stringifyData(data: unknown, source: Source): string {
  if (data === undefined) return 'null'
  checkValue(data, '', source, true)
  return JSON.stringify(data)
}

/** Checks the value of props at `path`; if `deep`, also all values inside it. */
export function checkValue(value: unknown, path: string, source: Source, deep: boolean, depth = 0): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (Number.isFinite(value)) return
      throw refused(value, String(value), path, source)
    case 'object':
      if (value === null) return
      if (depth > MAX_DEPTH) {
        throw refused(undefined, `a cycle, or nesting deeper than ${MAX_DEPTH} levels,`, path.slice(0, 100), source)
      }
      noteIfFrozen(value)
      if (Array.isArray(value)) {
        if (!deep) return
        // By index, so that holes are seen.
        for (let index = 0; index < value.length; index++) {
          checkValue(value[index], `${path}[${index}]`, source, deep, depth + 1)
        }
        return
      }
      checkObject(value, path, source, deep, depth)
      return
    default:
      throw refused(value, typeof value, path, source)
  }
}

function checkObject(value: object, path: string, source: Source, deep: boolean, depth: number): void {
  // Plain objects, also of another realm: the prototype is null or has no prototype itself.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(value, `an instance of ${typeOf(value)}`, path, source)
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw refused(undefined, 'a member named __proto__', path, source)
    if (!deep) continue
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'string' || member === undefined) continue
    checkValue(member, path === '' ? key : `${path}.${key}`, source, deep, depth + 1)
  }
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw refused(undefined, 'a member named by a symbol', path, source)
}

function refused(value: unknown, what: string, path: string, source: Source): LoomError {
  return new LoomError(
    'LOOM_PROPS',
    `Props and messages are JSON values, but ${source()} gave ${what} at ${path === '' ? 'the top' : JSON.stringify(path)}${mendOf(value)}`,
  )
}

/** What to store instead, as the end of a sentence. */
function mendOf(value: unknown): string {
  const mend = insteadOf(value)
  return mend === undefined ? '' : `; ${mend}`
}

function insteadOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return 'store null or a number that is finite'
    case 'bigint':
      return 'store String(value) or Number(value)'
    case 'undefined':
      return 'store null in a list, or leave the item out'
    case 'function':
      return 'call it and store its result'
    case 'symbol':
      return 'store its text'
    case 'object':
      break
    default:
      return undefined
  }
  if (value === null || Array.isArray(value)) return undefined
  if (types.isDate(value)) return 'store date.toISOString() or the number date.getTime()'
  if (types.isMap(value)) return 'store [...map] or Object.fromEntries(map)'
  if (types.isSet(value)) return 'store [...set]'
  if (types.isPromise(value)) return 'await the promise first'
  if (types.isRegExp(value)) return 'store its source'
  if (types.isNativeError(value)) return 'store its message'
  if (ArrayBuffer.isView(value)) return 'store Array.from(array), or a text'
  if (value instanceof Tree) return 'store the data that the template shows, and make the template in render'
  return 'store a plain object with the members that you need, as in { ...value }'
}
