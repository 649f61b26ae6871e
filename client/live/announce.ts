/**
 * The events that a page can listen for. They bubble from the container. Names that pages read are in quotes: see
 * scripts/client.mjs.
 */

import { own } from '../dom/elements'

export interface Announcements {
  'loom:join': { 'module': string }
  'loom:patch': { 'module': string }
  /** Some errors have an action: with 'reload' the page has to be loaded again. */
  'loom:error': { 'message': string; 'action'?: string | undefined }
  /** A `ctx.push`, after the page shows the change of the same step. */
  'loom:push': { 'module': string; 'name': string; 'data': unknown }
  /** The component's state is gone, and it has started anew. */
  'loom:reset': { 'module': string }
  /** The component's state is too large to survive a crash of the server. */
  'loom:fragile': { 'module': string }
  /** At the document: there is no connection, and the next try begins in `wait` milliseconds. */
  'loom:retry': { 'wait': number }
  /** Events that were not applied; with the reason 'reset', events that may have been applied: nobody knows. */
  'loom:lost': { 'reason': LostReason; 'events': { 'handler': string; 'event': string }[] }
}

export type LostReason = 'expired' | 'full' | 'large' | 'error' | 'reset'

export function announce<Name extends keyof Announcements>(
  container: Element,
  name: Name,
  detail: Announcements[Name],
): void {
  own.dispatchEvent(container, new CustomEvent(name, { bubbles: true, detail }))
}

export function tellError(container: Element, message: string, action?: string): void {
  console.error('loom-live:', own.getAttribute(container, 'data-l-live'), message)
  announce(container, 'loom:error', { message, action })
}
