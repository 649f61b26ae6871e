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
  /** Has it a use for a connection? */
  isIn(): boolean
  opened(): void
  received(frame: unknown): void
  closed(): void
}

export interface Socket {
  isOpen(): boolean
  /** Tries it now, where there is no connection. */
  connect(): void
  /** Where there is no connection, it is lost. */
  send(frame: unknown): void
  /** Gives up the present connection and tries again soon; for one that is or may be dead. */
  drop(): void
  /** Ends the connection. */
  stop(): void
}

export function createSocket(url: string, protocol: string, user: SocketUser): Socket {
  let ws: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let paused = false

  const isOpen = () => ws?.readyState === WebSocket.OPEN

  /** Closing a half-open connection can take a minute; nobody waits for it. True where there was one. */
  function stop(): boolean {
    clearTimeout(timer)
    const old = ws
    ws = undefined
    if (!old) return false
    old.onopen = old.onmessage = old.onclose = null
    old.close()
    user.closed()
    return true
  }

  function drop(spread?: boolean): void {
    if (stop()) retryLater(spread)
  }

  function connect(): void {
    if (ws || paused || !user.isIn()) return
    clearTimeout(timer)
    try {
      ws = new WebSocket(url, protocol)
    } catch (error) {
      console.error('loom-live:', error)
      return retryLater()
    }
    timer = setTimeout(drop, CONNECT_MS)
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
    timer = setTimeout(connect, Math.random() * within)
  }

  addEventListener('online', () => {
    // Whatever was under way belongs to the network that is gone.
    if (!isOpen()) stop()
    connect()
  })
  addEventListener('offline', () => drop())
  // A page in the back/forward cache may not hold a connection; and it must not come back with a dead one.
  addEventListener('pagehide', () => {
    paused = true
    stop()
  })
  addEventListener('pageshow', () => {
    paused = false
    connect()
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') connect()
  })

  return {
    isOpen,
    connect,
    send: (frame) => isOpen() && ws?.send(JSON.stringify(frame)),
    drop,
    stop,
  }
}
