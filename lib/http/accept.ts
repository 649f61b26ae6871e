import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LoomOptions } from '../../index'
import { type PageRequest, rawOf } from '../call/context'
import { LoomError, traceOf } from '../errors'
import type { NativeLoom, NativeUpgrade } from '../native'
import type { Binder } from './bind'
import { addressOf } from './forwarded'
import { originAdvice, originAllowed } from './origin'
import { type Binding, PendingUpgrades } from './pending'
import { Relays } from './relay'
import { compactRequest } from './request'
import { refuseUpgrade } from './response'
import type { Trust } from './trust'
import { interceptUpgrades, type Server } from './upgrade'
import type { Wiring } from './wiring'
import type { Log } from '../telemetry/log'

/** The paths of all looms attached to a server. Two looms at one path would get each other's pages, and refuse them. */
const attachedPaths = new WeakMap<Server, Set<string>>()

/** How many origins that may not connect are logged. Not more, because anybody can make origins up. */
const MAX_REFUSED_ORIGINS = 10

const EMPTY = Buffer.alloc(0)

/**
 * Asks the application whether an upgrade request may pass. Gives the request to go on with, which may be a framework's
 * own request object, or false if the application has answered the request.
 */
export type Pass = (request: IncomingMessage, socket: Duplex) => PageRequest | Promise<PageRequest | false>

/** The options that say which upgrades are accepted, and how. */
export interface AcceptSettings {
  readonly path: string
  readonly origin: LoomOptions['origin']
  readonly trust: Trust
  readonly keep: readonly string[]
  readonly transport: 'auto' | 'relay'
}

/** The WebSocket upgrades of one loom, from the server's request to Rust's connection. */
export class Upgrades {
  /** The upgrades that wait for the application. */
  readonly pending: PendingUpgrades
  /** The sockets whose bytes go through JavaScript. */
  readonly relays: Relays
  private readonly attached = new Map<Server, () => void>()
  private readonly refusedOrigins = new Set<string>()

  constructor(
    private readonly native: NativeLoom,
    private readonly settings: AcceptSettings,
    private readonly binder: Binder,
    private readonly wiring: Wiring | undefined,
    upgradeTime: number,
    private readonly log: Log,
  ) {
    this.pending = new PendingUpgrades(native, upgradeTime, log)
    this.relays = new Relays(native)
  }

  isAttachedTo(server: Server): boolean {
    return this.attached.has(server)
  }

  /** Detaches from all servers, and refuses the upgrades that wait. */
  release(): void {
    this.attached.forEach((detach) => {
      detach()
    })
    this.attached.clear()
    this.pending.clear()
  }

