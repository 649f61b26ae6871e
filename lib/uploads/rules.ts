import type { ChosenFile, DirectUpload, LiveContext, UploadError } from '../../index'
import { checkFunction, checkNames, checkString, invalid, isObject } from '../check'

/**
 * The handler that pages call by themselves, and the name of the messages to them. No module may have a handler of this
 * name.
 */
export const UPLOAD = 'loom.upload'

/** A module's rules for one upload, checked and with their defaults. */
export interface Rules {
  readonly accept: readonly string[]
  readonly maxFiles: number
  readonly maxBytes: number
  /** 0: one request has all that is left. */
  readonly chunkBytes: number
  readonly progress: string | undefined
  readonly direct: ((file: ChosenFile, ctx: LiveContext) => DirectUpload | Promise<DirectUpload>) | undefined
}

const MEMBERS = { accept: true, maxFiles: true, maxBytes: true, chunkBytes: true, progress: true, direct: true }

const MOST_FILES = 1_000
const DEFAULT_FILES = 10
const DEFAULT_BYTES = 10 * 2 ** 20
const LEAST_CHUNK = 64 * 2 ** 10

/** The longest name of a file that is kept, in bytes, as file systems have it; and of a media type. */
const MAX_NAME = 255
const MAX_TYPE = 127

function wholeNumber(value: unknown, least: number, most: number, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most)
    throw invalid(`a whole number from ${least} to ${most}`, name, value)
  return value
}

/** The uploads of a module by their names, checked; nothing if the module has no uploads. */
export function uploadsOf(
  name: string,
  uploads: unknown,
  receive: unknown,
  handle: unknown,
): ReadonlyMap<string, Rules> | undefined {
  if (uploads === undefined) return undefined
  const module = `module ${JSON.stringify(name)}`
  if (!isObject(uploads)) throw invalid('an object of uploads by their names', `uploads of ${module}`, uploads)
  if (isObject(handle) && Object.hasOwn(handle, UPLOAD))
    throw invalid(`a name other than ${UPLOAD}, which uploads need,`, `a handler of ${module}`, UPLOAD)
  const receives = (receiver: string): boolean => isObject(receive) && Object.hasOwn(receive, receiver)
  const all = new Map<string, Rules>()
  for (const [upload, rules] of Object.entries(uploads)) {
    const what = `upload ${JSON.stringify(upload)} of ${module}`
    if (!/^[\w-]{1,64}$/.test(upload))
      throw invalid('1 to 64 letters, digits, - and _', `the name of an upload of ${module}`, upload)
    checkNames(rules, MEMBERS, what, `a rule of ${what}`)
    if (!receives(upload)) throw invalid(`a receiver of that name, which gets the files,`, what, undefined)
    const { accept = [], progress, direct, ...bounds } = rules as Record<string, unknown>
    const { maxFiles = DEFAULT_FILES, maxBytes = DEFAULT_BYTES, chunkBytes } = bounds
    if (!Array.isArray(accept) || !accept.every(isAccepted))
      throw invalid('a list like ["image/*", "application/pdf", ".csv"]', `accept of ${what}`, accept)
    if (progress !== undefined) {
      checkString(progress, `progress of ${what}`)
      if (!receives(progress) || progress === upload)
        throw invalid('the name of another receiver', `progress of ${what}`, progress)
    }
    if (direct !== undefined) checkFunction(direct, `direct of ${what}`)
    all.set(upload, {
      accept: accept.map((one) => (one as string).toLowerCase()),
      maxFiles: wholeNumber(maxFiles, 1, MOST_FILES, `maxFiles of ${what}`),
      maxBytes: wholeNumber(maxBytes, 1, Number.MAX_SAFE_INTEGER, `maxBytes of ${what}`),
      chunkBytes:
        chunkBytes === undefined
          ? 0
          : wholeNumber(chunkBytes, LEAST_CHUNK, Number.MAX_SAFE_INTEGER, `chunkBytes of ${what}`),
      progress,
      direct: direct as Rules['direct'],
    })
  }
  return all
}

function isAccepted(one: unknown): boolean {
  return typeof one === 'string' && /^(\.[\w.+-]{1,32}|[\w.+-]{1,64}\/([\w.+-]{1,64}|\*))$/.test(one)
}

/** A file as a page describes it, with bounds; nothing if the description is not one of a file. */
export function chosenFile(given: Record<string, unknown>): Omit<ChosenFile, 'id'> | undefined {
  const { name, type, size } = given
  if (typeof name !== 'string' || typeof type !== 'string' || typeof size !== 'number') return undefined
  if (!Number.isSafeInteger(size) || size < 0) return undefined
  const isType = /^[\w.+-]+\/[\w.+-]+$/.test(type) && type.length <= MAX_TYPE
  return { name: cleanName(name), type: isType ? type.toLowerCase() : 'application/octet-stream', size }
}

/**
 * A file's name without anything that has a meaning for a path, a terminal or a file system: its last part, without
 * control characters and halves of surrogate pairs, at most 255 bytes. A name is for people; no path is ever made of
 * it.
 */
export function cleanName(name: string): string {
  const last =
    name
      .slice(-4 * MAX_NAME)
      .split(/[/\\]/)
      .at(-1) ?? ''
  // Characters that turn the direction of text can make one ending look like another.
  const clean = Buffer.from(last).toString()
  const plain = clean.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '').trim()
  // Of a character that does not fit, no part is kept.
  const kept = new TextDecoder().decode(Buffer.from(plain).subarray(0, MAX_NAME), { stream: true })
  return /^\.*$/.test(kept) ? 'file' : kept
}

/** Why these rules do not take the file; nothing if they do. */
export function refusalOf(
  { accept, maxBytes }: Rules,
  { name, type, size }: Omit<ChosenFile, 'id'>,
): UploadError | undefined {
  if (size > maxBytes) return 'large'
  const lower = name.toLowerCase()
  const isTaken = accept.some((one) => {
    if (one.startsWith('.')) return lower.endsWith(one)
    return one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : type === one
  })
  return accept.length === 0 || isTaken ? undefined : 'type'
}
