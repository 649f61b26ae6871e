import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Duplex } from 'node:stream'

export type Server = HttpServer | HttpsServer

/**
 * A member of Node's HTTP server since 22.21 and 24.9: a callback that decides whether a request becomes an upgrade.
 */
interface Deciding {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

type Incoming = IncomingMessage & { upgrade?: boolean }

/** Internals of Node before that: the parser of a connection, and the function that it calls for each request. */
interface WithParser {
  parser?: { onIncoming?: ((request: Incoming, keepAlive: boolean) => number) | null } | null
}

/** The upgrades that a loom wants, and the function that takes them. */
export interface Claim {
  wants(request: IncomingMessage): boolean
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** The interceptor of each server: one, however many looms are attached. */
const interceptors = new WeakMap<Server, Interceptor>()

/**
 * Takes the upgrade requests that `claim` wants from a server, before any listener sees them. All other requests are
 * handled as if this had never been called. Returns a function that undoes it.
 *
 * `warn` is called if this runtime does not let us keep other upgrades ordinary requests.
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
 * Shares a server's upgrades with other listeners. Two things are needed for that.
 *
 * Other WebSocket servers answer every upgrade that they see, and we cannot choose the order of listeners. So `emit` is
 * covered: an upgrade that is claimed reaches no other listener.
 *
 * And an upgrade that nobody listens for has to stay an ordinary request (for instance `Upgrade: h2c`, which most
 * servers ignore). Node decides this before it emits anything: with `shouldUpgradeCallback`, or in older versions with
 * the number of listeners. We change the decision for claimed requests only.
 */
class Interceptor {
  private readonly claims: Claim[] = []
  private readonly undo: (() => void)[]
  /**
   * Set while the original `shouldUpgradeCallback` runs, cleared after it. While it is set, our own listener is not
   * counted.
   */
  private isAsking = false
  /**
   * For Node without `shouldUpgradeCallback`: the request that the parser has just told of is claimed. Set for each
   * request, cleared when the upgrade is emitted. While it is set, one listener is counted.
   */
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
      `loom-live: this runtime (${process.version}) makes an upgrade of each request that asks for one, before anybody can ` +
        'say no. So an upgrade that nobody listens for is refused, and not answered as a plain request',
    )
    return [this.listen(refuse)]
  }

  /** The documented way: a callback that decides, and a listener, because Node ends the connection without one. */
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
    // The application's own callback may accept an upgrade although nobody listens.
    const listen = this.listen((socket) => socket.destroy())
    return [decide, listen, this.coverCount((count) => (this.isAsking ? count - 1 : count))]
  }

  /** For older versions of Node: they ask for the number of listeners right after the parser has told of a request. */
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

  /**
   * Adds a listener, because Node needs one. Claimed upgrades never reach it; an upgrade that no other listener gets
   * goes to `unheard`.
   */
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
 * Replaces a member of an object. The returned function puts the original back, unless other code has replaced the
 * member since: that code goes on calling ours, which then has no claims and changes nothing.
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

/**
 * Refuses an upgrade that nobody listens for. The upgrade cannot become an ordinary request any more: Node has detached
 * its socket.
 */
function refuse(socket: Duplex): void {
  socket.on('error', () => {
    socket.destroy()
  })
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

/** The result of `parserTells`, once it is known. */
let tells: boolean | undefined

/**
 * Whether this runtime has the internals that `byParser` needs. Tried once, with a connection that leads nowhere; Node
 * documents that a server accepts one with `emit`.
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
