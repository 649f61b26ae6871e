/** A proxy between a page and its server: a network that can be slow, and can be cut. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { atEnd } from './cleanup'

export class Proxy {
  private readonly sockets = new Set<Socket>()
  /** While this is false, new connections are closed at once. */
  open = true
  cuts = 0

  private constructor(readonly server: ReturnType<typeof createServer>) {}

  /** `latency`: how many milliseconds everything takes, there as well as back. */
  static async to(port: number, { latency = 0 } = {}): Promise<Proxy> {
    const proxy: Proxy = new Proxy(
      createServer((near) => {
        if (!proxy.open) {
          near.destroy()
          return
        }
        const far = connect(port, '127.0.0.1')
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          proxy.sockets.add(one)
          one.on('error', () => undefined)
          one.on('close', () => {
            proxy.sockets.delete(one)
            after(latency, () => other.destroy())
          })
          if (latency === 0) {
            one.pipe(other)
            continue
          }
          one.on('data', (bytes: Buffer) => after(latency, () => other.write(bytes)))
          one.on('end', () => after(latency, () => other.end()))
        }
      }),
    )
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve))
    atEnd(() => {
      proxy.cut()
      proxy.server.close()
    })
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Ends all connections without a close frame; bytes on their way are lost. */
  cut(): void {
    this.cuts += 1
    for (const socket of this.sockets) socket.destroy()
  }
}

/** What is done later by the same time is done in the same order. */
function after(ms: number, then: () => void): void {
  if (ms === 0) then()
  else setTimeout(then, ms)
}
