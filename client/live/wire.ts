/** The dialect `loom.2`, as docs/protocol.md describes it. */

import { intern } from '../dom/template'
import type { Templates } from '../dom/tree'

/**
 * The server's messages about a component, by a message's first member. The arguments are the members after the
 * component's number.
 */
export interface Messages {
  j(number: number, revision: number, tree: unknown, secret: string, flags?: number): void
  a(number: number, secret: string): void
  s(number: number, change: unknown): void
  v(revision: number): void
  p(name: string, data: unknown): void
  e(number: number, message: string, expired?: 0 | 1, count?: number): void
  k(number: number): void
  f(message: string, action?: string, more?: string | number): void
  c(number: number, sealed: string | null): void
}

/** The messages of a frame. */
export function messagesOf(frame: unknown): unknown[][] {
  const message = JSON.parse(frame as string) as unknown[]
  return (Array.isArray(message[0]) ? message : [message]) as unknown[][]
}

export function readTemplate([, id, statics, kinds]: unknown[], templates: Templates): void {
  templates.set(id, intern(statics as string[], kinds as string))
}
