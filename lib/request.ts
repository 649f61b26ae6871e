import type { IncomingMessage } from 'node:http'
import proxyaddr from 'proxy-addr'
import type { LoomOptions, TrustProxy } from '../index'
import { invalid } from './check'
import type { CompactRequest } from './context'

export type Trust = (address: string, hop: number) => boolean

/** As Express reads its setting `trust proxy`. */
export function trustOf(trustProxy: TrustProxy | undefined): Trust {
  if (trustProxy === undefined || trustProxy === false) return () => false
  if (trustProxy === true) return () => true
  if (typeof trustProxy === 'function') return trustProxy
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  const list = typeof trustProxy === 'string' ? trustProxy.split(',').map((part) => part.trim()) : trustProxy
  if (!Array.isArray(list)) throw invalid('a boolean, a number, addresses or a function', 'trustProxy', list)
  try {
    return proxyaddr.compile(list as string[])
  } catch {
    throw invalid('IP addresses, or the names loopback, linklocal and uniquelocal', 'trustProxy', String(trustProxy))
  }
}

/** `set` is what an application's middleware or hooks have set their things on. */
export function compactRequest(
  request: IncomingMessage,
  trust: Trust,
  keep: readonly string[],
  set: object = request,
): CompactRequest {
  const kept: Record<string, unknown> = {}
  for (const name of keep) {
    const value = (set as Record<string, unknown>)[name]
    if (value !== undefined && typeof value !== 'function') kept[name] = value
  }
  return { ...kept, url: request.url ?? '', headers: request.headers, address: proxyaddr(request, trust) }
}

/** The host that the browser asked for. */
function hostOf(request: IncomingMessage, trust: Trust): string {
  const forwarded = request.headers['x-forwarded-host']
  if (forwarded !== undefined && trust(request.socket.remoteAddress ?? '', 0)) {
    // Proxies append; the first is the browser's.
    return String(forwarded).split(',')[0]?.trim() ?? ''
  }
  return request.headers.host ?? ''
}

/** Of a list, what no browser writes as an origin would never be found: a slash at the end, a capital, a default port. */
export function checkOrigins(origins: unknown): void {
  if (origins === undefined || typeof origins === 'function') return
  if (!Array.isArray(origins)) throw invalid('a list of origins or a function', 'origin', origins)
  for (const origin of origins as unknown[]) {
    if (typeof origin !== 'string' || !isOrigin(origin)) throw invalid('origins like "https://app.example"', 'origin', origin)
  }
}

function isOrigin(text: string): boolean {
  if (/^https?:/i.test(text)) return URL.canParse(text) && new URL(text).origin === text
  // Of other schemes, as of an app's web view, the URL parser knows no origin.
  return text === 'null' || /^[a-z][a-z\d+.-]*:\/\/[^/\s]+$/.test(text)
}

/**
 * Whether a page of this origin may connect. A browser always says its origin, so a request without
 * one comes from another kind of client, which carries nobody's cookies unknowingly.
 */
export function originAllowed(request: IncomingMessage, origins: LoomOptions['origin'], trust: Trust): boolean {
  const { origin } = request.headers
  if (origin === undefined) return true
  if (origin === 'null') return false
  if (typeof origins === 'function') return origins(origin, request)
  if (origins !== undefined) return origins.includes(origin)
  const host = hostOf(request, trust)
  // As browsers write it, so that most need no parser.
  if (host !== '' && (origin === `http://${host}` || origin === `https://${host}`)) return true
  try {
    const page = new URL(origin)
    // The same scheme makes the same default port on both sides.
    return page.host === new URL(`${page.protocol}//${host}`).host
  } catch {
    return false
  }
}
