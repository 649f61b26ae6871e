import { createHash } from 'node:crypto'
import type { ChosenFile } from '../../index'
import { isObject } from '../check'

/** A permission for a page to upload one file, of one component, for one user, until a time. */
export interface Permit extends ChosenFile {
  /** The component's public name, which it keeps through reconnects, crashes and moves. */
  readonly instance: string
  readonly module: string
  readonly upload: string
  /** In milliseconds since 1970. */
  readonly expires: number
  /** The file goes to a store of the application, under this key. */
  readonly key: string | undefined
}

/** Seals and opens permits for a user; `src/token/keyring.rs`. */
export interface Sealer {
  sealPermit(permit: string, bind: string): string
  openPermit(sealed: string, bind: string): string | null
}

/** The longest text that is looked at as a permit. */
const MAX_SEALED = 4096

/** The result of `open` for a permit that was good. */
export const EXPIRED = Symbol('an expired permit')

/** The id of the file at this place in an event's list: the same if the event is handled again. */
export function fileId(event: string, place: number): string {
  return createHash('sha256').update(`${event}:${place}`).digest('base64url').slice(0, 22)
}

export function sealPermit(sealer: Sealer, permit: Permit, bind: string): string {
  const { id, instance, module, upload, name, type, size, expires, key } = permit
  return sealer.sealPermit(JSON.stringify([id, instance, module, upload, name, type, size, expires, key ?? null]), bind)
}

/** The permit; nothing if the text is not a permit of this user. */
export function openPermit(sealer: Sealer, sealed: unknown, bind: string): Permit | typeof EXPIRED | undefined {
  if (typeof sealed !== 'string' || sealed.length > MAX_SEALED) return undefined
  const text = sealer.openPermit(sealed, bind)
  if (text === null) return undefined
  // The text was sealed by this application, so its form is known.
  const [id, instance, module, upload, name, type, size, expires, key] = JSON.parse(text) as [
    string,
    string,
    string,
    string,
    string,
    string,
    number,
    number,
    string | null,
  ]
  if (Date.now() > expires) return EXPIRED
  return { id, instance, module, upload, name, type, size, expires, key: key ?? undefined }
}

/** The content of a page's event about an upload. */
export interface Said {
  readonly upload: string
  /**
   * Files that the user has chosen. `place` is the page's own name for a file, `permit` is an earlier permit of the
   * page for the same file.
   */
  readonly ask: readonly { readonly place: unknown; readonly file: Record<string, unknown>; readonly permit: unknown }[]
  /** A permit whose file has arrived. */
  readonly done: unknown
  /** All files that are under way, also those that have failed, with the number of bytes that have arrived. */
  readonly list: readonly Record<string, unknown>[]
}

/** Reads the event's value; nothing if it is not of that form. */
export function said(value: string | undefined): Said | undefined {
  let given: unknown
  try {
    given = JSON.parse(value ?? '')
  } catch {
    return undefined
  }
  if (!isObject(given)) return undefined
  const { u: upload, a: ask = [], d: done, l: list = [] } = given
  if (typeof upload !== 'string' || !areObjects(ask) || !areObjects(list)) return undefined
  return { upload, ask: ask.map((file) => ({ place: file['k'], file, permit: file['p'] })), done, list }
}

function areObjects(list: unknown): list is Record<string, unknown>[] {
  return Array.isArray(list) && list.every(isObject)
}
