/** What the page can listen for: bubbling events at the container. What pages read is in quotes: see scripts/client.mjs. */

import { own } from '../dom/elements'

export interface Announcements {
  'loom:join': { 'module': string }
  'loom:patch': { 'module': string }
  /** Some errors have an action: with 'reload' the page has to be loaded again. */
  'loom:error': { 'message': string; 'action'?: string | undefined }
  /** `ctx.push`: after the change of its step. */
  'loom:push': { 'module': string; 'name': string; 'data': unknown }
  /** The component's state is gone, and it has started anew. */
  'loom:reset': { 'module': string }
  /** The component's state is too large to survive a crash of the server. */
  'loom:fragile': { 'module': string }
  /** At the document: there is no connection, and the next try is in so many milliseconds. */
  'loom:retry': { 'wait': number }
  /** Events that were not applied. If the state itself is gone ('reset'), nobody knows whether they were. */
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
