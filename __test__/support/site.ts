/** An application with a loom, listening on a port of its own. */

import { createServer, type RequestListener, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createLoom, html, type Loom, type LoomOptions, type MountOptions, type RegisteredModule } from 'loom-live'
import type { ClientOptions } from 'ws'
import { certificate } from './certificate'
import { atEnd } from './cleanup'
import { Client } from './client'
import { until, within } from './until'

export const SECRET = 'a secret of at least thirty-two bytes'

/** The ways in which a connection's bytes reach Rust. */
export const TRANSPORTS = ['http, descriptor', 'http, relay', 'https'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** A logger that keeps what a loom tells its operator. */
export class Log {
  readonly errors: string[] = []
  readonly warnings: string[] = []

  error(message: string): void {
    this.errors.push(message)
  }

  warn(message: string): void {
    this.warnings.push(message)
  }

  get all(): string {
    return [...this.errors, ...this.warnings].join('\n')
  }

  /** Resolves when so many lines say this. A line of Rust comes on a way of its own, and may come after the answer. */
  async says(what: string | RegExp, times = 1): Promise<void> {
    const lines = (): number =>
      [...this.errors, ...this.warnings].filter((line) =>
        typeof what === 'string' ? line.includes(what) : what.test(line),
      ).length
    await until(`the log to say ${String(what)}`, () => lines() >= times)
  }
}

export interface SiteOptions extends LoomOptions {
  over?: Transport
  /** The application's own answer to requests. */
  listener?: RequestListener
}

/** Makes a loom that is closed when the test ends. */
export function testLoom(options: LoomOptions = {}): { loom: Loom; log: Log } {
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log, ...options })
  atEnd(() => loom.close({ timeout: 0 }))
  return { loom, log }
}

export class Site {
  private constructor(
    readonly loom: Loom,
    readonly log: Log,
    readonly server: HttpServer | HttpsServer,
    readonly secure: boolean,
  ) {}

  static async start({ over = 'http, descriptor', listener, ...options }: SiteOptions = {}): Promise<Site> {
    const transport = over === 'http, relay' ? 'relay' : 'auto'
    const { loom, log } = testLoom({ transport, ...options })
    const server = over === 'https' ? createHttpsServer(certificate(), listener) : createServer(listener)
    const site = new Site(loom, log, server, over === 'https')
    loom.attach(server)
    await site.listen()
    return site
  }

  /** A server that the caller made and attached. */
  static async of(loom: Loom, server: HttpServer | HttpsServer): Promise<Site> {
    const site = new Site(loom, new Log(), server, 'setSecureContext' in server)
    await site.listen()
    return site
  }

  private async listen(): Promise<void> {
    await listen(this.server)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  get origin(): string {
    return `${this.secure ? 'https' : 'http'}://${this.host}`
  }

  url(path = '/loom/ws'): string {
    return `${this.secure ? 'wss' : 'ws'}://${this.host}${path}`
  }

  connect(options?: ClientOptions): Promise<Client> {
    return Client.open(this.url(), options)
  }

  /** A token for the module, as its page would carry it. */
  async token<Props extends object>(
    module: RegisteredModule<Props> | string,
    props?: object,
    options?: MountOptions,
  ): Promise<string> {
    return tokenIn(await this.loom.mount(typeof module === 'string' ? module : module.name, props, options))
  }

  /** A connection with one component `c0`. */
  async live<Props extends object>(
    module: RegisteredModule<Props>,
    props?: object,
    options?: ClientOptions,
  ): Promise<Client> {
    const client = await this.connect(options)
    await client.joined('c0', module.name, await this.token(module, props))
    return client
  }

  /** A connected socket on which nothing was sent so far. */
  async socket(): Promise<Socket> {
    const { port } = this
    const socket = this.secure
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connectTcp({ port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    atEnd(() => socket.destroy())
    await within(
      'a socket to connect',
      new Promise<void>((resolve, reject) => {
        socket.once(this.secure ? 'secureConnect' : 'connect', resolve)
        socket.once('error', reject)
      }),
    )
    return socket
  }

  /** Sends the text and gives what comes back until the server ends the connection. */
  async talk(text: string): Promise<string> {
    const socket = await this.socket()
    return talk(socket, text)
  }

  /** Waits until no connection and no actor is left. */
  async empty(): Promise<void> {
    await until('the last connection and actor to end', () => {
      const { connections, components, queuedEvents, waitingCalls, callsInFlight } = this.loom.stats()
      return connections + components + queuedEvents + waitingCalls + callsInFlight === 0
    })
  }

  /** Waits until the server has no socket any more. */
  async freed(): Promise<void> {
    await until('the sockets to be given back', async () => {
      const count = await new Promise<number>((resolve) => {
        this.server.getConnections((_, count) => {
          resolve(count)
        })
      })
      return count === 0
    })
  }
}

/** Listens on a free port until the test ends. */
export async function listen(server: HttpServer | HttpsServer): Promise<void> {
  atEnd(async () => {
    server.closeAllConnections()
    await within('the server to close', new Promise((resolve) => server.close(resolve)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

export async function talk(socket: Socket, text: string): Promise<string> {
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (received += chunk))
  const ended = new Promise<void>((resolve) => {
    socket.once('end', resolve)
    socket.once('close', () => {
      resolve()
    })
  })
  socket.write(text)
  await within('the server to end the connection', ended)
  return received
}

export function tokenIn(page: string): string {
  const token = /data-l-token="([^"]+)"/.exec(page)?.[1]
  if (token === undefined) throw new Error(`Expected a token in ${page}`)
  return token
}

/** The HTML inside the container that `mount` gives. */
export function inside(page: string): string {
  const found = /^<div data-l-live="[^"]*" data-l-ws="[^"]*" data-l-token="[\w-]+">([^]*)<\/div>$/.exec(page)
  if (found === null) throw new Error(`Expected a container but received ${page}`)
  return found[1] ?? ''
}

/** A server whose every page has one component of this module, and the client. */
export async function pageSite(loom: Loom, module: string): Promise<Site> {
  const middleware = loom.express()
  const server = createServer((request, response) => {
    middleware(request, response, () => {
      void loom.mount(module, {}, { request }).then((mounted) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end(`<!doctype html><title>${module}</title>${mounted}${loom.script()}`)
      })
    })
  })
  loom.attach(server)
  return Site.of(loom, server)
}

/** The module of most tests. */
export function counter(loom: Loom, name = 'counter'): RegisteredModule<{ count: number }> {
  return loom.register(name, {
    props: { count: 0 },
    handle: {
      increment: ({ count }) => ({ count: count + 1 }),
      show: () => undefined,
      boom: () => {
        throw new Error('boom')
      },
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
}
