/** What the page can listen for: bubbling events at the container. */

export interface Announcements {
  'loom:join': { module: string }
  'loom:patch': { module: string }
  'loom:error': { message: string }
  /** Events of which it is not known whether they were applied ('connection'), or that were not sent. */
  'loom:lost': { reason: LostReason; events: { handler: string; event: string }[] }
}

export type LostReason = 'connection' | 'full' | 'error'

export function announce<Name extends keyof Announcements>(
  container: Element,
  name: Name,
  detail: Announcements[Name],
): void {
  container.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }))
}
