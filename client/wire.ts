/** The dialect `loom.2`, as docs/protocol.md describes it: the events that are sent, and the frames that come. */

import { intern } from './template'
import type { Templates } from './tree'

export interface SpecialVars {
  /** The value. */
  v?: string
  /** Whether it is checked. */
  c?: boolean
  /** The key. */
  k?: string
  /** The changed field's form, URL-encoded. */
  f?: string
}

export interface LiveEvent {
  handler: string
  type: string
  vars: SpecialVars
}

/** The messages of a frame; what is none is left as it is. */
export function messagesOf(frame: unknown): unknown[] {
  let message: unknown
  try {
    message = JSON.parse(frame as string)
  } catch {
    // It is reported with whatever else means nothing.
  }
  if (!Array.isArray(message)) return [[frame]]
  return Array.isArray(message[0]) ? message.map((one) => (Array.isArray(one) ? one : [one]) as unknown) : [message]
}

/** False where it is none. */
export function readTemplate([, id, statics, kinds]: unknown[], templates: Templates): boolean {
  if (!Array.isArray(statics) || statics.length !== String(kinds).length + 1) return false
  if (statics.some((text) => typeof text !== 'string')) return false
  templates.set(id, intern(statics as string[], String(kinds)))
  return true
}
