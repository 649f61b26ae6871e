import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LiveRequest } from '../../index'
import { forbiddenBy } from './content_security'
import type { Announcement } from '../call/jobs'
import type { Context } from '../call/context'
import { Context as OwnContext } from '../call/context'
import type { Development } from '../call/development'
import { atPlace } from '../places'
import { News } from './news'
import { isForeign } from './same_site'

/** How long after it was rendered a page may take to join. A page that works needs much less. */
const WAIT_MS = 4000
/** How long other processes may take to say that a page has joined there. */
const ANSWER_MS = 4000
/** How long a page that asks is told why there was no socket. */
const REASON_MS = 60_000

const requestOf = Object.getOwnPropertyDescriptor(OwnContext.prototype, 'request')?.get

type Headers = IncomingMessage['headers']

/** Whether the client has fetched the page: nobody may go there. As client/navigation/fetch.ts asks for it. */
function isFetched(request: object | undefined): boolean {
  const { headers } = (request ?? {}) as { headers?: { accept?: unknown } }
  return headers?.accept === 'text/html'
}

/**
 * Finds out whether an application has put all parts together: the script in the page, the route that serves it, the
 * server that is attached, and middleware for upgrades. In development only.
 *
 * Each part calls a method here when it is used. If a rendered page is not joined within `WAIT_MS`, the first part that
 * was not used is named. With a backplane a page may join in another process than the one that has rendered it: before
 * anything is said, all others are asked.
 */
export class Wiring {
  /** Set by the loom: shows the components, and answers requests for the page of devtools. */
  devtools:
    | { serve(request: IncomingMessage, response: ServerResponse, pathname: string): boolean; close(): Promise<void> }
    | undefined
  /** The news for open pages. */
  readonly news = new News()
  /** The place at which `loom.script()` was first called. */
  private scriptPlace: string | undefined
  private isScriptMade = false
  /** `loom.express()` was called, or the Fastify plugin was registered. */
  private isServing = false
  /** A request has come to `loom.express()`, or to the Fastify plugin. */
  private isReached = false
  /** How often the client's script was served. */
  private served = 0
  /** An upgrade has come: all parts are there, at least for some pages. */
  private isUpgraded = false
  private readonly servers = new Set<object>()
  /**
   * A server was attached without middleware: upgrades lack the members that middleware sets on the requests of pages.
   */
  private isBare = false
  /** A Fastify instance was attached: its hooks run on upgrades. */
  private hasHooks = false
  private hasTests = false
  /** The names of the option `keep` that requests of pages had as members. */
  private readonly onPages = new Set<string>()
  /** The modules that a page was rendered with and that nobody has joined so far. */
  private readonly waiting = new Map<string, NodeJS.Timeout>()
  /** Why the last request for the socket was no upgrade; told to pages that ask, until a time. */
  private reason: { text: string; until: number } | undefined

  constructor(
    private readonly development: Development,
    private readonly path: string,
    private readonly keep: readonly string[],
    /** Tells all other processes. `undefined` without a backplane: then no other process is known. */
    private readonly announce: ((announcement: Announcement) => void) | undefined,
  ) {}

  script(place: string | undefined): void {
    this.isScriptMade = true
    this.scriptPlace ??= place
  }

  serving(): void {
    this.isServing = true
  }

  reached(): void {
    this.isReached = true
  }

  scriptServed(): void {
    this.served++
  }

  attached(server: object, middleware: number): void {
    this.servers.add(server)
    if (middleware === 0) this.isBare = true
  }

  /** Called by the Fastify plugin: the instance's own hooks run on upgrades. */
  attachedWithHooks(server: object): void {
    this.servers.add(server)
    this.hasHooks = true
  }

  upgraded(): void {
    this.isUpgraded = true
  }

  close(): void {
    this.news.close()
    for (const timer of this.waiting.values()) clearTimeout(timer)
    this.waiting.clear()
  }

  /** The pages are those of tests: no browser asks for a script, and a test may mount what no page joins. */
  isTested(): void {
    this.hasTests = true
  }

  /** A component was rendered into a page. Warns if nobody joins the module soon. */
  mounted(module: string, place: string | undefined, request: object | undefined): void {
    if (request !== undefined) {
      for (const name of this.keep) if ((request as Record<string, unknown>)[name] !== undefined) this.onPages.add(name)
    }
    if (this.hasTests || this.waiting.has(module) || this.development.hasJoined(module) || isFetched(request)) return
    const { served } = this
    const end = (): void => {
      this.waiting.delete(module)
      if (this.isExplained(module)) return
      this.warnOfMissingPart(`The page with ${module}${atPlace(place, 'mounted at')}`, served < this.served, request)
    }
    const { announce } = this
    if (announce === undefined) {
      this.wait(module, WAIT_MS, end)
      return
    }
    this.wait(module, WAIT_MS, () => {
      if (!this.isExplained(module)) announce({ asks: module })
      this.wait(module, ANSWER_MS, end)
    })
  }

  private wait(module: string, ms: number, then: () => void): void {
    this.waiting.set(module, setTimeout(then, ms).unref())
  }

  /**
   * Whether no warning about the module's pages is needed: one of them has joined, or another warning has said why no
   * page can.
   */
  private isExplained(module: string): boolean {
    return this.reason !== undefined || this.development.hasJoined(module)
  }

  /** An announcement of another process. */
  heard(announcement: Exclude<Announcement, { removal: unknown }>): void {
    if ('asks' in announcement) {
      if (this.development.hasJoined(announcement.asks)) this.announce?.({ joined: announcement.asks })
    } else if (this.waiting.has(announcement.joined)) {
      this.development.joined(announcement.joined)
    }
  }

