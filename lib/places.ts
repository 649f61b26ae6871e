import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the library's own files; `lib/native.ts`, which finds the package, sets it. */
let own: string | undefined

export function setOwnFolder(folder: string): void {
  own = folder
}

/**
 * The place from which our function `ours` was called, as `file:line`; `undefined` if the stack does not say. Costs a
 * few microseconds: for development only.
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
  return `${nearPath(place.startsWith('file:') ? fileURLToPath(place) : place)}:${line}`
}

/**
 * The application's files that called our function `ours`, the nearest first, up to the file that has loaded them. For
 * development.
 */
export function filesBehind(ours: (...parameters: never[]) => unknown): string[] {
  const { stackTraceLimit } = Error
  const holder: { stack?: string } = {}
  Error.stackTraceLimit = 20
  Error.captureStackTrace(holder, ours)
  const { stack = '' } = holder
  Error.stackTraceLimit = stackTraceLimit
  const files = new Set<string>()
  for (const { file } of framesIn(stack)) {
    if (file === undefined) break
    if (!isOfPackage(file)) files.add(file)
  }
  return [...files]
}

/**
 * A frame of a stack. Its file is a path, or `undefined` if the file belongs neither to the application nor to a
 * package.
 */
export interface Frame {
  readonly file: string | undefined
  readonly line: number
}

export function framesIn(stack: string): Frame[] {
  const frames: Frame[] = []
  for (const [, place = '', line] of stack.matchAll(/^ {4}at (?:.*\()?([^()\n]+?):(\d+):\d+\)?$/gm)) {
    const path = place.startsWith('file:')
      ? fileURLToPath(place.replace(/[?#].*$/, ''))
      : place.replace(/\?loom=\d+$/, '')
    frames.push({ file: isAbsolute(path) ? path : undefined, line: Number(line) })
  }
  return frames
}

/** Whether a file is outside of the application's own sources. */
export function isOfPackage(file: string): boolean {
  return /[\\/]node_modules[\\/]/.test(file) || (own !== undefined && file.startsWith(own))
}

/** The path from the current folder, unless the file is outside of it. */
export function nearPath(file: string): string {
  const near = relative(process.cwd(), file)
  return near.startsWith('..') || isAbsolute(near) ? file : near
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

/** True if templates write their place into the page: `data-l-loc`. */
let isLocating = false

/** From here on, templates that are compiled write their place into the page. */
export function locateTemplates(): void {
  isLocating = true
}

/**
 * A template's statics with `data-l-loc` in the first start tag, if the template begins with one and its place is known. The
 * number of statics stays.
 */
export function located(statics: TemplateStringsArray): readonly string[] {
  const place = isLocating ? placeOfTemplate(statics) : undefined
  const [first = '', ...rest] = statics
  const [start, tag] = /^\s*<([a-z][\w-]*)(?=[\s/>]|$)/i.exec(first) ?? []
  // The last word of a chunk may go on in a slot. That is an error, and Rust reports it.
  if (place === undefined || start === undefined || tag === undefined || start.length === first.length) return statics
  const escaped = place.replace(/[&"<]/g, (sign) => `&#${sign.charCodeAt(0)};`)
  return [`${start} data-l-loc="${escaped}"${first.slice(start.length)}`, ...rest]
}

/** Remembers the place of a literal. Called by `html`, which passes itself as `ours`. */
export function rememberTemplate(statics: TemplateStringsArray, ours: (...parameters: never[]) => unknown): void {
  if (templates === undefined || typeof statics !== 'object' || templates.has(statics)) return
  templates.set(statics, callerOf(ours) ?? '')
}

/** The places that a compiler of JSX has told, in development: see `jsxDEV`. */
const told = new WeakMap<TemplateStringsArray, string>()

export function rememberTold(statics: TemplateStringsArray, place: string): void {
  told.set(statics, place)
}

/** The place of a literal, if it is known. */
export function placeOfTemplate(statics: TemplateStringsArray): string | undefined {
  const place = templates?.get(statics) ?? told.get(statics)
  return place === '' ? undefined : place
}
