import type { IncomingMessage } from 'node:http'
import proxyaddr from 'proxy-addr'
import type { TrustProxy } from '../index'
import { invalid } from './check'
import type { CompactRequest } from './context'
import { addressOf } from './forwarded'

export type Trust = (address: string, hop: number) => boolean

/** If the application has not set `trustProxy`. */
export const trustsNobody: Trust = () => false

/** As Express reads its setting `trust proxy`. */
export function trustOf(trustProxy: TrustProxy | undefined): Trust {
  if (trustProxy === undefined || trustProxy === false) return trustsNobody
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
  return { ...kept, url: request.url ?? '', headers: request.headers, address: addressOf(request, trust) }
}
