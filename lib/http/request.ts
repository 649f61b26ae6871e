import type { IncomingMessage } from 'node:http'
import type { CompactRequest } from '../call/context'
import { addressOf } from './forwarded'
import type { Trust } from './trust'

/**
 * The parts of a request that are kept: the members that the option `keep` names, URL, headers and address. `set` is
 * the object on which middleware or hooks have set those members: Fastify's hooks set them on a request object of its
 * own.
 */
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
