import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import parseForwarded from 'forwarded-parse'
import proxyaddr from 'proxy-addr'
import type { Trust } from './trust'

/** The browser's own request, according to a proxy. */
export interface Forwarded {
  readonly host?: string | undefined
  readonly proto?: string | undefined
  readonly port?: string | undefined
}

/** The first value of a list. Each proxy appends one, so the first comes from the proxy next to the browser. */
function firstOf(header: string | string[] | undefined): string | undefined {
  const value = header?.toString().split(',', 1)[0]?.trim()
  return value === '' ? undefined : value
}

/** The elements of the header `Forwarded` (RFC 7239); none if the header cannot be parsed. */
function elements(request: IncomingMessage): Record<string, string>[] {
  const header = request.headers.forwarded
  if (header === undefined) return []
  try {
    return parseForwarded(header)
  } catch {
    return []
  }
}

/** Whether a request comes directly from a trusted proxy. */
export function isFromProxy(request: IncomingMessage, trust: Trust): boolean {
  return trust(request.socket.remoteAddress ?? '', 0)
}

/**
 * The browser's own request, as a trusted proxy describes it; `undefined` if the request does not come from a trusted
 * proxy. `X-Forwarded-*` comes before `Forwarded`: a proxy that writes the former may pass on a `Forwarded` that the
 * client has made up.
 */
export function forwardedOf(request: IncomingMessage, trust: Trust): Forwarded | undefined {
  if (!isFromProxy(request, trust)) return undefined
  const { headers } = request
  const [element = {}] = elements(request)
  return {
    host: firstOf(headers['x-forwarded-host']) ?? element['host'],
    proto: (firstOf(headers['x-forwarded-proto']) ?? element['proto'])?.toLowerCase(),
    port: firstOf(headers['x-forwarded-port']),
  }
}

/** The IP address in a node of `Forwarded`, which may have a port, and brackets around IPv6 (RFC 7239, 6). */
function addressIn(node: string): string {
  const [, bracketed, plain = node] = /^(?:\[([^\]]*)\]|([^:]*))(?::[\w.-]+)?$/.exec(node) ?? []
  const address = bracketed ?? plain
  return isIP(address) === 0 ? node : address
}

/** The client's address: going back from this server, the first address that is not a trusted proxy. */
export function addressOf(request: IncomingMessage, trust: Trust): string {
  const { headers, socket } = request
  if (headers['x-forwarded-for'] === undefined && headers.forwarded !== undefined && isFromProxy(request, trust)) {
    const nodes = elements(request).flatMap((element) => element['for'] ?? [])
    const list = nodes.map(addressIn).filter((node) => !node.includes(','))
    return proxyaddr({ socket, headers: { 'x-forwarded-for': list.join(',') } } as unknown as IncomingMessage, trust)
  }
  return proxyaddr(request, trust)
}
