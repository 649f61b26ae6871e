import type { IncomingMessage, ServerResponse } from 'node:http'
import type {
  AttachOptions,
  Everybody,
  FastifyLike,
  FastifyRequestLike,
  Flash,
  Loom as PublicLoom,
  LoomOptions,
  Middleware,
  MountOptions,
  Ready,
  RegisteredModule,
  ScriptOptions,
  SocketMessage,
  Stats,
  Topic,
  Tree,
  UploadsOptions,
  WatchOptions,
} from '../index'
import { checkFunction, checkNames, invalid, isObject } from './check'
import { type PageRequest, pageUrl, Requests } from './call/context'
import { Development } from './call/development'
import { Dispatcher } from './call/dispatcher'
import { checkTopic, receiversOf, topicName } from './call/effects'
import { LoomError, StartError, textOf, traceOf } from './errors'
import { Upgrades } from './http/accept'
import { Binder } from './http/bind'
import { serveFastify, serveFastifyForms } from './http/fastify'
import { flashElement, Flashes } from './http/flashes'
import { Forms, type PostedToShared } from './http/forms'
import { type LiveSocket, LiveSockets, Promises } from './live_socket'
import { runMiddleware } from './http/middleware'
import { UploadServer } from './http/uploads'
import type { Announcement, StoreCall } from './call/jobs'
import { type Entry, entryOf } from './call/modules'
import { explainPromise } from './call/mounted'
import { TopicsTold } from './call/topics_told'
import { encodeTree } from './call/render'
import { OwnStoreCalls } from './call/own_store'
import { Messages } from './messages'
import { Mounting } from './mount'
import { canBeNested } from './render/live'
import { native, type NativeLoom } from './native'
import { type Settings, settingsOf } from './options'
import { listed, nearest } from './nearest'
import { callerOf, filesBehind, locateTemplates, nearPath } from './places'
import { Removals } from './removals'
import { Tree as RenderedTree } from './render/tree'
import { Writer } from './render/writer'
import { Log } from './telemetry/log'
import { type Metric, metricsOf, NUMBERS, prometheusText } from './telemetry/prometheus'
import { scriptElements, serveClient } from './http/script'
import { makeSeam, type Seam } from './seam'
import type { Server } from './http/upgrade'
import { Wiring } from './http/wiring'
import { Devtools } from './devtools/serve'
import { notInProduction, realPath, Watch } from './watch/watch'

const CLOSE_TIMEOUT = 10_000

/** The end of the error for a name that no module has. */
function modulesHint(name: unknown, names: readonly string[]): string {
  if (typeof name !== 'string') return ''
  // A file that is loaded twice, as by a bundler, may make a second loom, and the modules are registered with that one.
  if (names.length === 0)
    return '; this loom has no modules: import the file that registers it, with this loom and no other'
  const near = nearest(name, names)
  if (near !== undefined) return `; did you mean ${JSON.stringify(near)}?`
  return `; the modules of this loom are ${listed(names)}`
}

/** The details for Rust that only live modules have. */
function detailsOf(entry: Entry): [version: number, hidden: string[], authorizes: boolean, receivers: string[]] {
  if (entry.raw) return [1, [], false, []]
  const { version, module } = entry
  const hidden = entry.private.map((name) => JSON.stringify(name))
  return [version, hidden, module.authorize !== undefined, [...receiversOf(entry)]]
}

