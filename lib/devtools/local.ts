import type { IncomingMessage } from 'node:http'
import { isForeign } from '../http/same_site'

/** This machine, as sockets name it. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(127\.|::1$|::ffff:127\.)/.test(address)
}

/**
 * Whether somebody on this machine asks: by a name of this machine, from no page of another origin, and without a
 * proxy. A name of another host that points to this machine (DNS rebinding) does not count as a name of this machine.
 */
export function isLocal(request: IncomingMessage): boolean {
  const { headers, socket } = request
  if (!isLoopback(socket.remoteAddress) || isForeign(request)) return false
  if (['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'].some((name) => name in headers))
    return false
  return /^(localhost|[\w-]+\.localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(headers.host ?? '')
}
