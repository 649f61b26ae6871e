/** Files that the user has chosen, and how far each is. */

import type { UploadCore } from '../input/uploads'

export interface Entry {
  container: Element
  upload: string
  file: File
  /** The page's own id of the file, until the server has given it one. */
  place: string
  /** Asks for a permit, is sent, has arrived and will be handed over, was handed over, or is over. */
  phase: 'asking' | 'sending' | 'arrived' | 'handed' | 'over'
  serverId: string
  permit: string
  sent: number
  error: string
  /** How often the page has asked for the permit, or has handed the file over, without an answer. */
  tries: number
  /** Ends the present request, or the pause before the next one. */
  stop: (() => void) | undefined
  /** Set if the file does not go to this server. */
  direct: Direct | undefined
  /** `target`: the address that files go to. `chunk`: the most bytes of one request; 0 for no bound. */
  target: string
  chunk: number
  input: HTMLInputElement | undefined
}

/** The result of the application's `direct`. */
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

/**
 * If the page is loaded anew and the user chooses the same file again, the page finds under this key the begun upload.
 */
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
    // Without storage no upload is continued after a reload.
  }
}
