import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type {
  FastifyLike,
  Limits,
  Logger,
  Loom as PublicLoom,
  LoomOptions,
  MountOptions,
  RegisteredModule,
  SocketMessage,
  Stats,
} from '../index'
import { Bridges } from './bridge'
import { checkFunction, invalid, isObject } from './check'
import { Development } from './development'
import { Dispatcher, renderTree } from './dispatcher'
import { LoomError, textOf, traceOf } from './errors'
import { type LiveSocket, LiveSockets, Promises } from './live_socket'
import { type Entry, entryOf } from './modules'
import { native, type NativeLoom, type NativeUpgrade } from './native'
import { stringifyProps } from './props'
import { compactRequest, originAllowed, trustOf } from './request'
import { scriptPath, serveClient } from './script'
import { secretsOf } from './secret'
import { interceptUpgrades, type Server } from './upgrade'
import { Writer } from './writer'

/** The defaults; src/limits.rs says what each is for and what happens at it. */
const LIMITS: Limits = {
  messageBytes: 1 << 20,
  components: 100,
  queuedEvents: 64,
  outgoingBytes: 1 << 20,
  invalidMessages: 16,
  waitingCalls: 4096,
  handlerTime: 30_000,
  pingAfter: 25_000,
  deadAfter: 60_000,
  tokenAge: 14 * 86_400_000,
  propsCacheBytes: 64 << 20,
}

const CLOSE_TIMEOUT = 10_000

function limitsOf(given: unknown): Limits {
  if (given === undefined) return LIMITS
  if (!isObject(given)) throw invalid('an object', 'limits', given)
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(LIMITS, name)) {
      throw invalid(`one of ${Object.keys(LIMITS).join(', ')}`, 'the name of a limit', name)
    }
    if (value === undefined) continue
    if (typeof value !== 'number' || !(value > 0) || value > 2 ** 31) {
      throw invalid('a number above 0 and at most 2147483648', `limits.${name}`, value)
    }
  }
  return { ...LIMITS, ...given }
}

const EMPTY = Buffer.alloc(0)

/** One application: what ties the parts together. */
export class Loom implements PublicLoom {
  private readonly native: NativeLoom
  private readonly dispatcher: Dispatcher
  private readonly bridges: Bridges
  private readonly promises: Promises
  private readonly sockets: LiveSockets
  private readonly entries = new Map<string, Entry>()
  private readonly attached = new Map<Server, () => void>()
  private readonly logger: Logger
  private readonly path: string
  private readonly trust: ReturnType<typeof trustOf>
  private lastNumber = 0
  private closing: Promise<void> | undefined

  constructor(private readonly options: LoomOptions) {
    const {
      path = '/loom',
      development = process.env['NODE_ENV'] !== 'production',
      logger = console,
      bind,
      origin,
      transport = 'auto',
    } = options
    if (typeof path !== 'string' || !/^(\/[\w.~-]+)+$/.test(path)) throw invalid('a path like "/loom"', 'path', path)
    if (typeof development !== 'boolean') throw invalid('a boolean', 'development', development)
    if (bind !== undefined) checkFunction(bind, 'bind')
    if (origin !== undefined && typeof origin !== 'function' && !Array.isArray(origin)) {
      throw invalid('a list of origins or a function', 'origin', origin)
    }
    if (transport !== 'auto' && transport !== 'bridge') throw invalid('"auto" or "bridge"', 'transport', transport)
    checkFunction(logger.error, 'logger.error')
    checkFunction(logger.warn, 'logger.warn')
    this.path = path
    this.logger = logger
    this.trust = trustOf(options.trustProxy)
    const { propsCacheBytes, ...limits } = limitsOf(options.limits)
    const receivers = {
      reply: (reply: number, message: SocketMessage) => {
        this.sockets.reply(reply, message)
      },
      settle: (request: number, error: string | null, value: unknown) => {
        this.promises.settle(request, error, value)
      },
      bridge: (bridge: number, resume: boolean) => {
        this.bridges.signal(bridge, resume)
      },
    }
    const checks = development ? new Development(logger) : undefined
    this.dispatcher = new Dispatcher(() => this.native, receivers, logger, propsCacheBytes, checks)
    const secrets = secretsOf(options.secret, development)
    this.native = new native.NativeLoom({ secrets, development, limits }, this.dispatcher.wake)
    this.bridges = new Bridges(this.native)
    this.promises = new Promises(() => ++this.lastNumber)
    this.sockets = new LiveSockets(this.native, this.promises)
  }

