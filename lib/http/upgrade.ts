import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Duplex } from 'node:stream'

export type Server = HttpServer | HttpsServer

/** What Node's HTTP server has since 22.21 and 24.9: whether a request that asks for an upgrade gets one. */
interface Deciding {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

type Incoming = IncomingMessage & { upgrade?: boolean }

/** What Node before that keeps to itself: the parser of a connection, and whom the parser tells of a request. */
interface WithParser {
  parser?: { onIncoming?: ((request: Incoming, keepAlive: boolean) => number) | null } | null
}

/** Which upgrades somebody wants, and what becomes of them. */
export interface Claim {
  wants(request: IncomingMessage): boolean
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** One server has one of these, however many looms are attached to it. */
const interceptors = new WeakMap<Server, Interceptor>()

/**
 * Takes the upgrade requests that `claim` wants from a server, before any listener sees them, and
 * leaves all others as if this had never been called. Returns the way back.
 *
 * `warn` is told if this runtime does not let a server's ordinary requests be told from its upgrades.
 */
export function interceptUpgrades(server: Server, claim: Claim, warn: (text: string) => void): () => void {
  let interceptor = interceptors.get(server)
  if (interceptor === undefined) {
    interceptor = new Interceptor(server, warn)
    interceptors.set(server, interceptor)
  }
  return interceptor.add(claim)
}

/**
 * Two things make a server's upgrades shareable.
 *
 * Other WebSocket servers answer every upgrade that they see, and the order of listeners is not ours
 * to choose. So `emit` is covered: an upgrade that is claimed reaches no other listener.
 *
 * And an upgrade that nobody listens for is an ordinary request (an `Upgrade: h2c`, which most servers
 * ignore). Node decides that before it emits anything, with `shouldUpgradeCallback` or, before it had
 * that, with the number of listeners. The answer is ours for claimed requests only.
 */
class Interceptor {
  private readonly claims: Claim[] = []
  private readonly undo: (() => void)[]
  /** Set while Node's own `shouldUpgradeCallback` runs: our listener is none that it should count. */
  private isAsking = false
  /** Before `shouldUpgradeCallback`: the request that Node has just parsed is claimed. */
  private isClaimed = false

  constructor(
    private readonly server: Server,
    warn: (text: string) => void,
  ) {
    this.undo = [this.coverEmit(), ...this.decide(warn)]
  }

  add(claim: Claim): () => void {
    this.claims.push(claim)
    return () => {
      const at = this.claims.indexOf(claim)
      if (at < 0) return
      this.claims.splice(at, 1)
      if (this.claims.length > 0) return
      interceptors.delete(this.server)
      for (const undo of this.undo) undo()
    }
  }

  private claimOf(request: IncomingMessage): Claim | undefined {
    return this.claims.find((claim) => claim.wants(request))
  }

  private coverEmit(): () => void {
    const claimOf = this.claimOf.bind(this)
    const release = (): void => {
      this.isClaimed = false
    }
    return cover(
      this.server,
      'emit',
      (emit) =>
        function (this: Server, event: string | symbol, ...rest: unknown[]): boolean {
          if (event === 'upgrade') {
            const [request, socket, head] = rest as [IncomingMessage, Duplex, Buffer]
            release()
            const claim = claimOf(request)
            if (claim !== undefined) {
              claim.take(request, socket, head)
              return true
            }
          }
          return (emit as (...parameters: unknown[]) => boolean).call(this, event, ...rest)
        } as Server['emit'],
    )
  }

  private decide(warn: (text: string) => void): (() => void)[] {
    if (typeof (this.server as Deciding).shouldUpgradeCallback === 'function') return this.byCallback()
    if (parserTells()) return this.byParser()
    warn(
      'loom-live: this runtime does not say which requests ask for an upgrade before it makes upgrades of them ' +
        `(${process.version}): an upgrade that nobody listens for is refused instead of answered as a request`,
    )
    return [this.listen(refuse)]
  }

