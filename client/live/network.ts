/**
 * In development this stands before the client, in the same file: devtools, in another tab, simulate a slow network,
 * and cut the connections. Tabs hear of each other by their storage.
 */

const LATENCY = 'loom.latency'
const CUT = 'loom.cut'
const LONGEST_MS = 10_000

let latency = 0
const sockets = new Set<SlowSocket>()

function read(): void {
  try {
    latency = Math.min(LONGEST_MS, Math.max(0, Number(localStorage.getItem(LATENCY)) || 0))
  } catch {
    // A page that may not read a storage gets no simulated latency.
  }
}

/** Delays each act by half of the latency, and keeps the acts in their order. */
function delayer(): (act: () => void) => void {
  let last = 0
  return (act) => {
    const now = performance.now()
    last = Math.max(last, now + latency / 2)
    if (last <= now) act()
    else setTimeout(act, last - now)
  }
}

/** A WebSocket whose messages take their time: half of the latency there, and half back. */
export class SlowSocket extends globalThis.WebSocket {
  private readonly there = delayer()
  private readonly back = delayer()
  private listener: ((event: MessageEvent) => unknown) | null = null

  constructor(url: string, protocol: string) {
    super(url, protocol)
    sockets.add(this)
    super.addEventListener('close', () => sockets.delete(this))
    super.addEventListener('message', (event) => this.back(() => this.listener?.(event)))
  }

  override send(data: string): void {
    this.there(() => {
      if (this.readyState === SlowSocket.OPEN) super.send(data)
    })
  }

  override get onmessage(): ((event: MessageEvent) => unknown) | null {
    return this.listener
  }

  override set onmessage(listener: ((event: MessageEvent) => unknown) | null) {
    this.listener = listener
  }
}

read()
addEventListener('storage', ({ key }) => {
  if (key === LATENCY) read()
  if (key === CUT) for (const socket of sockets) socket.close()
})