  register(name: string, module: unknown): RegisteredModule<never> {
    const entry = entryOf(name, module)
    if (this.entries.has(name)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `The module ${JSON.stringify(name)} is registered already; register each name once`,
      )
    }
    this.dispatcher.register(entry, this.native.register(name, entry.raw))
    this.entries.set(name, entry)
    return { name }
  }

  private entry(module: unknown): Entry {
    const name: unknown = isObject(module) ? module['name'] : module
    const entry = typeof name === 'string' ? this.entries.get(name) : undefined
    if (entry === undefined) throw invalid('a registered module or its name', 'module', name)
    return entry
  }

  async mount(module: unknown, props: object = {}, options: MountOptions = {}): Promise<string> {
    const entry = this.entry(module)
    if (!isObject(props)) throw invalid('an object', 'props', props)
    const first = entry.raw ? props : { ...entry.module.props, ...props }
    const json = stringifyProps(first, `mount of module ${JSON.stringify(entry.name)}`)
    const tree = new Writer()
    renderTree(tree, entry, entry.raw ? json : first)
    let html: string
    try {
      html = this.native.toHtml(tree.ops, tree.length, tree.text)
    } catch (error) {
      throw new LoomError('LOOM_TEMPLATE', `render of module ${entry.name}: ${textOf(error)}`, { cause: error })
    }
    const token = this.native.seal(entry.name, json, await this.bindOf(options.request))
    const name = entry.name.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
    return `<div data-l-live="${name}" data-l-ws="${this.path}/ws" data-l-token="${token}">${html}</div>`
  }

  private bindOf(request: IncomingMessage | undefined): string | Promise<string> {
    const { bind } = this.options
    if (bind === undefined) return ''
    if (request === undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The option bind reads the request: pass it as loom.mount(module, props, { request })',
      )
    }
    const bound = bind(request)
    return bound instanceof Promise ? bound.then((text) => text ?? '') : (bound ?? '')
  }

  async start(
    id: string,
    replyTo: (message: SocketMessage) => void,
    module: unknown,
    propsJson: string,
  ): Promise<LiveSocket> {
    const entry = this.entry(module)
    return this.sockets.start(id, replyTo, entry.name, propsJson, entry.raw)
  }

  attach(server: Server): void {
    if (!isObject(server) || typeof server.emit !== 'function') {
      throw invalid('an HTTP or HTTPS server', 'server', server)
    }
    if (this.closing !== undefined) throw new LoomError('LOOM_STOPPED', 'The loom has been closed')
    if (this.attached.has(server)) return
    const path = `${this.path}/ws`
    const claims = ({ url, headers }: IncomingMessage): boolean =>
      url !== undefined &&
      url.startsWith(path) &&
      (url.length === path.length || url.charCodeAt(path.length) === 63) &&
      headers.upgrade !== undefined &&
      /(^|,)\s*websocket\s*($|,)/i.test(headers.upgrade)
    const take = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      this.upgrade(request, socket, head)
    }
    this.attached.set(server, interceptUpgrades(server, claims, take))
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fail = (error: unknown): void => {
      this.logger.error(`loom-live: an upgrade failed: ${traceOf(error)}`)
      socket.end('HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    }
    // The client may leave at any time; that is no error of ours.
    socket.on('error', () => {
      socket.destroy()
    })
    try {
      const allowed = originAllowed(request, this.options.origin, this.trust)
      const bound = allowed ? this.bindOf(request) : ''
      if (typeof bound === 'string') {
        this.accept(request, socket, head, allowed, bound)
        return
      }
      bound
        .then((bind) => {
          if (!socket.destroyed) this.accept(request, socket, head, allowed, bind)
        })
        .catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  private accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    allowed: boolean,
    bind: string,
  ): void {
    const { headers } = request
    const upgrade: NativeUpgrade = {
      method: request.method ?? '',
      httpMinor: request.httpVersionMinor,
      upgrade: headers.upgrade ?? '',
      connection: headers.connection ?? '',
      key: headers['sec-websocket-key'],
      version: headers['sec-websocket-version'],
      protocols: headers['sec-websocket-protocol'],
      originAllowed: allowed,
      request: JSON.stringify(compactRequest(request, this.trust)),
      bind,
    }
    const descriptor = this.options.transport === 'bridge' ? -1 : descriptorOf(socket)
    if (descriptor < 0) {
      if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true)
      this.bridges.accept(socket, head, upgrade)
      return
    }
    // What Node has read already comes first; the rest is still in the kernel.
    const read = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null
    const start = read === null ? head : Buffer.concat([head, read])
    this.native.acceptDescriptor(descriptor, start.length > 0 ? start : EMPTY, upgrade)
    socket.destroy()
  }

  express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
    return (request, response, next) => {
      if (!serveClient(this.path, request, response)) next()
    }
  }

  readonly fastify = (instance: FastifyLike): Promise<void> => {
    instance.route({
      method: 'GET',
      url: `${this.path}/*`,
      handler: ({ raw: request }, reply) => {
        reply.hijack()
        if (!serveClient(this.path, request, reply.raw)) reply.raw.writeHead(404).end()
      },
    })
    this.attach(instance.server)
    // Before the server waits for its sockets, some of which are ours.
    instance.addHook('preClose', () => this.close())
    return Promise.resolve()
  }

  script(): string {
    return `<script type="module" src="${scriptPath(this.path)}" data-l-client></script>`
  }

  stats(): Stats {
    return this.native.stats()
  }

  close({ timeout = CLOSE_TIMEOUT }: { timeout?: number } = {}): Promise<void> {
    if (typeof timeout !== 'number' || !(timeout >= 0)) throw invalid('a number of milliseconds', 'timeout', timeout)
    this.closing ??= this.promises
      .make(
        (request) => {
          this.native.close(timeout, request)
        },
        (text) => new LoomError('LOOM_STOPPED', text),
      )
      .then(() => {
        // Until here new connections were told to come back later.
        this.attached.forEach((detach) => {
          detach()
        })
        this.attached.clear()
      })
    return this.closing
  }
}

/** The descriptor of a plain socket on a platform that has them; -1 otherwise. */
function descriptorOf(socket: Duplex): number {
  if (process.platform === 'win32' || !(socket instanceof Socket) || 'encrypted' in socket) return -1
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: unknown } | null }
  return typeof handle?.fd === 'number' ? handle.fd : -1
}

export function createLoom(options: LoomOptions = {}): Loom {
  if (typeof options !== 'object') throw invalid('an object', 'the options of createLoom', options)
  return new Loom(options)
}
