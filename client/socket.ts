/**
 * One WebSocket that comes back: exponential backoff with full jitter, without end, and at once when the page has
 * reason to believe that it would work now. It knows frames, not what they mean.
 */

const BASE_MS = 200
const CAP_MS = 10_000
/** A server that restarts is returned to within this time, by all its pages evenly. */
const SPREAD_MS = 10_000
const RESTARTING = 1012
const OVERLOADED = 1013
/** A network that swallows packets would keep a browser connecting for minutes. */
const CONNECT_MS = 15_000

export interface SocketUser {
  opened(): void
  received(frame: unknown): void
  closed(): void
}

export interface Socket {
  isOpen(): boolean
  send(frame: unknown): void
  /** Gives up the present connection and tries again soon; for one that is or may be dead. */
  drop(): void
  stop(): void
}

export function createSocket(url: string, protocol: string, user: SocketUser): Socket {
  let ws: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let paused = false
  const end = new AbortController()

  const isOpen = () => ws?.readyState === WebSocket.OPEN

  /** Closing a half-open connection can take a minute; nobody waits for it. */
  function detach(): boolean {
    clearTimeout(timer)
    const old = ws
    ws = undefined
    if (!old) return false
    old.onopen = old.onmessage = old.onclose = null
    old.close()
    return true
  }

  function drop(spread?: boolean): void {
    if (!detach()) return
    user.closed()
    retryLater(spread)
  }

  function connect(): void {
    if (ws || paused) return
    clearTimeout(timer)
    try {
      ws = new WebSocket(url, protocol)
    } catch (error) {
      console.error('loom-live:', error)
      return retryLater()
    }
    timer = setTimeout(() => drop(), CONNECT_MS)
    ws.onopen = () => {
      clearTimeout(timer)
      user.opened()
    }
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      // Not on `open`: a server that accepts and closes at once would be hammered.
      failures = 0
      user.received(data)
    }
    ws.onclose = ({ code }) => drop([RESTARTING, OVERLOADED].includes(code))
  }

  function retryLater(spread?: boolean): void {
    const within = spread ? SPREAD_MS : Math.min(CAP_MS, BASE_MS * 2 ** failures++)
    if (!paused) timer = setTimeout(connect, Math.random() * within)
  }

  function on(target: EventTarget, type: string, listener: () => void): void {
    target.addEventListener(type, listener, { signal: end.signal })
  }

  on(window, 'online', () => {
    // Whatever was under way belongs to the network that is gone.
    if (!isOpen()) detach()
    connect()
  })
  on(window, 'offline', () => drop())
  // A page in the back/forward cache may not hold a connection; and it must not come back with a dead one.
  on(window, 'pagehide', () => {
    paused = true
    if (detach()) user.closed()
  })
  on(window, 'pageshow', () => {
    paused = false
    connect()
  })
  on(document, 'visibilitychange', () => {
    if (document.visibilityState === 'visible') connect()
  })
  connect()

  return {
    isOpen,
    send: (frame) => ws?.send(JSON.stringify(frame)),
    drop: () => drop(),
    stop() {
      end.abort()
      paused = true
      detach()
    },
  }
}