  /** Takes the upgrades at the loom's path from `server`. `pass` asks the application about each. */
  attach(server: Server, pass: Pass): void {
    if (this.attached.has(server)) return
    const path = `${this.settings.path}/ws`
    const wants = ({ url, headers }: IncomingMessage): boolean =>
      url !== undefined &&
      url.startsWith(path) &&
      (url.length === path.length || url.charCodeAt(path.length) === 63) &&
      headers.upgrade !== undefined &&
      /(^|,)\s*websocket\s*($|,)/i.test(headers.upgrade)
    const take = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      this.upgrade(request, socket, head, pass)
    }
    const paths = attachedPaths.get(server) ?? new Set()
    if (paths.has(path)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Another loom is attached to this server at ${path} already; give one of them another path`,
      )
    }
    attachedPaths.set(server, paths.add(path))
    this.native.watchDescriptors()
    const release = interceptUpgrades(server, { wants, take }, (text) => {
      this.log.write('warn', 'LOOM_UPGRADE', text)
    })
    this.attached.set(server, () => {
      paths.delete(path)
      release()
    })
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, pass: Pass): void {
    this.wiring?.upgraded()
    const fail = (error: unknown): void => {
      if (this.binder.isAsked) this.wiring?.boundToNobody(request)
      this.log.write('error', 'LOOM_UPGRADE', `a WebSocket upgrade failed: ${traceOf(error)}`)
      refuseUpgrade(socket, '500 Internal Server Error')
    }
    // The client may leave at any time; then the socket emits an error, which is not the server's.
    socket.on('error', () => {
      socket.destroy()
    })
    try {
      const { origin, trust } = this.settings
      const allowed = originAllowed(request, origin, trust)
      if (!allowed) this.warnOfOrigin(request)
      const proceed = (binding: Binding): void => {
        if (!socket.destroyed) this.accept(request, socket, head, allowed, binding)
      }
      // The application is not asked about a page of a forbidden origin. Rust refuses its handshake.
      const passed = allowed ? pass(request, socket) : request
      const bound =
        passed instanceof Promise
          ? passed.then((own) => own !== false && this.binding(own, allowed))
          : this.binding(passed, allowed)
      if (bound instanceof Promise) this.pending.wait(request, socket, addressOf(request, trust), bound, proceed, fail)
      else proceed(bound)
    } catch (error) {
      fail(error)
    }
  }

  /**
   * Logs that a page of this origin may not connect. The page itself only shows that it is offline. The usual reason is
   * a proxy without `trustProxy`.
   */
  private warnOfOrigin(request: IncomingMessage): void {
    const { headers } = request
    const origin = String(headers.origin).slice(0, 200)
    if (this.refusedOrigins.has(origin) || this.refusedOrigins.size >= MAX_REFUSED_ORIGINS) return
    this.refusedOrigins.add(origin)
    this.log.write(
      'warn',
      'LOOM_ORIGIN',
      `a page of ${JSON.stringify(origin)} may not connect: its request is for the host ` +
        `${JSON.stringify((headers.host ?? '').slice(0, 200))}. ${originAdvice(request, this.settings.origin, this.settings.trust)}. ` +
        'Further pages of this origin are not logged',
    )
  }

  /** The result of `bind` for the connection, and the parts of its request that are kept. */
  private binding(passed: PageRequest, allowed: boolean): Binding | Promise<Binding> {
    const request = rawOf(passed)
    const compact = compactRequest(request, this.settings.trust, this.settings.keep, passed)
    const bind = allowed ? this.binder.bindOf(passed) : ''
    const bound = (text: string): Binding => {
      if (text === '' && this.binder.isAsked) this.wiring?.boundToNobody(request)
      return { compact, bind: text }
    }
    return typeof bind === 'string' ? bound(bind) : Promise.resolve(bind).then(bound)
  }

  private accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    allowed: boolean,
    { compact, bind }: Binding,
  ): void {
    const upgrade: NativeUpgrade = {
      method: request.method ?? '',
      httpMinor: request.httpVersionMinor,
      originAllowed: allowed,
      request: JSON.stringify(compact),
      bind,
    }
    const descriptor = this.settings.transport === 'relay' ? -1 : descriptorOf(socket)
    if (descriptor < 0) {
      this.relay(socket, head, upgrade)
      return
    }
    // First the bytes that Node has read already; the rest is still in the kernel.
    const read = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null
    const start = read === null ? head : Buffer.concat([head, read])
    if (this.native.acceptDescriptor(descriptor, start.length > 0 ? start : EMPTY, upgrade)) socket.destroy()
    else this.relay(socket, start, upgrade)
  }

  private relay(socket: Duplex, head: Buffer, upgrade: NativeUpgrade): void {
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true)
    this.relays.accept(socket, head, upgrade)
  }
}

/** The file descriptor of a socket; -1 for TLS, and on a platform without descriptors. */
function descriptorOf(socket: Duplex): number {
  if (process.platform === 'win32' || !(socket instanceof Socket) || 'encrypted' in socket) return -1
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: unknown } | null }
  return typeof handle?.fd === 'number' ? handle.fd : -1
}
