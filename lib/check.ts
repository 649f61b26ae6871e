import { LoomError } from './errors'
import { nearest } from './nearest'

/** The type or class of a value, for a message. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value !== 'object') return typeof value
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== 'Object' && name !== '' ? name : 'object'
}

/** A value and its type, for a message. */
function show(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `${JSON.stringify(value.slice(0, 60))} of type string`
  if (typeof value === 'number' || typeof value === 'boolean') return `${value} of type ${typeof value}`
  return `a value of type ${typeOf(value)}`
}

/** The error of a wrong argument. All argument errors have this form. */
export function invalid(expected: string, name: string, received: unknown): LoomError {
  return new LoomError('LOOM_ARGUMENT', `Expected ${expected} for ${name} but received ${show(received)}`)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string' || value === '') throw invalid('a string that is not empty', name, value)
}

/** The beginning of all keys and channels in Redis: the application's prefix, or the default. */
export function redisPrefix(given: unknown, name: string): string {
  if (given === undefined) return 'loom:'
  if (typeof given !== 'string' || !/^[\w:.-]{1,64}$/.test(given))
    throw invalid('1 to 64 letters, digits and : . - _', name, given)
  return given
}

/** A URL that a page may be sent to. */
export function checkUrl(value: unknown, name: string): asserts value is string {
  checkString(value, name)
  let protocol: string
  try {
    protocol = new URL(value, 'http://localhost').protocol
  } catch {
    throw invalid('a path or an http(s) URL', name, value)
  }
  if (protocol !== 'http:' && protocol !== 'https:') throw invalid('a path or an http(s) URL', name, value)
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalid('a function', name, value)
}

/**
 * Checks that `given` is an object without unknown names, which would have no effect. `kind` says which kind of names
 * these are.
 */
export function checkNames(given: unknown, known: object, name: string, kind: string): asserts given is object {
  if (!isObject(given)) throw invalid('an object', name, given)
  for (const one of Object.keys(given)) {
    if (!Object.hasOwn(known, one)) throw unknownName(one, Object.keys(known), `the name of ${kind}`)
  }
}

/** The error for an unknown name, with the known names and a guess. `what` says which kind of name it is. */
export function unknownName(name: string, known: readonly string[], what: string): LoomError {
  const error = invalid(`one of ${known.join(', ')}`, what, name)
  const near = nearest(name, known)
  return near === undefined
    ? error
    : new LoomError(error.code, `${error.message}; did you mean ${JSON.stringify(near)}?`)
}

/**
 * Whether an `authorize` allows: only `true` does. `why` is called with a description of any value but `true` and
 * `false`.
 */
export function isAllowed(allowed: unknown, why: (given: string) => void): boolean {
  if (allowed !== true && allowed !== false)
    why(typeof allowed === 'string' && allowed !== '' ? 'a string' : show(allowed))
  return allowed === true
}
