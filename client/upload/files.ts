/** Files that the user has chosen, and how far each is. */

import type { UploadCore } from '../input/uploads'

export interface Entry {
  container: Element
  upload: string
  file: File
  /** What the page calls it until the server has given it an id. */
  place: string
  /** Asked for, on its way, arrived and to be handed over, handed over, or over. */
  phase: 'asking' | 'sending' | 'arrived' | 'handed' | 'over'
  serverId: string
  permit: string
  sent: number
  error: string
  /** How often it was asked for, or handed over, without an answer. */
  tries: number
  /** Ends the request that is under way. */
  stop: (() => void) | undefined
  /** Of a file that does not go to this server. */
  direct: Direct | undefined
  /** Where files go, and the most bytes of one request; 0: no bound. */
  target: string
  chunk: number
  input: HTMLInputElement | undefined
}

/** As the application's `direct` gives it. */
export interface Direct {
  'url': string
  'method'?: string
  'headers'?: Record<string, string>
}

export let core: UploadCore

export function take(given: UploadCore): void {
  core = given
}

export const entries: Entry[] = []

/** A page that is loaded anew finds here what was begun, if the user chooses the same file again. */
export function storageKey({ container, upload, file }: Entry): string {
  const module = core.own.getAttribute(container, 'data-l-live')
  return `loom-live:${module}:${upload}:${file.name}:${file.size}:${file.lastModified}`
}

export function recall(entry: Entry): string | undefined {
  try {
    return sessionStorage.getItem(storageKey(entry)) ?? undefined
  } catch {
    return undefined
  }
}

export function remember(entry: Entry, permit?: string): void {
  try {
    if (permit) sessionStorage.setItem(storageKey(entry), permit)
    else sessionStorage.removeItem(storageKey(entry))
  } catch {
    // Without storage nothing is gone on with after a reload.
  }
}
