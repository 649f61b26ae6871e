import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import parseForwarded from 'forwarded-parse'
import proxyaddr from 'proxy-addr'
import type { Trust } from './trust'

/** What the browser asked for, as far as a proxy said so. */
export interface Forwarded {
  readonly host?: string | undefined
  readonly proto?: string | undefined
  readonly port?: string | undefined
}

/** A list's first: proxies append, so the first is what the one next to the browser saw. */
function first(header: string | string[] | undefined): string | undefined {
  const value = header?.toString().split(',', 1)[0]?.trim()
  return value === '' ? undefined : value
}

/** The header `Forwarded` (RFC 7239), element by element; none if it cannot be read. */
function elements(request: IncomingMessage): Record<string, string>[] {
  const header = request.headers.forwarded
  if (header === undefined) return []
  try {
    return parseForwarded(header)
  } catch {
    return []
  }
}

/** Whether a request comes straight from a proxy that the application trusts. */
export function isFromProxy(request: IncomingMessage, trust: Trust): boolean {
  return trust(request.socket.remoteAddress ?? '', 0)
}

/**
 * What a trusted proxy says of the browser's request; undefined if the request comes from nobody who is
 * trusted. `X-Forwarded-*` counts before `Forwarded`: a proxy that writes the former may let a client's
 * own `Forwarded` through.
 */
export function forwardedOf(request: IncomingMessage, trust: Trust): Forwarded | undefined {
  if (!isFromProxy(request, trust)) return undefined
  const { headers } = request
  const [element = {}] = elements(request)
  return {
    host: first(headers['x-forwarded-host']) ?? element['host'],
    proto: (first(headers['x-forwarded-proto']) ?? element['proto'])?.toLowerCase(),
    port: first(headers['x-forwarded-port']),
  }
}

/** An address as `Forwarded` writes it: with a port, and IPv6 in brackets (RFC 7239, 6). */
function addressIn(node: string): string {
  const [, bracketed, plain = node] = /^(?:\[([^\]]*)\]|([^:]*))(?::[\w.-]+)?$/.exec(node) ?? []
  const address = bracketed ?? plain
  return isIP(address) === 0 ? node : address
}

/** The client's address: the first that is no trusted proxy's, from here on. */
export function addressOf(request: IncomingMessage, trust: Trust): string {
  const { headers, socket } = request
  if (headers['x-forwarded-for'] === undefined && headers.forwarded !== undefined && isFromProxy(request, trust)) {
    const nodes = elements(request).flatMap((element) => element['for'] ?? [])
    const list = nodes.map(addressIn).filter((node) => !node.includes(','))
    return proxyaddr({ socket, headers: { 'x-forwarded-for': list.join(',') } } as unknown as IncomingMessage, trust)
  }
  return proxyaddr(request, trust)
}