  /** What Node documents: a callback that decides, and a listener, without which Node ends the connection. */
  private byCallback(): (() => void)[] {
    const isWanted = (request: IncomingMessage): boolean => this.claimOf(request) !== undefined
    const asking = <T>(ask: () => T): T => {
      this.isAsking = true
      try {
        return ask()
      } finally {
        this.isAsking = false
      }
    }
    const decide = cover(
      this.server as Deciding,
      'shouldUpgradeCallback',
      (should) =>
        function (this: unknown, request: IncomingMessage): boolean {
          return isWanted(request) || asking(() => should?.call(this, request) === true)
        },
    )
    // An application's own callback may have said yes although nobody listens.
    const listen = this.listen((socket) => socket.destroy())
    return [decide, listen, this.coverCount((count) => (this.isAsking ? count - 1 : count))]
  }

  /** Before that, Node only asks whether there are listeners, just after its parser has told of a request. */
  private byParser(): (() => void)[] {
    const { server } = this
    const watch = (socket: Duplex): void => {
      const { parser } = socket as Duplex & WithParser
      const onIncoming = parser?.onIncoming
      if (!parser || typeof onIncoming !== 'function') return
      parser.onIncoming = (request, keepAlive) => {
        this.isClaimed = request.upgrade === true && this.claimOf(request) !== undefined
        return onIncoming(request, keepAlive)
      }
    }
    const connection = 'setSecureContext' in server ? 'secureConnection' : 'connection'
    server.on(connection, watch)
    const off = (): void => {
      server.off(connection, watch)
    }
    return [off, this.coverCount((count) => (this.isClaimed ? 1 : count))]
  }

  /** A listener of our own, for the sake of being there; what is claimed never reaches it. */
  private listen(unheard: (socket: Duplex) => void): () => void {
    const { server } = this
    const listener = (_: IncomingMessage, socket: Duplex): void => {
      if (server.listeners('upgrade').every((one) => one === listener)) unheard(socket)
    }
    server.on('upgrade', listener)
    return () => {
      server.off('upgrade', listener)
    }
  }

  private coverCount(change: (count: number) => number): () => void {
    return cover(
      this.server,
      'listenerCount',
      (listenerCount) =>
        function (this: Server, event: string | symbol, ...rest: unknown[]): number {
          const count = (listenerCount as (...parameters: unknown[]) => number).call(this, event, ...rest)
          return event === 'upgrade' ? change(count) : count
        },
    )
  }
}

/**
 * Puts something in the place of a member. The way back leaves the object as it was, unless somebody
 * else has covered the member since: theirs goes on calling ours, which then changes nothing.
 */
function cover<T extends object, K extends keyof T>(object: T, name: K, over: (before: T[K]) => T[K]): () => void {
  const isOwn = Object.hasOwn(object, name)
  const before = object[name]
  const covered = over(before)
  object[name] = covered
  return () => {
    if (object[name] !== covered) return
    if (isOwn) object[name] = before
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    else delete object[name]
  }
}

/** As a server does that speaks no protocol but HTTP/1.1, and has made an upgrade of the request already. */
function refuse(socket: Duplex): void {
  socket.on('error', () => {
    socket.destroy()
  })
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

let tells: boolean | undefined

/**
 * Whether parsers tell of requests in the way that `byParser` relies on: tried once, with a connection
 * that leads nowhere. Node documents that a server takes one with `emit`.
 */
function parserTells(): boolean {
  if (tells !== undefined) return tells
  const nowhere = new Duplex({
    read: () => undefined,
    write: (_, __, done) => {
      done()
    },
  })
  try {
    createServer().emit('connection', nowhere)
    tells = typeof (nowhere as Duplex & WithParser).parser?.onIncoming === 'function'
  } catch {
    tells = false
  }
  nowhere.destroy()
  return tells
}