/** One application: ties the parts together. */
export class Loom implements PublicLoom {
  /** The options with their secrets. The name is private, so that a logged loom does not show the secrets. */
  readonly #given: LoomOptions
  private readonly native: NativeLoom
  private readonly dispatcher: Dispatcher
  private readonly promises: Promises
  private readonly sockets: LiveSockets
  private readonly binder: Binder
  private readonly upgrades: Upgrades
  private readonly messages: Messages
  private readonly removals: Removals
  private readonly mounting: Mounting
  private readonly flashBox: Flashes
  private readonly entries = new Map<string, Entry>()
  /** The settings without the secrets, so that a logged loom does not show these. */
  private readonly settings: Omit<Settings, 'secrets' | 'limits' | 'sqlite' | 'redisStore' | 'ownStore' | 'backplane'>
  private readonly limits: Settings['limits']
  private readonly requests: Requests
  /** Only in development, so that its checks cost nothing in production. */
  private readonly development: Development | undefined
  private readonly wiring: Wiring | undefined
  private readonly hasBackplane: boolean
  /** Set if the application takes files. */
  private uploadServer: UploadServer | undefined
  private uploadsOptions: UploadsOptions | undefined
  /** Only in development: the files that have registered a module, by the module's name. */
  private readonly registeredIn = new Map<string, readonly string[]>()
  private watcher: Watch | undefined
  /** Modules that take the place of others, while files are loaded again. */
  private replacing: Map<string, Entry> | undefined
  private lastNumber = 0
  private closing: Promise<void> | undefined
  private isReleased = false

  constructor(
    options: LoomOptions,
    /** The file that makes the loom, if it is known. */
    private readonly maker?: string,
  ) {
    const checked = settingsOf(options)
    this.#given = { ...options, secret: checked.secrets }
    const { secrets, limits, sqlite, redisStore, ownStore, backplane, ...settings } = checked
    this.settings = settings
    this.limits = limits
    this.hasBackplane = backplane !== undefined
    const { development, locations, overlay, logger, onError } = settings
    this.requests = new Requests(development)
    const log = new Log(logger, this)
    const storeCalls = ownStore && new OwnStoreCalls(() => this.native, ownStore)
    const receivers = {
      reply: (reply: number, message: SocketMessage) => {
        this.sockets.reply(reply, message)
      },
      settle: (request: number, error: string | null, value: unknown) => {
        this.promises.settle(request, error, value)
      },
      promise: (begin: (request: number) => boolean, failure: (text: string) => LoomError) =>
        this.promises.make(begin, failure),
      relay: (relay: number, resume: boolean) => {
        this.upgrades.relays.signal(relay, resume)
      },
      store: (call: number, ...asked: StoreCall) => {
        storeCalls?.run(call, ...asked)
      },
      announced: (announcement: Announcement) => {
        if ('removal' in announcement) this.removals.remove(announcement.removal)
        else this.wiring?.heard(announcement)
      },
    }
    if (development) {
      this.development = new Development(log)
      const announce =
        backplane && ((announcement: Announcement): void => this.native.announce(JSON.stringify(announcement)))
      const wiring = (this.wiring = new Wiring(this.development, settings.path, settings.keep, announce))
      if (overlay) {
        this.development.failing = (failure) => {
          wiring.news.tell('failure', failure, true)
        }
      }
      if (locations) locateTemplates()
      const { development: told } = this
      told.topics = new TopicsTold(this.hasBackplane, (text) => {
        told.warn(text)
      })
      const { path } = settings
      const host = {
        recorder: this.development.recorder,
        goBack: (actor: number, json: string) => this.native.oneAgain(actor, json),
        kill: () => process.kill(process.pid, 'SIGKILL'),
      }
      const make = (at: string): Loom => new Loom({ secret: secrets, path: at, development: false, logger })
      wiring.devtools = new Devtools(`${path}/devtools`, make, host)
    }
    const { requests, development: checks } = this
    const hasStore = (sqlite ?? redisStore ?? ownStore) !== undefined
    this.dispatcher = new Dispatcher(() => this.native, receivers, log, requests, onError, limits, checks, hasStore)
    try {
      const { wake, givenUpSignal } = this.dispatcher
      this.native = new native.NativeLoom(
        {
          secrets,
          development,
          limits: { ...limits },
          sqlite,
          redisStore,
          ownStore: ownStore !== undefined,
          backplane,
        },
        wake,
        givenUpSignal,
      )
    } catch (error) {
      throw new LoomError('LOOM_ARGUMENT', textOf(error), { cause: error })
    }
    // Subscribers of diagnostics channels that listen already are told of the first step, too.
    this.dispatcher.steps.look()
    // With a backplane another process may have rendered the page.
    const warn = (text: string): void => this.development?.warn(text)
    this.flashBox = new Flashes(this.native, development && !this.hasBackplane ? warn : undefined)
    this.promises = new Promises(() => ++this.lastNumber)
    this.sockets = new LiveSockets(this.native, this.promises)
    const { wiring } = this
    this.binder = new Binder(settings.bind)
    const checkOpen = (): void => {
      this.checkOpen()
    }
    const showShared = async (module: string, key: string, address: string): Promise<string> => {
      const html = await this.promises.make(
        (request) => {
          this.native.showShared(module, key, address, request)
        },
        (text) => new LoomError('LOOM_START', `${module} (${JSON.stringify(key)}): ${text}`),
      )
      return html as string
    }
    this.mounting = new Mounting(
      this,
      (name) => this.entry(name),
      this.native,
      settings,
      limits.messageBytes,
      requests,
      this.binder,
      checks,
      checkOpen,
      showShared,
    )
    this.upgrades = new Upgrades(this.native, settings, this.binder, wiring, limits.upgradeTime, log)
    this.messages = new Messages(this, this.native, this.promises, checkOpen)
    this.removals = new Removals(this.native, this.upgrades)
    if (wiring !== undefined && this.development !== undefined)
      this.development.watch = (context) => wiring.watch(context)
  }

