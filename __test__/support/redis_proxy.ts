/** A network between processes and Redis, with faults: it delays, cuts answers in half, or lets no answer through. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { atEnd } from './cleanup'

/** What a connection is for: it has subscribed to channels, or it has not. */
export type Kind = 'commands' | 'channels'

/** What becomes of the answer to one request: half of it arrives and the connection ends, or none ever arrives. */
export type Fault = 'cut' | 'swallow'

interface Planned {
  text: string
  fault: Fault
  done: () => void
}

/** One connection through the proxy. */
interface Wire {
  near: Socket
  far: Socket
  kind: Kind
  /** What becomes of the next answer. Set by a request that a fault is planned for. */
  planned: Planned | undefined
  /** No answer arrives any more. */
  isSwallowed: boolean
  /** What Redis has sent while answers are held back. */
  held: Buffer[]
}

export class RedisProxy {
  /** While this is false, new connections are closed at once. */
  open = true
  /** How long bytes take in each direction, in milliseconds. It may be raised, not lowered: bytes keep their order. */
  delay = 0
  private readonly wires = new Set<Wire>()
  private readonly holding = new Set<Kind>()
  private readonly planned: Planned[] = []

  private constructor(private readonly server: ReturnType<typeof createServer>) {}

  static async to(port: number): Promise<RedisProxy> {
    const server = createServer()
    const proxy = new RedisProxy(server)
    server.on('connection', (near) => {
      proxy.accept(near, port)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    atEnd(() => {
      proxy.cut()
      server.close()
    })
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** What Redis sends on connections of this kind, those too that are made later, arrives when `release` is called. */
  hold(...kinds: Kind[]): void {
    for (const kind of kinds) this.holding.add(kind)
  }

  /** Ends `hold`: what was held back arrives on connections that are still there. */
  release(): void {
    this.holding.clear()
    for (const wire of this.wires) {
      for (const bytes of wire.held.splice(0)) this.send(wire, wire.near, bytes)
    }
  }

  /** Nothing arrives any more on the connections of this kind that are there now, and nothing says so. */
  silence(kind: Kind): void {
    for (const wire of this.wires) if (wire.kind === kind) wire.isSwallowed = true
  }

  /** Ends the connections of this kind, or all. Bytes on their way are lost. */
  cut(kind?: Kind): void {
    for (const { near, far, kind: own } of this.wires) {
      if (kind !== undefined && kind !== own) continue
      near.destroy()
      far.destroy()
    }
  }

  /**
   * The next request with this text reaches Redis, and this becomes of its answer. The other connections go on, and so
   * do new ones. The promise is kept when Redis has answered.
   */
  fault(text: string, fault: Fault): Promise<void> {
    return new Promise((done) => this.planned.push({ text, fault, done }))
  }

  private accept(near: Socket, port: number): void {
    if (!this.open) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    const wire: Wire = { near, far, kind: 'commands', planned: undefined, isSwallowed: false, held: [] }
    this.wires.add(wire)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined)
      one.on('close', () => {
        this.wires.delete(wire)
        other.destroy()
      })
    }
    near.on('data', (bytes: Buffer) => {
      this.asks(wire, bytes)
    })
    far.on('data', (bytes: Buffer) => {
      this.answers(wire, bytes)
    })
  }

  private asks(wire: Wire, bytes: Buffer): void {
    const text = bytes.toString('latin1')
    if (/\r\nS?SUBSCRIBE\r\n/i.test(text)) wire.kind = 'channels'
    const index = this.planned.findIndex((planned) => text.includes(planned.text))
    if (index >= 0) [wire.planned] = this.planned.splice(index, 1)
    this.send(wire, wire.far, bytes)
  }

  private answers(wire: Wire, bytes: Buffer): void {
    const { planned } = wire
    if (planned) {
      wire.planned = undefined
      wire.isSwallowed = true
      if (planned.fault === 'cut') wire.near.end(bytes.subarray(0, bytes.length >> 1), () => wire.near.destroy())
      planned.done()
      return
    }
    if (wire.isSwallowed) return
    if (this.holding.has(wire.kind)) {
      wire.held.push(bytes)
      return
    }
    this.send(wire, wire.near, bytes)
  }

  private send(wire: Wire, to: Socket, bytes: Buffer): void {
    if (this.delay === 0) {
      to.write(bytes)
      return
    }
    setTimeout(() => {
      if (this.wires.has(wire)) to.write(bytes)
    }, this.delay)
  }
}