  /** Warns of a page that nobody has joined, and names the part that is missing. */
  private warnOfMissingPart(page: string, isServed: boolean, request: object | undefined): void {
    const script = `${this.path}/client.….js`
    const forbidden = forbiddenBy(request)
    if (forbidden !== undefined) {
      this.tell(`${page} does not come to life: its Content-Security-Policy has ${forbidden}`)
    } else if (this.isUpgraded) {
      this.tell(
        `${page} does not come to life, though others do: nobody has joined it. The page's HTML needs the results of ` +
          'loom.script() and loom.mount(), unchanged. If no browser asked for the page, all is well',
      )
    } else if (isServed) {
      this.tell(
        `${page} has loaded the client, but nothing has asked for ${this.path}/ws: its Content-Security-Policy may ` +
          "forbid the connection (connect-src has to have 'self'), or a proxy does not pass that address on. Look into the browser's console",
      )
    } else if (!this.isServing) {
      this.tell(
        `${page} does not come to life: nothing serves ${script}, so requests for it get 404. Use ` +
          'app.use(loom.express()), or app.register(loom.fastify), before the routes',
      )
    } else if (!this.isScriptMade) {
      this.tell(
        `${page} does not come to life: nothing asks for ${script}, and loom.script() was never called. Put ` +
          '${loom.script()} at the end of the page',
      )
    } else if (!this.isReached) {
      this.tell(
        `${page} does not come to life: no request has come to loom.express(). Write app.use(loom.express()) before ` +
          'the routes, at the top, on the application that serves the page',
      )
    } else {
      this.tell(
        `${page} does not come to life: nobody has asked for ${script}. The result of loom.script()` +
          `${atPlace(this.scriptPlace, 'called at')} has to be in the page's HTML. Or the page's Content-Security-Policy ` +
          "forbids the script (script-src has to have 'self'). If no browser asked for the page, all is well",
      )
    }
  }

  private tell(text: string): void {
    this.development.warn(text)
  }

  /**
   * Warns of a request for the socket that is not an upgrade. Returns the reason, which is also the request's answer.
   */
  notUpgraded({ headers, socket }: IncomingMessage): string | undefined {
    const { server } = socket as { server?: object }
    const asks = /(^|,)\s*websocket\s*($|,)/i.test(headers.upgrade ?? '')
    const isSocket =
      asks || headers['sec-websocket-key'] !== undefined || headers['sec-websocket-version'] !== undefined
    const isAttached = server === undefined ? this.servers.size > 0 : this.servers.has(server)
    if (!isAttached && (isSocket || this.servers.size === 0)) {
      return this.because(
        `No WebSocket at ${this.path}/ws: ${this.servers.size === 0 ? 'loom.attach() was never called' : 'loom.attach() was not given the server that got the request'}. ` +
          'Give loom.attach the server, as in loom.attach(app.listen(3000))',
      )
    }
    if (isSocket) {
      return this.because(
        `No WebSocket at ${this.path}/ws: the request came without ${takenFrom(headers)}, which a proxy has taken away. Let the proxy pass upgrades on; ` +
          'for nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
      )
    }
    return this.reason !== undefined && this.reason.until > Date.now() ? this.reason.text : undefined
  }

  private because(text: string): string {
    this.reason = { text, until: Date.now() + REASON_MS }
    this.tell(text)
    return text
  }

  /** Answers a page with the warnings after the first `count`, as JSON. */
  found(request: IncomingMessage, response: ServerResponse, count: string | null): void {
    if (isForeign(request)) {
      response.writeHead(403).end()
      return
    }
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
      .end(JSON.stringify(this.development.foundAfter(Number(count) || 0)))
  }

  private isMissing(name: string): boolean {
    return this.isBare && !this.hasHooks && this.keep.includes(name)
  }

  private middlewareFor(name: string): string {
    const had = this.onPages.has(name) ? `, but the page's request had it` : ''
    return (
      `${name} is undefined${had}. A connection begins with a request of its own. The middleware of loom.attach() ` +
      'sets members on this request, and loom.attach() was given none. Hand the middleware over, as in loom.attach(server, { middleware: [session(…)] })'
    )
  }

  /** Warns if a module reads a member of its request that no middleware has set. */
  watch(context: Context): void {
    if (!this.isBare || this.hasHooks) return
    Object.defineProperty(context, 'request', {
      configurable: true,
      get: () =>
        new Proxy(requestOf?.call(context) as LiveRequest, {
          get: (request, name, receiver) => {
            const value: unknown = Reflect.get(request, name, receiver)
            if (value === undefined && typeof name === 'string' && this.isMissing(name)) {
              this.tell(`${context.module}: ctx.request.${this.middlewareFor(name)}`)
            }
            return value
          },
        }),
    })
  }

  /** `bind` gave nobody, or threw. Warns if the request lacks a member that requests of pages have. */
  boundToNobody(request: object): void {
    for (const name of this.onPages) {
      if (this.isMissing(name) && (request as Record<string, unknown>)[name] === undefined) {
        this.tell(`The option bind was called for a connection, whose request.${this.middlewareFor(name)}`)
      }
    }
  }
}

/** The header that a proxy has removed from an upgrade request. */
function takenFrom({ upgrade, connection = '' }: Headers): string {
  if (upgrade === undefined) return '"Upgrade: websocket"'
  return /upgrade/i.test(connection) ? 'an upgrade' : '"Connection: upgrade"'
}
