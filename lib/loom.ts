import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type {
  AttachOptions,
  FastifyLike,
  FastifyRequestLike,
  LiveRequest,
  Loom as PublicLoom,
  LoomErrorCode,
  LoomOptions,
  MountOptions,
  RegisteredModule,
  ScriptOptions,
  SocketMessage,
  Stats,
} from '../index'
import { Bridges } from './bridge'
import { checkFunction, checkNames, invalid, isObject, isThenable } from './check'
import { checkContainer, checkStanding } from './container'
import { Context, liveRequest, pageUrl, rawOf, Requests } from './context'
import { Development } from './development'
import { Dispatcher, encodeTree, treeOf } from './dispatcher'
import { LoomError, StartError, textOf, traceOf } from './errors'
import { FastifyUpgrades } from './fastify'
import { addressOf } from './forwarded'
import { mountProps, publicJson } from './join'
import { type LiveSocket, LiveSockets, Promises } from './live_socket'
import { runMiddleware } from './middleware'
import type { Tree } from './html'
import { type Entry, entryOf } from './modules'
import { explainPromise } from './mounted'
import { native, type NativeConnection, type NativeLoom, type NativeUpgrade } from './native'
import { type Settings, settingsOf } from './options'
import { callerOf } from './places'
import { stringifyProps } from './props'
import { compactRequest } from './request'
import { refuseUpgrade } from './response'
import { originAdvice, originAllowed } from './origin'
import { type Binding, PendingUpgrades } from './pending'
import { scriptElements, serveClient } from './script'
import { interceptUpgrades, type Server } from './upgrade'
import { Wiring } from './wiring'
import { Writer } from './writer'

const CLOSE_TIMEOUT = 10_000

/** Of all looms: two at one path would open each other's tokens, and could not. */
const attachedPaths = new WeakMap<Server, Set<string>>()

/** Of how many origins that may not connect the log tells; anybody can make them up. */
const MAX_REFUSED_ORIGINS = 10

/** What a join has beside its module and token, in bytes: numbers, a secret, an anchor, and what clients keep free. */
const JOIN_ROOM = 256

const EMPTY = Buffer.alloc(0)
/** Lets an upgrade request pass: what then stands for it, or false where it was answered instead. */
type Passed = IncomingMessage | FastifyRequestLike

type Pass = (request: IncomingMessage, socket: Duplex) => Passed | Promise<Passed | false>

/** A number would be nobody's in `disconnect`, and an object everybody's. */
function boundText(bound: unknown): string {
  if (bound === undefined || bound === null) return ''
  if (typeof bound !== 'string')
    throw invalid('a string, or undefined for nobody,', 'what the option bind gives', bound)
  return bound
}

/** One that is not understood would find nobody, and whoever was to go would stay. */
function checkFilter(filter: unknown): void {
  if (!isObject(filter)) throw invalid('an object like { bind: "user" } or a function', 'filter', filter)
  checkNames(filter, { bind: true, address: true }, 'filter', 'a filter')
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined && typeof value !== 'string') throw invalid('a string', `filter.${name}`, value)
  }
}

/** What only live modules have. */
function detailsOf(entry: Entry): [version: number, hidden: string[], authorizes: boolean] {
  if (entry.raw) return [1, [], false]
  const { version, module } = entry
  return [version, entry.private.map((name) => JSON.stringify(name)), module.authorize !== undefined]
}

/** One application: what ties the parts together. */
export class Loom implements PublicLoom {
  private readonly native: NativeLoom
  private readonly dispatcher: Dispatcher
  private readonly bridges: Bridges
  private readonly promises: Promises
  private readonly sockets: LiveSockets
  private readonly pending: PendingUpgrades
  private readonly entries = new Map<string, Entry>()
  private readonly attached = new Map<Server, () => void>()
  /** Without the secrets, which nobody is to find in what is logged of a loom. */
  private readonly settings: Omit<Settings, 'secrets' | 'limits' | 'sqlite'>
  private readonly messageBytes: number
  private readonly requests: Requests
  private readonly refusedOrigins = new Set<string>()
  /** By the template at the root, or the module if it is raw: the containers in which it can stand. */
  private readonly standing = new WeakMap<object, Set<string>>()
  /** Only in development: what they find costs nobody else anything. */
  private readonly development: Development | undefined
  private readonly wiring: Wiring | undefined
  private lastNumber = 0
  private closing: Promise<void> | undefined
  private isReleased = false

