import type { Duplex } from 'node:stream'
import type { NativeLoom, NativeUpgrade } from '../native'

/** How long a connection that has ended may take to send its last bytes, in milliseconds. */
const LINGER_MS = 2000

/** Carries the bytes of sockets that cannot be handed over: TLS, and platforms without descriptors. */
export class Relays {
  /** The sockets by relay number. */
  private readonly sockets = new Map<number, Duplex>()
  private lastNumber = 0

  constructor(private readonly native: NativeLoom) {}

  accept(socket: Duplex, head: Buffer, upgrade: NativeUpgrade): void {
    const { native } = this
    const number = ++this.lastNumber
    this.sockets.set(number, socket)
    native.acceptRelay(number, head, upgrade)
    socket
      .on('data', (chunk: Buffer) => {
        if (!native.relayPush(number, chunk)) socket.pause()
      })
      .on('end', () => {
        native.relayEnd(number)
      })
      .on('close', () => {
        this.sockets.delete(number)
        native.relayDestroy(number)
      })
    socket.resume()
  }

  /** Called when Rust has output for a socket, or (`resume`) has room for its input again. */
  signal(number: number, resume: boolean): void {
    const socket = this.sockets.get(number)
    if (socket === undefined) return
    if (resume) {
      socket.resume()
      return
    }
    const output = this.native.relayPull(number)
    if (output === null) return
    const { bytes, ended, gone } = output
    if (bytes.length > 0) {
      socket.write(bytes, () => {
        this.native.relayWritten(number, bytes.length)
      })
    }
    if (ended) socket.end()
    if (gone) {
      // A client that reads nothing would otherwise keep the socket open for ever.
      const late = setTimeout(() => socket.destroy(), LINGER_MS)
      late.unref()
      socket.once('close', () => {
        clearTimeout(late)
      })
      socket.once('finish', () => socket.destroy())
      if (socket.writableFinished) socket.destroy()
    }
  }
}
