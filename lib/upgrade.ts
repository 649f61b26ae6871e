import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export type Server = HttpServer | HttpsServer

/** What Node's HTTP server keeps to itself, and newer versions make an option of. */
interface Internals {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

type Incoming = IncomingMessage & { upgrade?: boolean }

interface WithParser {
  parser?: { onIncoming?: ((request: Incoming, keepAlive: boolean) => number) | null }
}

/**
 * Takes the upgrade requests that `claims` wants from a server, before any listener sees them, and
 * leaves all others as if this had never been called. Returns the way back.
 *
 * Two things make that so. `emit` is covered, because other WebSocket servers answer every upgrade
 * they see, and their order is not ours to choose. And Node asks whether an upgrade has a listener at
 * all before it stops being an ordinary request: the answer is ours for our requests only, so that an
 * `Upgrade: h2c` that everybody ignores stays the request it is.
 */
export function interceptUpgrades(
  server: Server,
  claims: (request: IncomingMessage) => boolean,
  take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): () => void {
  const internals = server as Server & Internals
  const { emit, listenerCount } = server
  const { shouldUpgradeCallback } = internals
  let claimed = false

  const coveredEmit = function (this: Server, event: string | symbol, ...rest: unknown[]): boolean {
    if (event === 'upgrade') {
      const [request, socket, head] = rest as [IncomingMessage, Duplex, Buffer]
      claimed = false
      if (claims(request)) {
        take(request, socket, head)
        return true
      }
    }
    return (emit as (...parameters: unknown[]) => boolean).call(this, event, ...rest)
  }
  server.emit = coveredEmit as Server['emit']

  if (shouldUpgradeCallback !== undefined) {
    internals.shouldUpgradeCallback = function (this: unknown, request) {
      return claims(request) || shouldUpgradeCallback.call(this, request)
    }
    return () => {
      if (server.emit === coveredEmit) server.emit = emit
      internals.shouldUpgradeCallback = shouldUpgradeCallback
    }
  }

  const coveredCount = function (this: Server, event: string | symbol, ...rest: unknown[]): number {
    if (event === 'upgrade' && claimed) return 1
    return (listenerCount as (...parameters: unknown[]) => number).call(this, event, ...rest)
  }
  server.listenerCount = coveredCount
  const watch = (socket: Socket): void => {
    const { parser } = socket as Socket & WithParser
    const onIncoming = parser?.onIncoming
    if (parser === undefined || typeof onIncoming !== 'function') return
    parser.onIncoming = (request, keepAlive) => {
      claimed = request.upgrade === true && claims(request)
      return onIncoming(request, keepAlive)
    }
  }
  const connection = 'setSecureContext' in server ? 'secureConnection' : 'connection'
  server.on(connection, watch)
  return () => {
    server.off(connection, watch)
    if (server.emit === coveredEmit) server.emit = emit
    if (server.listenerCount === coveredCount) server.listenerCount = listenerCount
  }
}
