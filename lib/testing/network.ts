/** The way between pages and a loom, in memory: Node's own HTTP server, which listens nowhere, and pairs of streams. */

import { createServer, type IncomingMessage, request as ask, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Seam } from '../seam'
import type { Gate } from './uploads'

/** What the network knows of a page. */
export interface Visitor {
  readonly headers: Readonly<Record<string, string>>
  /** What middleware would set on the page's requests: the user, the session. */
  readonly set: Readonly<Record<string, unknown>>
  /** False while the page has no network. */
  isOnline: boolean
}

/** The end of a connection in memory. */
class End extends Duplex {
  other: End | undefined
  /** The number of the page, at the server's end. */
  page = 0
  /** Node's HTTP server and the loom read the address from here. */
  readonly remoteAddress = '127.0.0.1'
  private taken: (() => void) | undefined

  override _read(): void {
    const { taken } = this
    this.taken = undefined
    taken?.()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    const { other } = this
    if (other === undefined || other.destroyed) done()
    else if (other.push(chunk)) done()
    else other.taken = done
  }

  override _final(done: () => void): void {
    if (this.other?.destroyed === false) this.other.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this
    this.other = undefined
    // In a turn of its own, as a network tells it.
    if (other !== undefined && !other.destroyed) setImmediate(() => other.destroy())
    done(error)
  }

  // What Node's clients and servers call on sockets.
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

function pair(): [End, End] {
  const [one, two] = [new End(), new End()]
  one.other = two
  two.other = one
  return [one, two]
}

const HOST = 'localhost'

/** How a page's number stands in the addresses of its connections. */
const NUMBER = /[?&]page=(\d+)/

export function pageNumber(url: string): number {
  return Number(NUMBER.exec(url)?.[1] ?? 0)
}

/** A request over HTTP. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  /** Is told how many bytes of the body have gone. */
  sent?(bytes: number): void
  /** Is given what ends the request. */
  begun?(abort: () => void): void
}

/** An answer to a request over HTTP. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The network of one loom, with all its pages. */
export class Network {
  private readonly visitors = new Map<number, Visitor>()
  private readonly server = createServer((request, response) => {
    this.answer(request, response)
  })

  constructor(private seam: Seam) {
    this.attach(seam)
  }

  /** The loom's next process takes the connections. */
  attach(seam: Seam): void {
    this.seam = seam
    seam.attach(this.server, (request) => this.set(request))
  }

  add(number: number, visitor: Visitor): void {
    this.visitors.set(number, visitor)
  }

  remove(number: number): void {
    this.visitors.delete(number)
  }

  /** As an application's middleware does it. */
  private set(request: IncomingMessage): IncomingMessage {
    const { page } = request.socket as unknown as End
    return Object.assign(request, this.visitors.get(page)?.set)
  }

  private connect(number: number): End {
    const [here, there] = pair()
    there.page = number
    if (this.visitors.get(number)?.isOnline === true) this.server.emit('connection', there)
    else setImmediate(() => there.destroy())
    return here
  }

  /** A WebSocket of a page. */
  socket(url: string, protocols: string | string[] | undefined): WebSocket {
    const number = pageNumber(url)
    const socket = new WebSocket(url, protocols, {
      createConnection: () => this.connect(number) as never,
      headers: { ...this.visitors.get(number)?.headers, host: HOST },
      perMessageDeflate: false,
    })
    // What goes wrong is told by `close`, as in browsers.
    socket.on('error', () => undefined)
    return socket
  }

  /** A request over HTTP. The gate holds bytes of its body. */
  request(number: number, asked: Asked, gate: Gate | undefined): Promise<Answered> {
    const { method, path, headers, body, sent, begun } = asked
    const connection = this.connect(number)
    return new Promise((resolve, reject) => {
      const all = {
        ...this.visitors.get(number)?.headers,
        ...headers,
        host: HOST,
        ...(body && { 'content-length': String(body.length) }),
      }
      // With an agent, also `false`, Node would make the connection itself.
      const request = ask({ method, path, headers: all, createConnection: () => connection }, (response) => {
        const chunks: Buffer[] = []
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () => {
            const read = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
            const { statusCode: status = 0 } = response
            connection.destroy()
            resolve({
              status,
              headers: Object.fromEntries(read) as Record<string, string>,
              body: Buffer.concat(chunks),
            })
          })
      })
      request.on('error', reject)
      begun?.(() => {
        request.destroy(new Error('aborted'))
        connection.destroy()
      })
      if (body === undefined || gate === undefined) {
        request.end(body)
        return
      }
      const count = gate.take(body.length)
      if (count === body.length) {
        request.end(body, () => sent?.(count))
        return
      }
      request.write(body.subarray(0, count), () => sent?.(count))
      void gate.wait().then(() => {
        request.end(body.subarray(count), () => sent?.(body.length))
      })
    })
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.seam.serveUpload(this.set(request), response)) return
    response.writeHead(404, { 'content-type': 'text/plain' }).end()
  }
}
