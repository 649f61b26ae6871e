/** A client of the classic dialect, without a browser. */

import { WebSocket, type ClientOptions } from 'ws'
import { atEnd } from './cleanup'
import { applyPatch, htmlOf, type WirePatch, type WireTree } from './tree'
import { until, within } from './until'

export type ServerMessage =
  | ({ type: 'trees'; id: string } & WireTree)
  | { type: 'patch'; id: string; d: WirePatch }
  | { type: 'error'; id: string; error: string }
  | { type: 'redirect'; url: string }

/** The answer to a join or an event. */
export type Answer = Exclude<ServerMessage, { type: 'redirect' }>

export interface Vars {
  value?: string
  checked?: boolean
  key?: string
}

interface Waiting {
  join: boolean
  resolve(answer: Answer): void
  reject(error: Error): void
}

export class Client {
  readonly messages: ServerMessage[] = []
  /** Answers that nothing was waiting for. */
  readonly unexpected: Answer[] = []
  pings = 0
  closed: { code: number; reason: string } | undefined
  private readonly waiting = new Map<string, Waiting[]>()
  private readonly trees = new Map<string, WireTree>()

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data, binary) => {
      if (binary) throw new Error('Expected text frames only')
      this.receive(JSON.parse((data as Buffer).toString('utf8')) as ServerMessage)
    })
    socket.on('ping', () => (this.pings += 1))
    socket.on('error', () => undefined)
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      const lost = new Error(`The connection closed with ${code} ${reason.toString()}`)
      for (const waiting of this.waiting.values()) for (const { reject } of waiting.splice(0)) reject(lost)
    })
  }

  /** An open connection. */
  static async open(url: string, options: ClientOptions = {}): Promise<Client> {
    const socket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: false, ...options })
    const client = new Client(socket)
    atEnd(() => {
      socket.terminate()
    })
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    await within('the connection to open', opened)
    return client
  }

  private receive(message: ServerMessage): void {
    this.messages.push(message)
    if (message.type === 'redirect') return
    if (message.type === 'trees') this.trees.set(message.id, { s: message.s, d: message.d })
    if (message.type === 'patch') {
      const tree = this.trees.get(message.id)
      if (tree === undefined) throw new Error(`Expected trees for ${message.id} before a patch`)
      applyPatch(tree, message.d)
    }
    const waiting = this.waiting.get(message.id)
    const first = waiting?.[0]
    // If an event replaces the root, the trees come first, and then the patch that answers the event.
    if (message.type === 'trees' && first?.join === false) return
    if (first === undefined || (first.join && message.type === 'patch')) {
      this.unexpected.push(message)
      return
    }
    waiting?.shift()
    first.resolve(message)
  }

  /** Sends without waiting for anything. */
  send(message: object | string | Buffer): void {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  }

  /** Waits for the component's next answer, after those that are waited for already. `what` is what it answers. */
  answer(id: string, what: string, join = false): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      const waiting = this.waiting.get(id) ?? []
      waiting.push({ join, resolve, reject })
      this.waiting.set(id, waiting)
    })
    // A test that waits for several answers may end at the first failure. The others are no unhandled rejections then.
    answer.catch(() => undefined)
    return within(`an answer to ${what}`, answer)
  }

  private ask(id: string, join: boolean, message: object): Promise<Answer> {
    const answer = this.answer(id, JSON.stringify(message).slice(0, 200), join)
    this.send(message)
    return answer
  }

  join(id: string, module: string, token: string): Promise<Answer> {
    return this.ask(id, true, { type: 'join', id, module, token })
  }

  /** Joins, and fails if the join is refused. Gives the HTML that the component shows. */
  async joined(id: string, module: string, token: string): Promise<string> {
    const answer = await this.join(id, module, token)
    if (answer.type !== 'trees') throw new Error(`Expected trees but received ${JSON.stringify(answer)}`)
    return this.html(id)
  }

  event(id: string, handler: string, vars: Vars = {}, event = 'click'): Promise<Answer> {
    return this.ask(id, false, { type: 'event', id, handler, event, special_vars: vars })
  }

  /** Sends an event, and fails if the event fails. Gives the HTML that the component shows then. */
  async shows(id: string, handler: string, vars?: Vars): Promise<string> {
    const answer = await this.event(id, handler, vars)
    if (answer.type !== 'patch') throw new Error(`Expected a patch but received ${JSON.stringify(answer)}`)
    return this.html(id)
  }

  /** Sends an event that must fail, and gives the error's text. */
  async fails(id: string, handler: string, vars?: Vars): Promise<string> {
    const answer = await this.event(id, handler, vars)
    if (answer.type !== 'error') throw new Error(`Expected an error but received ${JSON.stringify(answer)}`)
    return answer.error
  }

  leave(id: string): void {
    for (const { reject } of this.waiting.get(id)?.splice(0) ?? []) reject(new Error(`${id} has left`))
    this.send({ type: 'leave', id })
  }

  /** The HTML that the component shows now. */
  html(id: string): string {
    const tree = this.trees.get(id)
    if (tree === undefined) throw new Error(`Expected trees for ${id}`)
    return htmlOf(tree)
  }

  /** The code that the connection is closed with. */
  closeCode(): Promise<number> {
    return until('the connection to close', () => this.closed?.code)
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closeCode()
  }

  /** Drops the connection without a close frame, as a network does. */
  drop(): void {
    this.socket.terminate()
  }

  /** Writes bytes past the WebSocket library. */
  write(bytes: Buffer): void {
    underlying(this.socket).write(bytes)
  }

  /** Stops reading. What the server sends from now on waits at the server. */
  stopReading(): void {
    underlying(this.socket).pause()
  }

  readOn(): void {
    underlying(this.socket).resume()
  }
}

/** The TCP socket of a WebSocket, which is missing in the types of `ws`. */
function underlying(socket: WebSocket): import('node:net').Socket {
  return (socket as unknown as { _socket: import('node:net').Socket })._socket
}

/** A client's frame. Its header may say another size than the payload has. */
export function frame(payload: Buffer, { opcode = 1, fin = true, size = payload.length, reserved = 0 } = {}): Buffer {
  const header =
    size < 126
      ? Buffer.from([0, 0x80 | size])
      : size < 65_536
        ? Buffer.from([0, 0x80 | 126, size >> 8, size & 255])
        : Buffer.concat([Buffer.from([0, 0x80 | 127, 0, 0, 0, 0]), uint32(size)])
  header[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  // The mask is zero, which leaves the payload unchanged.
  return Buffer.concat([header, Buffer.alloc(4), payload])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
