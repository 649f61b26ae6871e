/**
 * Pages with uploads need a file of their own, made of upload/with_uploads.ts: the client loads it with the first
 * upload.
 */

import type { own } from '../dom/elements'
import type { LiveEvent, Trigger } from './live_event'

/** The parts of the client that this file uses. */
export interface UploadCore {
  own: typeof own
  CONTAINER: string
  OURS: string
  /** The components that get the events of their containers. */
  components: ReadonlyMap<Element, { issue(event: LiveEvent, element: Element, trigger: Trigger | undefined): void }>
}

/** The name of the file: see scripts/client.mjs. */
declare const UPLOADS: string

const RETRY_MS = 5_000

let core: UploadCore
/** How often the file was asked for. */
let attempts = 0

export function provideUploads(given: UploadCore): void {
  core = given
}

/** Loads the file if this HTML, or this message, needs it. */
export function lookForUploads(html: string): void {
  if (!attempts && /data-l-(upload|drop)/.test(html)) load()
}

function load(): void {
  // Some browsers remember for an address that it could not be loaded.
  import(new URL(`${UPLOADS}#${attempts++}`, import.meta.url).href).then(
    ({ start }: { start(core: UploadCore): void }) => start(core),
    () => setTimeout(load, RETRY_MS),
  )
}
