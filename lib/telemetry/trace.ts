import type { Loom } from '../../index'
import { channels } from './channels'

/** A W3C `traceparent`: version, trace, span, flags. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/

/**
 * The URL of a page, and behind a space the `traceparent` of the request that renders it, if a subscriber has named one.
 * A URL has no space in it. So the page's token and its checkpoints carry the trace to any process, as they carry the URL.
 */
export function withTrace(url: string, loom: Loom, module: string): string {
  if (!channels.mount.hasSubscribers) return url
  const message = { loom, module, traceparent: '' }
  channels.mount.publish(message)
  const { traceparent } = message
  return TRACEPARENT.test(traceparent) ? `${url} ${traceparent}` : url
}

/** The `traceparent` behind a URL; empty if the URL has none. */
export function traceIn(url: string): string {
  const at = url.lastIndexOf(' ')
  return at < 0 ? '' : url.slice(at + 1)
}

/** A page's caller as Rust gives it, without the `traceparent`. The third member is the URL. */
export function withoutTrace(caller: readonly string[]): readonly string[] {
  const [request = '', bind = '', url = '', ...more] = caller
  const at = url.lastIndexOf(' ')
  return at < 0 ? caller : [request, bind, url.slice(0, at), ...more]
}
