/** A server of the dialect `loom.2` that does exactly what a test tells it to, and the page that it serves. */

import { execFileSync } from 'node:child_process'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { WebSocketServer, type WebSocket } from 'ws'

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json }

/** What a client sends, as far as the tests look at it. */
export interface Sent {
  type: 'join' | 'event' | 'leave' | 'hidden'
  /** Of `hidden`: 1, or 0 if the page is seen again. */
  id: number
  module?: string
  token?: string
  secret?: string
  /** Of a join that resumes and of an event: the last event whose answer the client has. */
  seen?: number
  /** Of a join that resumes: the revision that is shown, and the answered events that are kept. */
  revision?: number
  kept?: number
  /** Of a join that asks for the whole tree. */
  needsTree?: boolean
  /** Of an event. */
  number?: number
  /** Of an event that is sent again. */
  age?: number
  handler?: string
  event?: string
  vars?: { v?: string; c?: boolean; k?: string; f?: string; t?: string; m?: string[] }
}

function readSent(frame: string): Sent {
  const [type, id, ...rest] = JSON.parse(frame) as [string, number, ...string[]]
  if (type === 'j') {
    const [module, token, secret, seen, revision, kept, whole] = rest as unknown as [
      string,
      string,
      string?,
      number?,
      number?,
      number?,
      number?,
    ]
    const needsTree = whole === 1 ? { needsTree: true } : {}
    return {
      type: 'join',
      id,
      module,
      token,
      ...(secret === undefined ? {} : { secret, seen, revision, kept }),
      ...needsTree,
    }
  }
  if (type === 'h') return { type: 'hidden', id }
  if (type === 'l') return { type: 'leave', id }
  const [number, seen, handler, event, vars = {}, age] = rest as unknown as [
    number,
    number,
    string,
    string,
    Sent['vars'],
    number?,
  ]
  return { type: 'event', id, number, seen, handler, event, vars, ...(age === undefined ? {} : { age }) }
}

/** How long a test waits at most: much longer than anything takes, so that no test fails on a busy machine. */
export const PATIENCE_MS = 15_000

/** As the server says it with the limits' defaults. */
const GREETING = [60_000, 1 << 20, 32, 35_000]

