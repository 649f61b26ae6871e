/**
 * One WebSocket that comes back: exponential backoff with full jitter, without end, and at once when the page has
 * reason to believe that it would work now. It knows frames, not what they mean.
 */

const BASE_MS = 200
const CAP_MS = 10_000
/** A network that swallows packets would keep a browser connecting for minutes. */
const CONNECT_MS = 15_000

export interface SocketUser {
  opened(): void
  received(frame: unknown): void
  closed(): void
}

export class Socket {
  private ws: WebSocket | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private failures = 0
  private paused = false
  private readonly end = new AbortController()

  constructor(
    private readonly url: string,
    private readonly protocols: string[],
    private readonly user: SocketUser,
  ) {
    const { signal } = this.end
    // Whatever was under way belongs to the network that is gone.
    addEventListener('online', () => (this.isOpen() ? undefined : this.restart()), { signal })
    addEventListener('offline', () => this.drop(), { signal })
    // A page in the back/forward cache may not hold a connection; and it must not come back with a dead one.
    addEventListener('pagehide', () => this.pause(), { signal })
    addEventListener('pageshow', () => this.resume(), { signal })
    document.addEventListener(
      'visibilitychange',
      () => {
        if (document.visibilityState === 'visible') this.connect()
      },
      { signal },
    )
    this.connect()
  }

  isOpen(): boolean {
    return this.ws?.readyState === WebSocket.OPEN
  }

  send(frame: string): void {
    this.ws?.send(frame)
  }

  /** Gives up the present connection and tries again soon; for one that is or may be dead. */
  drop(): void {
    if (!this.detach()) return
    this.user.closed()
    this.retryLater()
  }

  stop(): void {
    this.end.abort()
    this.paused = true
    clearTimeout(this.timer)
    this.detach()
  }

  private pause(): void {
    this.paused = true
    clearTimeout(this.timer)
    if (this.detach()) this.user.closed()
  }

  private resume(): void {
    this.paused = false
    this.connect()
  }

  private restart(): void {
    this.detach()
    this.connect()
  }

  private connect(): void {
    if (this.ws || this.paused) return
    clearTimeout(this.timer)
    let ws: WebSocket
    try {
      ws = new WebSocket(this.url, this.protocols)
    } catch (error) {
      console.error('loom-live:', error)
      this.user.closed()
      return this.retryLater()
    }
    this.ws = ws
    this.timer = setTimeout(() => this.drop(), CONNECT_MS)
    ws.onopen = () => {
      clearTimeout(this.timer)
      this.user.opened()
    }
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      // Not on `open`: a server that accepts and closes at once would be hammered.
      this.failures = 0
      this.user.received(data)
    }
    ws.onclose = () => this.drop()
  }

  /** Closing a half-open connection can take a minute; nobody waits for it. */
  private detach(): boolean {
    const { ws } = this
    if (!ws) return false
    ws.onopen = ws.onmessage = ws.onclose = null
    ws.close()
    this.ws = undefined
    return true
  }

  private retryLater(): void {
    clearTimeout(this.timer)
    if (this.paused) return
    const most = Math.min(CAP_MS, BASE_MS * 2 ** this.failures++)
    this.timer = setTimeout(() => this.connect(), Math.random() * most)
  }
}
