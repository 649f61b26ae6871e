import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { traceOf } from '../errors'
import { framesIn, isOfPackage, nearPath } from '../places'

/** A failure, as a page shows it in development. */
export interface Failure {
  /**
   * `event`: the page that the event came from has been told `text`. `join`: likewise. `message`: no page was told; those
   * that show the module's components show it. `load`: all pages show it. `mount`: the page of that address shows it, if
   * there is a page all the same.
   */
  readonly kind: 'event' | 'join' | 'message' | 'load' | 'mount'
  readonly module: string
  /** Of `mount`: the address of the page, as its request has it; empty if that is not known. */
  readonly page?: string
  /** The callback that has failed, as in "the handler "save" of counter". */
  readonly what: string
  readonly text: string
  /** The place where the error was thrown, and the place of the template that the text names. */
  readonly places: readonly Excerpt[]
}

/** A line of a file, with the lines around it. */
export interface Excerpt {
  readonly file: string
  readonly line: number
  /** The number of the first of `lines`. */
  readonly first: number
  readonly lines: readonly string[]
}

const LINES_BEFORE = 4
const LINES_AFTER = 4
const MOST_BYTES = 2 << 20
const LONGEST_LINE = 240
const MOST_PLACES = 3
const LONGEST_TEXT = 4_000

/** The failure as pages are told of it. `place` is where the module was registered, as `file:line`. */
export function failureOf(about: Omit<Failure, 'places'>, error: unknown, place: string | undefined): Failure {
  const trace = traceOf(error)
  const places: [file: string, line: number][] = []
  // A file that cannot be read as a program stands before the message.
  const [, broken, brokenLine] = /^(?:file:\/\/)?(\/[^\n?]+?|[A-Z]:[^\n?]+?)(?:\?[^\n:]*)?:(\d+)\n/.exec(trace) ?? []
  if (broken !== undefined) places.push([broken, Number(brokenLine)])
  // The templates that the text names.
  for (const [, file = '', line] of about.text.matchAll(/\((?:[a-z ]+ )?at ([^()\n]+):(\d+)\)/g))
    places.push([resolve(file), Number(line)])
  const thrown = framesIn(trace).find(({ file }) => file !== undefined && !isOfPackage(file))
  if (thrown?.file !== undefined) places.push([thrown.file, thrown.line])
  if (places.length === 0 && place !== undefined) {
    const at = place.lastIndexOf(':')
    places.push([resolve(place.slice(0, at)), Number(place.slice(at + 1))])
  }
  const excerpts = new Map<string, Excerpt>()
  for (const [file, line] of places) {
    const excerpt = excerptOf(file, line)
    if (excerpt !== undefined) excerpts.set(`${file}:${line}`, excerpt)
  }
  return { ...about, text: about.text.slice(0, LONGEST_TEXT), places: [...excerpts.values()].slice(0, MOST_PLACES) }
}

function excerptOf(file: string, line: number): Excerpt | undefined {
  try {
    if (isOfPackage(file) || statSync(file).size > MOST_BYTES) return undefined
    const all = readFileSync(file, 'utf8').split('\n')
    const first = Math.max(1, line - LINES_BEFORE)
    const lines = all.slice(first - 1, line + LINES_AFTER).map((text) => text.slice(0, LONGEST_LINE))
    return { file: nearPath(file), line, first, lines }
  } catch {
    return undefined
  }
}
