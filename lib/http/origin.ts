import type { IncomingMessage } from 'node:http'
import type { LoomOptions } from '../../index'
import { invalid } from '../check'
import { type Forwarded, forwardedOf } from './forwarded'
import { type Trust, trustsNobody } from './trust'

/**
 * Checks the option `origin`. An origin in the list that no browser would write is an error, because it would never
 * match: for instance with a slash at the end, a capital letter or a default port.
 */
export function checkOrigins(origins: unknown): void {
  if (origins === undefined || typeof origins === 'function') return
  if (!Array.isArray(origins)) throw invalid('a list of origins or a function', 'origin', origins)
  for (const origin of origins as unknown[]) {
    if (typeof origin !== 'string' || !isOrigin(origin))
      throw invalid('origins like "https://app.example"', 'origin', origin)
  }
}

function isOrigin(text: string): boolean {
  if (/^https?:/i.test(text)) return URL.canParse(text) && new URL(text).origin === text
  // For other schemes, as in an app's web view, the URL parser gives no origin.
  return text === 'null' || /^[a-z][a-z\d+.-]*:\/\/[^/\s]+$/.test(text)
}

export function isEncrypted({ socket }: IncomingMessage): boolean {
  return (socket as { encrypted?: boolean }).encrypted === true
}

/**
 * The schemes that a page of this server may have. Without TLS here, `https` is possible, too: a proxy may do TLS and
 * not say so.
 */
function schemesOf(request: IncomingMessage, forwarded: Forwarded | undefined): readonly string[] {
  const { proto } = forwarded ?? {}
  if (proto !== undefined) return proto === 'http' || proto === 'https' ? [proto] : []
  return isEncrypted(request) ? ['https'] : ['http', 'https']
}

/** The host that the browser asked for, with a port if one is known. */
function hostOf(request: IncomingMessage, forwarded: Forwarded | undefined): string {
  const host = forwarded?.host ?? request.headers.host ?? ''
  const port = forwarded?.port
  return port === undefined || /:\d+$/.test(host) ? host : `${host}:${port}`
}

/**
 * Whether a page of this origin may connect. A browser always sends an origin. A request without one comes from another
 * kind of client, which does not send a user's cookies without their knowledge.
 */
export function originAllowed(request: IncomingMessage, origins: LoomOptions['origin'], trust: Trust): boolean {
  const { origin } = request.headers
  if (origin === undefined) return true
  if (origin === 'null') return false
  if (typeof origins === 'function') return origins(origin, request)
  if (origins !== undefined) return origins.includes(origin)
  const forwarded = forwardedOf(request, trust)
  const host = hostOf(request, forwarded)
  if (host === '') return false
  const schemes = schemesOf(request, forwarded)
  // The usual case, without a parser: the host is written as browsers write it.
  if (schemes.some((scheme) => origin === `${scheme}://${host}`)) return true
  // The host may have a default port or capital letters. A text that is not a host gives no URL, or another origin.
  return schemes.some((scheme) => {
    const own = `${scheme}://${host}`
    return URL.canParse(own) && new URL(own).origin === origin && /^[^/?#@\\]*$/.test(host)
  })
}

/** For the log: why a page was refused, and what to do so that it may connect. */
export function originAdvice(request: IncomingMessage, origins: LoomOptions['origin'], trust: Trust): string {
  if (request.headers.origin === 'null') return 'A page of the origin null (sandboxed, or a file) may never connect'
  if (origins !== undefined) return 'The option origin does not allow this origin'
  const others = 'For pages of other hosts, set the option origin'
  if (trust === trustsNobody) return `Behind a proxy, set the option trustProxy. ${others}`
  const forwarded = forwardedOf(request, trust)
  const peer = JSON.stringify(request.socket.remoteAddress ?? '')
  if (forwarded === undefined) {
    return `The request comes from ${peer}. The option trustProxy does not name this address, so the request's X-Forwarded-* headers do not count. ${others}`
  }
  const own = schemesOf(request, forwarded).map((scheme) => `${scheme}://${hostOf(request, forwarded)}`)
  const missing = [
    forwarded.host === undefined ? 'X-Forwarded-Host (or host= of Forwarded)' : [],
    forwarded.proto === undefined ? 'X-Forwarded-Proto (or proto= of Forwarded)' : [],
  ].flat()
  const proxy =
    missing.length === 0
      ? `The trusted proxy ${peer} says that the browser asked for ${own.join(' or ')}`
      : `The trusted proxy ${peer} does not send ${missing.join(' and ')}: set the proxy up to send ${missing.length === 1 ? 'it' : 'both'}`
  return `${proxy}. ${others}`
}
