import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Where our function `ours` was called from, as `file:line`; `undefined` if the stack does not say. Costs a few
 * microseconds: for development only.
 */
export function callerOf(ours: (...parameters: never[]) => unknown): string | undefined {
  const { stackTraceLimit } = Error
  const holder: { stack?: string } = {}
  Error.stackTraceLimit = 1
  Error.captureStackTrace(holder, ours)
  // Read before the limit is restored, because reading makes the text.
  const { stack = '' } = holder
  Error.stackTraceLimit = stackTraceLimit
  const [, place = '', line] = /^ {4}at (?:.*\()?([^()\n]+?):(\d+):\d+\)?$/m.exec(stack) ?? []
  if (line === undefined || place.startsWith('node:')) return undefined
  const file = place.startsWith('file:') ? fileURLToPath(place) : place
  const near = relative(process.cwd(), file)
  return `${near.startsWith('..') || isAbsolute(near) ? file : near}:${line}`
}

/** A place as the end of a sentence: ` (at pages/list.js:12)`, or nothing. */
export function atPlace(place: string | undefined, what = 'at'): string {
  return place === undefined ? '' : ` (${what} ${place})`
}

/** The place of each template literal. `undefined` until a loom in development calls `rememberTemplates`. */
let templates: WeakMap<TemplateStringsArray, string> | undefined

export function rememberTemplates(): void {
  templates ??= new WeakMap()
}

export function isRemembering(): boolean {
  return templates !== undefined
}

/** Remembers the place of a literal. Called by `html`, which passes itself as `ours`. */
export function rememberTemplate(statics: TemplateStringsArray, ours: (...parameters: never[]) => unknown): void {
  if (templates === undefined || typeof statics !== 'object' || templates.has(statics)) return
  templates.set(statics, callerOf(ours) ?? '')
}

/** The place of a literal, if it is known. */
export function placeOfTemplate(statics: TemplateStringsArray): string | undefined {
  const place = templates?.get(statics)
  return place === '' ? undefined : place
}
