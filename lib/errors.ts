import { types } from 'node:util'
import type { LoomErrorCode } from '../index'

export class LoomError extends Error {
  readonly code: LoomErrorCode

  constructor(code: LoomErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'LoomError'
    this.code = code
  }
}

export class StartError extends LoomError {
  constructor(message: string) {
    super('LOOM_START', message)
    this.name = 'StartError'
  }
}

/** What is thrown in place of a callback that nobody waits for any more: it is not started, and nobody is told. */
export class GivenUp extends Error {}

/** An error of any realm: the addon makes those of the main one, tests and `vm` run in others. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown)
}

/** The text of whatever was thrown. */
export function textOf(thrown: unknown): string {
  try {
    return String(isError(thrown) ? thrown.message : thrown)
  } catch {
    return 'something that cannot be shown was thrown'
  }
}

/** As `textOf`, with the stack: for the log. */
export function traceOf(thrown: unknown): string {
  try {
    if (isError(thrown) && typeof thrown.stack === 'string') return thrown.stack
  } catch {
    // As little as its message then.
  }
  return textOf(thrown)
}

/** Where it was thrown: the lines of the stack, each after a line feed. Our own errors say in words what is wrong. */
export function stackOf(thrown: unknown): string {
  if (thrown instanceof LoomError) return ''
  return (traceOf(thrown).match(/\n {4}at .*/g) ?? []).join('')
}
