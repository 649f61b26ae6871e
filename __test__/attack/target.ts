/** A server in a process of its own, and raw connections to it. All on loopback. */

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'

/** What the server says of itself. */
export interface Sample {
  rss: number
  lines: number
  bytes: number
  connections: number
  components: number
  parked: number
  queuedEvents: number
  tasks: number
  /** How many messages were published to the topic of `hears` and `board`. */
  published: number
}

export type Tokens = Record<'counter' | 'asks' | 'table' | 'hears' | 'room' | 'board', string>

export class Target {
  readonly samples: Sample[] = []
  private waiting: ((sample: Sample) => void)[] = []
  private timer: NodeJS.Timeout | undefined

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    child.on('message', (sample: Sample) => {
      this.samples.push(sample)
      this.waiting.splice(0).forEach((resolve) => {
        resolve(sample)
      })
    })
    this.timer = setInterval(() => child.send('sample'), 100)
  }

  static async start(root: string, limits: Record<string, number>, publishes = 0): Promise<Target> {
    const own = { ATTACK_LIMITS: JSON.stringify(limits), ATTACK_PUBLISHES: String(publishes) }
    const env = { ...process.env, NODE_ENV: 'production', ...own }
    const child = fork(join(root, '__test__/attack/server.mjs'), { env })
    const { port } = await new Promise<{ port: number }>((resolve, reject) => {
      child.once('message', resolve as (message: unknown) => void)
      child.once('exit', (code) => {
        reject(new Error(`The server ended with ${code}`))
      })
    })
    child.removeAllListeners('exit')
    return new Target(child, port)
  }

  sample(): Promise<Sample> {
    const sampled = new Promise<Sample>((resolve) => this.waiting.push(resolve))
    this.child.send('sample')
    return sampled
  }

  tokens(): Promise<Tokens> {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: this.port }, (response) => {
        let text = ''
        response.on('data', (part: Buffer) => (text += part.toString()))
        response.on('end', () => {
          resolve(JSON.parse(text) as Tokens)
        })
      }).on('error', reject)
    })
  }

  open(address: string): Promise<Raw> {
    return open(this.port, address)
  }

  end(): void {
    clearInterval(this.timer)
    this.child.disconnect()
  }
}

/** An open connection that seems to come from this address. It is not read from before it is told to. */
export async function open(port: number, address: string): Promise<Raw> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(
    `GET /loom/ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `X-Forwarded-For: ${address}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: loom.2\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  await new Promise((resolve) => {
    socket.once('readable', resolve)
    socket.once('close', resolve)
  })
  return new Raw(socket)
}

/** A masked frame; with `size`, a promise of more than there is. */
export function frame(opcode: number, payload: Buffer | string, size?: number): Buffer {
  const bytes = Buffer.from(payload)
  const length = size ?? bytes.length
  const head = length < 126 ? Buffer.alloc(6) : length < 65_536 ? Buffer.alloc(8) : Buffer.alloc(14)
  head[0] = 0x80 | opcode
  if (length < 126) head[1] = 0x80 | length
  else if (length < 65_536) {
    head[1] = 0xfe
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 0xff
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, bytes])
}

export class Raw {
  closed = false
  /** What the server said, as far as it was read. */
  text = ''
  code: number | undefined

  constructor(readonly socket: Socket) {
    socket.on('close', () => (this.closed = true))
  }

  /** Reads from now on. */
  read(keep = 1 << 16): this {
    this.socket.on('data', (part: Buffer) => {
      const at = part.lastIndexOf(0x88)
      if (at >= 0 && part.length >= at + 4) this.code = part.readUInt16BE(at + 2)
      this.text = (this.text + part.toString('latin1')).slice(-keep)
    })
    return this
  }

  /** Writes until the server takes no more, for so many bytes or milliseconds at most; gives how many it took. */
  async flood(bytes: Buffer, most: number, milliseconds: number): Promise<number> {
    const end = Date.now() + milliseconds
    const { socket } = this
    while (!this.closed && Date.now() < end && socket.bytesWritten < most) {
      if (!socket.write(bytes)) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            clearTimeout(timer)
            socket.off('drain', done).off('close', done)
            resolve()
          }
          const timer = setTimeout(done, Math.max(0, end - Date.now()))
          socket.once('drain', done).once('close', done)
        })
      }
    }
    return socket.bytesWritten - socket.writableLength
  }

  send(message: unknown): void {
    this.socket.write(frame(1, JSON.stringify(message)))
  }
}
