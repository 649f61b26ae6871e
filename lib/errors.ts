import { types } from 'node:util'
import type { LoomErrorCode } from '../index'

/** The page of the package that explains each code: its causes, and what to do. Its headings are the codes. */
const PAGE = 'node_modules/loom-live/docs/errors.md'

export class LoomError extends Error {
  readonly code: LoomErrorCode
  /** A property of its own: so Node and `console.error` print it below the stack. */
  readonly docs: string

  constructor(code: LoomErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'LoomError'
    this.code = code
    this.docs = `${PAGE}#${code.toLowerCase()}`
  }
}

/** The line of a log that names the section of the docs for this error. Empty for errors that are not ours. */
function docsOf(thrown: unknown): string {
  return thrown instanceof LoomError ? `\n    see ${thrown.docs}` : ''
}

export class StartError extends LoomError {
  constructor(message: string) {
    super('LOOM_START', message)
    this.name = 'StartError'
  }
}

/** A topic cannot be reached, or there are too many, for now: a page that joins tries again. */
export class TopicAway extends LoomError {}

/** Thrown instead of calling a callback that no page waits for any more. The error is not reported to anybody. */
export class GivenUp extends Error {}

/** Whether it is an error of any realm: the addon makes errors of the main realm, tests and `vm` run in others. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown)
}

/** The message of a thrown value. */
export function textOf(thrown: unknown): string {
  try {
    return String(isError(thrown) ? thrown.message : thrown)
  } catch {
    return 'something that cannot be shown was thrown'
  }
}

/** The message and the stack of a thrown value, for the log. */
export function traceOf(thrown: unknown): string {
  try {
    if (isError(thrown) && typeof thrown.stack === 'string') return thrown.stack + docsOf(thrown)
  } catch {
    // A getter of the error has thrown. The message may still be readable.
  }
  return textOf(thrown)
}

/**
 * The lines of a thrown value's stack, each after a line feed. The message of our own errors says the place, so for
 * them it is the line that names their section of the docs.
 */
export function stackOf(thrown: unknown): string {
  if (thrown instanceof LoomError) return docsOf(thrown)
  return (traceOf(thrown).match(/\n {4}at .*/g) ?? []).join('')
}