  register(name: string, module: unknown): RegisteredModule<never> {
    this.checkOpen()
    const entry = entryOf(name, module)
    if (this.development !== undefined) this.registeredIn.set(name, filesBehind(this.register).map(realPath))
    const known = this.entries.get(name)
    if (known !== undefined && this.replacing !== undefined && known.raw === entry.raw) {
      this.replacing.set(name, entry)
      this.development?.registered(entry, callerOf(this.register))
      return { name }
    }
    if (known !== undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `The module ${JSON.stringify(name)} is registered already; register each name once`,
      )
    }
    this.dispatcher.register(entry, this.native.register(name, entry.raw, ...detailsOf(entry)))
    this.entries.set(name, entry)
    this.development?.registered(entry, callerOf(this.register))
    return canBeNested({ name })
  }

  watch(options: WatchOptions = {}): void {
    this.checkOpen()
    const { development, wiring } = this
    if (development === undefined || wiring === undefined) notInProduction('loom.watch()')
    if (this.watcher !== undefined)
      throw new LoomError('LOOM_ARGUMENT', 'loom.watch() was called already; call it once, with all options')
    const { news } = wiring
    const { registeredIn, maker } = this
    this.watcher = new Watch(options, {
      maker,
      registering: () => new Set([...registeredIn.values()].flat()),
      reload: (load) => this.reload(load),
      reloaded: (modules, files) => {
        news.forget()
        news.tell('reloaded', { modules, files })
      },
      styled: (file) => {
        news.tell('style', { file: nearPath(file).replaceAll('\\', '/') })
      },
      failed: (file, error) => {
        const near = nearPath(file)
        const what = `${near} could not be loaded again, so that pages go on with what it was before`
        this.dispatcher.tellsOperator.tell('error', 'LOOM_LOAD', `${what}: ${traceOf(error)}`)
        development.failed('load', '', what, textOf(error), error)
      },
      warn: (text) => {
        development.warn(text)
      },
    })
  }

  /**
   * Runs `load`. Each module that is registered meanwhile replaces the one of its name; all of them are replaced, or
   * none.
   */
  private async reload(load: () => Promise<void>): Promise<string[]> {
    const replacing = (this.replacing = new Map<string, Entry>())
    try {
      await load()
    } finally {
      this.replacing = undefined
    }
    if (this.closing !== undefined) return []
    const isSame = ([name, entry]: [string, Entry]): boolean => {
      const known = this.entries.get(name)
      if (known === undefined || known.raw || entry.raw) return true
      return known.version === entry.version && known.private.join('\0') === entry.private.join('\0')
    }
    const areSame = [...replacing].every(isSame)
    for (const [name, entry] of replacing) {
      const id = this.native.registerAgain(name, entry.raw, ...detailsOf(entry))
      this.dispatcher.replace(entry, id)
      this.entries.set(name, entry)
      this.native.allAgain(id)
    }
    // The pages come back with a state of the last version, as after a deploy.
    if (!areSame) this.native.disconnect(this.native.connections().map(({ number }) => number))
    return [...replacing.keys()]
  }

  /** @throws LoomError once the loom has been closed and its keys are gone. */
  private checkOpen(): void {
    if (this.isReleased) throw new LoomError('LOOM_STOPPED', 'The loom has been closed')
  }

  private entry(module: unknown): Entry {
    this.checkOpen()
    const name: unknown = isObject(module) ? module['name'] : module
    const entry = typeof name === 'string' ? this.entries.get(name) : undefined
    if (entry !== undefined) return entry
    const error = invalid(
      'a registered module, which is what loom.register gives, or its name',
      'module',
      name ?? module,
    )
    throw new LoomError(error.code, error.message + modulesHint(name, [...this.entries.keys()]))
  }

  mount(module: unknown, props: object = {}, options: MountOptions = {}): Promise<string> {
    const page = this.mounting.page(() => this.entry(module), props, options)
    const { development } = this
    if (development === undefined) return page
    const place = callerOf(this.mount)
    const name = isObject(module) ? module['name'] : module
    page.then(
      () => this.wiring?.mounted(String(name), place, options.request),
      (error: unknown) => {
        const { request } = (options ?? {}) as { request?: unknown }
        development.mountFailed(
          String(name),
          isObject(request) ? pageUrl(request as unknown as PageRequest) : '',
          error,
        )
      },
    )
    return explainPromise(page, String(name), place, development)
  }

  // Async, as `send` is: so a wrong argument is a rejection, too, and `.catch` gets it.
  async publish(topic: string | Topic<unknown>, data?: unknown, options: { id?: string } = {}): Promise<void> {
    const { topics } = this.development ?? {}
    if (topics !== undefined) topics.published(topicName(topic, 'loom.publish'), 'loom.publish', callerOf(this.publish))
    await this.messages.publish(topic, data, options)
  }

  async presence<Meta>(topic: string | Topic<unknown>): Promise<Everybody<Meta>> {
    return this.messages.presence(topic)
  }

  topic<Data>(name: string): Topic<Data> {
    checkTopic(name, 'loom.topic')
    return { name, publish: (data, options) => this.publish(name, data, options) }
  }

  async send(address: string, receiver: string, data?: unknown, options: { id?: string } = {}): Promise<void> {
    await this.messages.send(address, receiver, data, options)
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
      throw invalid(
        'an HTTP or HTTPS server, as app.listen(3000) of Express gives (with Fastify register loom.fastify instead),',
        'server',
        server,
      )
    }
    if (this.closing !== undefined) throw new LoomError('LOOM_STOPPED', 'The loom has been closed')
    if (!Array.isArray(middleware)) throw invalid('a list of middleware', 'middleware', middleware)
    for (const one of middleware) checkFunction(one, 'a middleware')
    if (middleware.length > 0 && this.upgrades.isAttachedTo(server)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The loom is attached to this server already, so this middleware would not run; attach once, with all of it',
      )
    }
    this.wiring?.attached(server, middleware.length)
    this.upgrades.attach(server, (request, socket) =>
      middleware.length === 0 ? request : runMiddleware(middleware, request, socket).then((on) => on && request),
    )
  }

  express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
    this.wiring?.serving()
    return (request, response, next) => {
      this.wiring?.reached()
      if (!serveClient(this.settings.path, request, response, this.wiring)) next()
    }
  }

  readonly fastify = (instance: FastifyLike): Promise<void> =>
    // An error that is thrown in here becomes the plugin's rejection.
    new Promise((done) => {
      serveFastify(instance, this.settings.path, this.upgrades, this.wiring, this.uploadServer, () => this.close())
      done()
    })

  forms(): Middleware {
    return this.takesForms().express
  }

  readonly fastifyForms = serveFastifyForms(() => this.takesForms())

  /** From here on pages are rendered with all that their forms need to work without the client's script. */
  private takesForms(): Forms {
    const { native, binder, requests, settings, limits } = this
    return (this.mounting.forms ??= new Forms({
      native,
      binder,
      requests,
      settings,
      limits,
      operator: this.dispatcher.tellsOperator,
      flashes: this.flashBox,
      find: (name) => {
        const entry = this.entries.get(name)
        return entry === undefined || entry.raw ? undefined : entry
      },
      post: (form) =>
        this.promises.make(
          (request) => {
            native.postForm(form, request)
          },
          (text) => new LoomError('LOOM_FORM', text),
        ) as Promise<PostedToShared>,
      take: async (id, bind, address) => {
        const taken = await this.promises.make(
          (request) => {
            native.takeForm(id, bind, address, request)
          },
          (text) => new LoomError('LOOM_FORM', text),
        )
        return taken === true
      },
      send: ({ kind, to, id, json }) =>
        this.messages.accepted((request) =>
          kind === 'publish' ? native.publish(to, id, json, request) : native.sendTo(to, id, json, request),
        ),
    }))
  }

  uploads(options: UploadsOptions): ReturnType<Loom['express']> {
    this.checkOpen()
    if (this.uploadServer !== undefined)
      throw new LoomError('LOOM_ARGUMENT', 'loom.uploads was called already; call it once, with all options')
    const { path, origin, trust } = this.settings
    const { hasBackplane, binder, dispatcher } = this
    const server = new UploadServer(options, { path, origin, trust, hasBackplane }, dispatcher.uploads, binder)
    this.uploadServer = server
    this.uploadsOptions = options
    return (request, response, next) => {
      if (this.uploadServer?.handle(request, request, response) !== true) next()
    }
  }

  script(options?: ScriptOptions): string {
    this.wiring?.script(callerOf(this.script))
    return scriptElements(this.settings.path, this.wiring !== undefined, options)
  }

  flashes(request: IncomingMessage | FastifyRequestLike, look?: (flash: Flash) => Tree): string {
    this.checkOpen()
    if (!isObject(request)) throw invalid("the page's request", 'the request of loom.flashes', request)
    if (look === undefined) return flashElement(this.flashBox.take(request), undefined)
    checkFunction(look, 'the look of loom.flashes')
    return flashElement(this.flashBox.take(request), (flash) => this.lookOf(look(flash)))
  }

  /** The HTML of one flash. The browser puts the texts of later flashes into it. */
  private lookOf(tree: unknown): string {
    if (!(tree instanceof RenderedTree)) throw invalid('html`…`', 'what the look of loom.flashes gives', tree)
    const writer = new Writer()
    encodeTree(writer, tree, undefined)
    const html = this.native.toHtml(writer.ops, writer.length, writer.text, writer.bytes).join('')
    if (html.includes('data-l-fill="text"')) return html
    throw new LoomError(
      'LOOM_TEMPLATE',
      'What the look of loom.flashes gives has no element for the text: write data-l-fill="text" at one, as in ' +
        'html`<p data-l-fill="text">${flash.text}</p>`',
    )
  }

  stats(): Stats {
    return this.native.stats() as Stats
  }

  /** All metrics, for `loom-live/opentelemetry`. */
  [NUMBERS](): Metric[] {
    return metricsOf(this.stats(), this.native.metrics())
  }

  metrics(): string {
    return prometheusText(this.stats(), this.native.metrics())
  }

  ready(options: { redis?: boolean } = {}): Ready {
    checkNames(options, { redis: true }, 'the options of ready', 'an option of ready')
    const { redis = true } = options
    if (typeof redis !== 'boolean') throw invalid('true or false', 'redis', redis)
    const why: string[] = []
    if (this.closing !== undefined) why.push('The loom is closing.')
    for (const { usedFor, hosts, isUp, why: reason } of redis ? this.stats().redis : [])
      if (!isUp) why.push(`Redis at ${hosts}, for the ${usedFor}, is away: ${reason}.`)
    return { ready: why.length === 0, why }
  }

  unsubscribe(topic: string | Topic<unknown>, filter: { bind?: string; address?: string }): number {
    return this.removals.unsubscribe(topic, filter)
  }

  disconnect(filter: Parameters<PublicLoom['disconnect']>[0]): number {
    return this.removals.disconnect(filter)
  }

  seam(): Seam {
    this.checkOpen()
    this.wiring?.isTested()
    return makeSeam(this.native, this.promises, {
      path: this.settings.path,
      keep: this.settings.keep,
      witness: (witness) => {
        this.dispatcher.tellsOperator.witness = witness
      },
      attach: (server, pass) => {
        this.upgrades.attach(server, pass)
      },
      serveUpload: (request, response) => this.uploadServer?.handle(request, request, response) === true,
      restart: () => this.restart(),
    })
  }

  private async restart(): Promise<void> {
    const unix = this.native.heldUnix()
    await this.close({ timeout: 0 })
    const next = new Loom(this.#given, this.maker)
    next.native.holdTime(unix)
    next.dispatcher.tellsOperator.witness = this.dispatcher.tellsOperator.witness
    for (const entry of this.entries.values()) {
      next.dispatcher.register(entry, next.native.register(entry.name, entry.raw, ...detailsOf(entry)))
      next.entries.set(entry.name, entry)
      next.development?.registered(entry, undefined)
    }
    if (this.uploadsOptions !== undefined) next.uploads(this.uploadsOptions)
    if (this.mounting.forms !== undefined) next.takesForms()
    // The application's variables still refer to this loom, so it takes over all members of the new one.
    Object.assign(this, next)
  }

  close(options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, { timeout: true }, 'the options of close', 'an option of close')
    const { timeout = CLOSE_TIMEOUT } = options
    if (typeof timeout !== 'number' || !(timeout >= 0)) throw invalid('a number of milliseconds', 'timeout', timeout)
    this.watcher?.close()
    this.wiring?.close()
    this.flashBox.close()
    const devtools = this.wiring?.devtools?.close()
    this.closing ??= this.promises
      .make(
        (request) => {
          this.native.close(timeout, request)
        },
        (text) => new LoomError('LOOM_STOPPED', text),
      )
      .then(() => {
        // Until here new connections have been told to come back later.
        this.upgrades.release()
        this.dispatcher.uploads.end()
        this.isReleased = true
        this.native.release()
        this.dispatcher.end()
        return devtools
      })
    return this.closing
  }
}

/** The seam of a loom, for tests of an application. */
function seamOf(loom: unknown): Seam {
  if (loom instanceof Loom) return loom.seam()
  throw invalid('a loom, which is what createLoom gives,', 'loom', loom)
}

export function createLoom(options: LoomOptions = {}): Loom {
  const isProduction =
    (options as LoomOptions | null)?.development === false || process.env['NODE_ENV'] === 'production'
  return new Loom(options, isProduction ? undefined : filesBehind(createLoom).map(realPath)[0])
}

// Not public: `loom-live/testing`, a bundle of its own, finds it under this name. See lib/testing/library.ts.
Object.defineProperty(createLoom, Symbol.for('loom-live.testing'), { value: seamOf })