  constructor(options: LoomOptions) {
    const { secrets, limits, sqlite, ...settings } = settingsOf(options)
    this.settings = settings
    this.messageBytes = limits.messageBytes
    const { development, logger, onError } = settings
    this.requests = new Requests(development)
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
    if (development) {
      this.development = new Development(logger)
      this.wiring = new Wiring(this.development, settings.path, settings.keep)
    }
    const { propsCacheBytes } = limits
    const { requests, development: checks } = this
    this.dispatcher = new Dispatcher(() => this.native, receivers, logger, requests, onError, propsCacheBytes, checks)
    try {
      const { wake, givenUp } = this.dispatcher
      this.native = new native.NativeLoom({ secrets, development, limits: { ...limits }, sqlite }, wake, givenUp)
    } catch (error) {
      throw new LoomError('LOOM_ARGUMENT', textOf(error), { cause: error })
    }
    this.bridges = new Bridges(this.native)
    this.promises = new Promises(() => ++this.lastNumber)
    this.sockets = new LiveSockets(this.native, this.promises)
    this.pending = new PendingUpgrades(this.native, limits.upgradeTime, logger)
    const { wiring } = this
    if (wiring !== undefined && this.development !== undefined)
      this.development.watch = (context) => wiring.watch(context)
  }

  register(name: string, module: unknown): RegisteredModule<never> {
    this.checkOpen()
    const entry = entryOf(name, module)
    if (this.entries.has(name)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `The module ${JSON.stringify(name)} is registered already; register each name once`,
      )
    }
    this.dispatcher.register(entry, this.native.register(name, entry.raw, ...detailsOf(entry)))
    this.entries.set(name, entry)
    this.development?.registered(entry, callerOf(this.register))
    return { name }
  }

  /** @throws LoomError once the loom has been closed and its keys are gone. */
  private checkOpen(): void {
    if (this.isReleased) throw new LoomError('LOOM_STOPPED', 'The loom has been closed')
  }

  private entry(module: unknown): Entry {
    this.checkOpen()
    const name: unknown = isObject(module) ? module['name'] : module
    const entry = typeof name === 'string' ? this.entries.get(name) : undefined
    if (entry === undefined) throw invalid('a registered module or its name', 'module', name)
    return entry
  }

  mount(module: unknown, props: object = {}, options: MountOptions = {}): Promise<string> {
    const page = this.mountPage(module, props, options)
    if (this.development === undefined) return page
    const place = callerOf(this.mount)
    const name = isObject(module) ? module['name'] : module
    page.then(
      () => this.wiring?.mounted(String(name), place, options.request),
      () => undefined,
    )
    return explainPromise(page, String(name), place, this.development)
  }

  private async mountPage(module: unknown, props: object, options: MountOptions): Promise<string> {
    const entry = this.entry(module)
    if (!isObject(props)) throw invalid('an object', 'props', props)
    const source = (): string => `mount of module ${JSON.stringify(entry.name)}`
    checkNames(options, { request: true, as: true }, 'the options of mount', 'an option of mount')
    const container = checkContainer(options.as ?? 'div')
    const request = options.request as Passed | undefined
    if (request !== undefined && !isObject(request)) throw invalid("the page's request", 'request', request)
    const first = entry.raw ? props : await mountProps(entry, props, this.mountContext(entry.name, request))
    const json = entry.raw ? stringifyProps(first, source) : publicJson(entry, first, source)
    this.checkOpen()
    const tree = new Writer()
    const inRender = (error: unknown, code: LoomErrorCode): LoomError =>
      new LoomError(code, `render of module ${entry.name}: ${textOf(error)}`, { cause: error })
    let rendered: Tree | string
    try {
      rendered = treeOf(entry, entry.raw ? json : first)
      encodeTree(tree, rendered, undefined, this.development?.checkOf(entry))
    } catch (error) {
      // What the application throws is its own.
      throw error instanceof LoomError ? inRender(error, error.code) : error
    }
    let html: string
    try {
      html = this.native.toHtml(tree.ops, tree.length, tree.text, tree.bytes)
    } catch (error) {
      throw inRender(error, 'LOOM_TEMPLATE')
    }
    this.checkStanding(entry, container, typeof rendered === 'string' ? {} : rendered, html)
    const token = this.native.seal(entry.name, json, await this.bindOf(request), this.urlOf(request))
    const size = Buffer.byteLength(JSON.stringify(entry.name)) + token.length + JOIN_ROOM
    if (size > this.messageBytes) {
      throw new LoomError(
        'LOOM_PROPS',
        `The props from ${source()} are too large: a page would join with a message of ${size} bytes, and ` +
          `limits.messageBytes is ${this.messageBytes}. Keep less in the props (load it in mount, as private), or raise the limit`,
      )
    }
    const name = entry.name.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
    return `<${container} data-l-live="${name}" data-l-ws="${this.settings.path}/ws" data-l-token="${token}">${html}</${container}>`
  }

  /** In production once for each template at the root: it is the template's author who has to know. */
  private checkStanding(entry: Entry, container: string, { statics }: { statics?: object }, html: string): void {
    const key = statics ?? entry
    const checked = this.standing.get(key)
    if (this.development === undefined && checked?.has(container)) return
    checkStanding(entry.name, container, html)
    if (checked === undefined) this.standing.set(key, new Set([container]))
    else checked.add(container)
  }

  private mountContext(module: string, request: Passed | undefined): Context {
    const { trust, keep } = this.settings
    return new Context('', module, () => {
      // That of the component that this one is mounted in.
      if (request !== undefined && this.requests.originOf(request) !== undefined)
        return request as unknown as LiveRequest
      const compact =
        request === undefined ? '{}' : JSON.stringify(compactRequest(rawOf(request), trust, keep, request))
      return this.requests.ofPage(request, compact)
    })
  }

  /** The URL of the page that a component is mounted in. */
  private urlOf(request: Passed | undefined): string {
    return request === undefined ? '' : pageUrl(request)
  }

  private bindOf(request: Passed | undefined): string | Promise<string> {
    if (this.settings.bind === undefined) return ''
    if (request === undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The option bind reads the request: pass it as loom.mount(module, props, { request })',
      )
    }
    // `ctx.request` is a copy of what a connection, or a page, has been bound by already.
    const origin = this.requests.originOf(request)
    if (origin !== undefined && 'bind' in origin) return origin.bind
    const page = origin?.page ?? request
    const bound = this.settings.bind(rawOf(page), page)
    return isThenable(bound) ? Promise.resolve(bound).then(boundText) : boundText(bound)
  }

  async start(
    id: string,
    replyTo: (message: SocketMessage) => void,
    module: unknown,
    propsJson: string,
  ): Promise<LiveSocket> {
    if (this.isReleased) throw new StartError(`${id}: the loom has been closed`)
    const entry = this.entry(module)
    return this.sockets.start(id, replyTo, entry.name, propsJson, entry.raw)
  }

  attach(server: Server, options: AttachOptions = {}): void {
    checkNames(options, { middleware: true }, 'the options of attach', 'an option of attach')
    const { middleware = [] } = options
    if (!isObject(server) || typeof server.emit !== 'function') {
      throw invalid('an HTTP or HTTPS server', 'server', server)
    }
    if (this.closing !== undefined) throw new LoomError('LOOM_STOPPED', 'The loom has been closed')
    if (!Array.isArray(middleware)) throw invalid('a list of middleware', 'middleware', middleware)
    for (const one of middleware) checkFunction(one, 'a middleware')
    if (middleware.length > 0 && this.attached.has(server)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The loom is attached to this server already, so this middleware would not run; attach once, with all of it',
      )
    }
    this.wiring?.attached(server, middleware.length)
    this.attachTo(server, (request, socket) =>
      middleware.length === 0 ? request : runMiddleware(middleware, request, socket).then((on) => on && request),
    )
  }

  /** `pass` gives what stands for the request once the application has let it pass; false where it has not. */
  private attachTo(server: Server, pass: Pass): void {
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
      this.settings.logger.warn(text)
    })
    this.attached.set(server, () => {
      paths.delete(path)
      release()
    })
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, pass: Pass): void {
    this.wiring?.upgraded()
    const fail = (error: unknown): void => {
      if (this.settings.bind !== undefined) this.wiring?.boundToNobody(request)
      this.settings.logger.error(`loom-live: an upgrade failed: ${traceOf(error)}`)
      refuseUpgrade(socket, '500 Internal Server Error')
    }
    // The client may leave at any time; that is no error of ours.
    socket.on('error', () => {
      socket.destroy()
    })
    try {
      const { origin, trust } = this.settings
      const allowed = originAllowed(request, origin, trust)
      if (!allowed) this.warnOfOrigin(request)
      const go = (binding: Binding): void => {
        if (!socket.destroyed) this.accept(request, socket, head, allowed, binding)
      }
      // What the application would do for a page of its own, it does not do for another's.
      const passed = allowed ? pass(request, socket) : request
      const bound =
        passed instanceof Promise
          ? passed.then((own) => own !== false && this.binding(own, allowed))
          : this.binding(passed, allowed)
      if (bound instanceof Promise) this.pending.wait(request, socket, addressOf(request, trust), bound, go, fail)
      else go(bound)
    } catch (error) {
      fail(error)
    }
  }

  /** A page that is refused so only shows that it is offline: a proxy without `trustProxy`, most often. */
  private warnOfOrigin(request: IncomingMessage): void {
    const { headers } = request
    const origin = String(headers.origin).slice(0, 200)
    if (this.refusedOrigins.has(origin) || this.refusedOrigins.size >= MAX_REFUSED_ORIGINS) return
    this.refusedOrigins.add(origin)
    this.settings.logger.warn(
      `loom-live: a page of ${JSON.stringify(origin)} may not connect, the request is for the host ` +
        `${JSON.stringify((headers.host ?? '').slice(0, 200))}: ${originAdvice(request, this.settings.origin, this.settings.trust)}; ` +
        'further ones of this origin are not logged',
    )
  }

  /** Whom a connection belongs to, and what is kept of its request. */
  private binding(passed: Passed, allowed: boolean): Binding | Promise<Binding> {
    const request = rawOf(passed)
    const compact = compactRequest(request, this.settings.trust, this.settings.keep, passed)
    const bind = allowed ? this.bindOf(passed) : ''
    const bound = (text: string): Binding => {
      if (text === '' && this.settings.bind !== undefined) this.wiring?.boundToNobody(request)
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
    const descriptor = this.settings.transport === 'bridge' ? -1 : descriptorOf(socket)
    if (descriptor < 0) {
      this.bridge(socket, head, upgrade)
      return
    }
    // What Node has read already comes first; the rest is still in the kernel.
    const read = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null
    const start = read === null ? head : Buffer.concat([head, read])
    if (this.native.acceptDescriptor(descriptor, start.length > 0 ? start : EMPTY, upgrade)) socket.destroy()
    else this.bridge(socket, start, upgrade)
  }

  private bridge(socket: Duplex, head: Buffer, upgrade: NativeUpgrade): void {
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true)
    this.bridges.accept(socket, head, upgrade)
  }

  express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
    this.wiring?.serving()
    return (request, response, next) => {
      this.wiring?.reached()
      if (!serveClient(this.settings.path, request, response, this.wiring)) next()
    }
  }

  readonly fastify = (instance: FastifyLike): Promise<void> =>
    // What throws in here is the plugin's rejection.
    new Promise((done) => {
      this.serveFastify(instance)
      done()
    })

  private serveFastify(instance: FastifyLike): void {
    const path = this.pathUnder(instance.prefix)
    const upgrades = new FastifyUpgrades(instance)
    instance.route({
      method: 'GET',
      url: `${path}/ws`,
      handler: (request, reply) => {
        reply.hijack()
        if (!upgrades.passed(request)) serveClient(this.settings.path, request.raw, reply.raw, this.wiring)
      },
    })
    instance.route({
      method: 'GET',
      url: `${path}/*`,
      handler: ({ raw: request }, reply) => {
        reply.hijack()
        if (!serveClient(this.settings.path, request, reply.raw, this.wiring)) reply.raw.writeHead(404).end()
      },
    })
    this.wiring?.serving()
    this.wiring?.reached()
    this.wiring?.attachedWithHooks(instance.server)
    this.attachTo(instance.server, (request, socket) => upgrades.pass(request, socket))
    // Before the server waits for its sockets, some of which are ours.
    instance.addHook('preClose', () => this.close())
  }

  /** What is left of the path where Fastify puts a prefix before every route. */
  private pathUnder(prefix: string): string {
    const before = prefix.replace(/\/$/, '')
    if (this.settings.path.startsWith(`${before}/`)) return this.settings.path.slice(before.length)
    throw new LoomError(
      'LOOM_ARGUMENT',
      `The loom's path ${JSON.stringify(this.settings.path)} is not under the prefix ${JSON.stringify(prefix)} of this Fastify ` +
        `instance; pages ask for the path as it is, so set { path: ${JSON.stringify(before + this.settings.path)} }`,
    )
  }

  script(options?: ScriptOptions): string {
    this.wiring?.script(callerOf(this.script))
    return scriptElements(this.settings.path, this.wiring !== undefined, options)
  }

  stats(): Stats {
    return this.native.stats()
  }

  disconnect(filter: Parameters<PublicLoom['disconnect']>[0]): number {
    const pending = (count: number): number => count + this.pending.disconnect(filter)
    if (typeof filter !== 'function') {
      checkFilter(filter)
      return pending(this.native.disconnectMatching(filter.bind, filter.address))
    }
    const isMeant = ({ bind, address, request }: NativeConnection): boolean =>
      filter({ bind, address, request: liveRequest(request) })
    const numbers = this.native
      .connections()
      .filter(isMeant)
      .map(({ number }) => number)
    return pending(this.native.disconnect(numbers))
  }

  close(options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, { timeout: true }, 'the options of close', 'an option of close')
    const { timeout = CLOSE_TIMEOUT } = options
    if (typeof timeout !== 'number' || !(timeout >= 0)) throw invalid('a number of milliseconds', 'timeout', timeout)
    this.wiring?.close()
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
        this.pending.clear()
        this.isReleased = true
        this.native.release()
        this.dispatcher.end()
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
  return new Loom(options)
}
