// A client of the classic dialect on a bare socket: it needs no library, so that it runs under every runtime, and
// tells what a server answers, whatever that is.

import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Far beyond what anything takes, so that a busy machine fails no check. */
const PATIENCE = 15_000

export async function within(what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Expected ${what} within ${PATIENCE} ms`)), PATIENCE)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** A connection, and what has come on it. */
export class Wire {
  received = Buffer.alloc(0)
  ended = false
  #changed = () => {}

  constructor(socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
      this.#changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.#changed()
    })
  }

  static async to(port, secure = false) {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false }
    const socket = secure ? connectTls(options) : connectTcp(options)
    const wire = new Wire(socket)
    await within(
      'a connection',
      new Promise((resolve, reject) => {
        socket.once(secure ? 'secureConnect' : 'connect', resolve)
        socket.once('error', reject)
      }),
    )
    return wire
  }

  async until(what, look) {
    const found = async () => {
      for (;;) {
        const value = look()
        if (value !== undefined) return value
        if (this.ended)
          throw new Error(
            `Expected ${what}, but the server closed after ${JSON.stringify(this.received.toString('latin1'))}`,
          )
        await new Promise((resolve) => {
          this.#changed = resolve
        })
      }
    }
    return within(what, found())
  }

  /** The next answer's head, with its body where that has a length. */
  answer() {
    return this.until('an answer', () => {
      const text = this.received.toString('latin1')
      const end = text.indexOf('\r\n\r\n') + 4
      if (end < 4) return undefined
      const head = text.slice(0, end)
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
      if (text.length < end + length) return undefined
      this.received = this.received.subarray(end + length)
      return head + text.slice(end, end + length)
    })
  }

  ask(text) {
    this.socket.write(text)
    return this.answer()
  }

  /** Becomes a WebSocket; gives the answer's first line. */
  async upgrade(path, headers = '') {
    const answer = await this.ask(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${HANDSHAKE}${headers}\r\n`)
    return answer.split('\r\n', 1)[0]
  }

  send(message) {
    const payload = Buffer.from(JSON.stringify(message))
    const size = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255]
    // A mask of zeros leaves the payload as it is.
    this.socket.write(Buffer.concat([Buffer.from([0x81, ...size, 0, 0, 0, 0]), payload]))
  }

  /** The next text message. */
  message() {
    return this.until('a message', () => {
      const { received } = this
      if (received.length < 2) return undefined
      let [at, length] = [2, received[1] & 127]
      if (length === 126) {
        if (received.length < 4) return undefined
        ;[at, length] = [4, received.readUInt16BE(2)]
      }
      if (received.length < at + length) return undefined
      const payload = received.subarray(at, at + length)
      this.received = received.subarray(at + length)
      if ((received[0] & 15) !== 1)
        throw new Error(`Expected text, but received a frame of kind ${received[0] & 15}: ${payload.toString()}`)
      return payload.toString()
    })
  }

  end() {
    this.socket.destroy()
  }
}

/** Joins and clicks on a counter: throws unless that works. */
export async function click(wire, token, from = 0) {
  wire.send({ type: 'join', id: 'c0', module: 'counter', token })
  const trees = JSON.parse(await wire.message())
  if (trees.type !== 'trees' || trees.d[0] !== String(from))
    throw new Error(`Expected the counter's tree, but received ${JSON.stringify(trees)}`)
  wire.send({ type: 'event', id: 'c0', handler: 'increment', event: 'click', special_vars: {} })
  const patch = JSON.parse(await wire.message())
  if (patch.type !== 'patch' || patch.d['0'] !== String(from + 1))
    throw new Error(`Expected a patch, but received ${JSON.stringify(patch)}`)
}

export const tokenIn = (page) => /data-l-token="([^"]+)"/.exec(page)[1]