export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`Expected ${what} within ${PATIENCE_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** One WebSocket of a page, seen from the server. */
export class Wire {
  /** All that was received, and how far the test has read it. */
  readonly received: Sent[] = []
  private read = 0
  /** How many frames were sent to the page. */
  sent = 0
  closed = false
  /** The templates that this connection knows, by their text. */
  private readonly templates = new Map<string, number>()

  constructor(
    private readonly socket: WebSocket,
    readonly request: IncomingMessage,
  ) {
    socket.on('message', (data) => this.received.push(readSent((data as Buffer).toString())))
    socket.on('close', () => (this.closed = true))
    socket.on('error', () => undefined)
  }

  /** The next message; of that type, where one is given: others are an error, since order matters. */
  async next(type?: string): Promise<Sent> {
    const message = await until(`a message ${type ?? ''}`, () => this.received[this.read])
    this.read += 1
    if (type && message.type !== type) throw new Error(`Expected ${type} but received ${JSON.stringify(message)}`)
    return message
  }

  send(message: Json): void {
    this.sendRaw(JSON.stringify(message))
  }

  /** The template's id; the client is told of it before its first use. */
  template(statics: string[], kinds: string): number {
    const name = JSON.stringify([statics, kinds])
    let id = this.templates.get(name)
    if (id === undefined) {
      this.templates.set(name, (id = this.templates.size))
      this.send(['t', id, statics, kinds])
    }
    return id
  }

  sendRaw(frame: string | Buffer): void {
    this.sent += 1
    this.socket.send(frame)
  }

  /** As a network does it: without a goodbye. */
  drop(): void {
    this.socket.terminate()
  }

  close(code: number, reason = ''): void {
    this.socket.close(code, reason)
  }
}

type Name =
  | 'client'
  | 'fields'
  | 'bindings'
  | 'commands'
  | 'uploads'
  | 'recovery'
  | 'navigation'
  | 'hooks'
  | 'flash'
  | 'status'
  | 'visible'

const bundles: Partial<Record<Name, string>> = {}

/** The client as it is shipped, or one of the files that it loads if a page needs them. */
export function clientBundle(name: Name = 'client'): string {
  const script = join(__dirname, '../../scripts/client.mjs')
  return (bundles[name] ??= execFileSync(process.execPath, [script, name], { encoding: 'utf8' }))
}

export class FakeServer {
  readonly wires: Wire[] = []
  /** What the page shows; a whole document where it starts with a doctype. */
  body = ''
  script = '<script type="module" src="/client.js" data-l-client></script>'
  headers: Record<string, string> = {}
  /** False: WebSocket connections are refused. */
  accepting = true
  /** How many were asked for, refused ones included. */
  attempts = 0
  /** What a client is told first: how old an event may be, bytes of a message, events under way, silence. */
  greeting = GREETING
  /** What was asked for of the file for fields; `letFields` is waited for before it is sent. */
  fieldsAsked: string[] = []
  letFields: Promise<boolean> | undefined
  /** It accepts connections and says nothing. */
  mute = false
  private taken = 0
  private readonly http: Server
  private readonly ws = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => offered.has('loom.2') && 'loom.2',
  })

  private constructor() {
    this.http = createServer((request, response) => {
      if (request.url === '/client.js') {
        response.setHeader('content-type', 'text/javascript')
        return response.end(clientBundle())
      }
      if (request.url?.startsWith('/fields.') === true) {
        this.fieldsAsked.push(request.url)
        void Promise.resolve(this.letFields ?? true).then((isThere) => {
          response.writeHead(isThere ? 200 : 503, { 'content-type': 'text/javascript', 'cache-control': 'no-store' })
          response.end(isThere ? clientBundle('fields') : '')
        })
        return
      }
      const [, loaded] = /^\/(bindings|hooks|visible)\./.exec(request.url ?? '') ?? []
      if (loaded !== undefined) {
        response.setHeader('content-type', 'text/javascript')
        return response.end(clientBundle(loaded as Name))
      }
      for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value)
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(`<!doctype html><title>test</title><link rel="icon" href="data:,">${this.body}${this.script}`)
    })
    this.http.on('upgrade', (request, socket, head) => {
      this.attempts += 1
      if (!this.accepting) return socket.destroy()
      this.ws.handleUpgrade(request, socket, head, (ws) => {
        const wire = new Wire(ws, request)
        if (!this.mute) wire.send(['o', ...this.greeting])
        this.wires.push(wire)
      })
    })
  }

  static async start(): Promise<FakeServer> {
    const server = new FakeServer()
    await new Promise<void>((resolve) => server.http.listen(0, '127.0.0.1', resolve))
    return server
  }

  get host(): string {
    return `127.0.0.1:${(this.http.address() as AddressInfo).port}`
  }

  get url(): string {
    return `http://${this.host}/`
  }

  /** The next connection that a page opens. */
  async connection(): Promise<Wire> {
    const wire = await until('a connection', () => this.wires[this.taken])
    this.taken += 1
    return wire
  }

  /**
   * The next connection on which a page says something. One that was under way when the page came back at once is given
   * up by the page, and says nothing.
   */
  async speaking(): Promise<Wire> {
    const wire = await until('a connection that is used', () =>
      this.wires.slice(this.taken).find(({ received }) => received.length > 0),
    )
    this.taken = this.wires.indexOf(wire) + 1
    return wire
  }

  /** Forgets what one test did, for the next. */
  reset(): void {
    for (const wire of this.wires) wire.drop()
    this.wires.length = this.taken = this.attempts = 0
    this.accepting = true
    this.greeting = GREETING
    this.mute = false
    this.fieldsAsked = []
    this.letFields = undefined
    this.headers = {}
    this.script = '<script type="module" src="/client.js" data-l-client></script>'
  }

  async stop(): Promise<void> {
    this.reset()
    this.http.closeAllConnections()
    await new Promise((resolve) => this.http.close(resolve))
  }
}
