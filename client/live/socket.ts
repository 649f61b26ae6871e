/**
 * One WebSocket that comes back: exponential backoff with full jitter, without end, and at once when the page has
 * reason to believe that it would work now. A socket knows frames, and not their meaning.
 */

import { announce } from './announce'
import { own, root } from '../dom/elements'

const BASE_MS = 200
const CAP_MS = 10_000
/**
 * A server that restarts says within what time its pages are to come back, spread evenly. This is the most, and the
 * time if the server says none.
 */
const SPREAD_MS = 10_000
const RESTARTING = 1012
const OVERLOADED = 1013
/** If a connection is closed with one of these, the page or the server is at fault, and will be so again. */
const FAULTS = /^10(0[237-9]|11)$/
/** A network that swallows packets would keep a browser connecting for minutes. A server's first word comes at once. */
const CONNECT_MS = 15_000

/** Does the user see the page? */
export const isVisible = () => own.visibilityState(document) === 'visible'

export interface SocketUser {
  /** Does the user need a connection? */
  isIn(): boolean
  /** Does anybody wait for the next connection? */
  isWaiting(): boolean
  opened(): void
  received(frame: unknown): void
  closed(): void
  /** The page was hidden, or is seen again. */
  showed(): void
  /** The connection was closed for a fault, which will come again. With an action, the fault has come again. */
  refused(code: number, action?: string): void
}

export interface Socket {
  isOpen(): boolean
  /** Connects now, if there is no connection. */
  connect(): void
  /** Connects now, since somebody waits: also if a restarting server has asked for more time. */
  hurry(): void
  /** Without a connection the frame is lost. */
  send(frame: string): void
  /** Gives up the present connection, which is or may be dead, and tries again soon. */
  drop(): void
  /** Ends the connection. */
  stop(): void
}

export function createSocket(url: string, protocol: string, user: SocketUser): Socket {
  let ws: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let faults = 0
  let openedAt = 0
  let paused = false

  const isOpen = () => ws?.readyState === WebSocket.OPEN

  /** Does not wait for the close: of a half-open connection it can take a minute. True if there was a connection. */
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

  function drop(within?: number): void {
    if (stop()) retryLater(within)
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
      openedAt = performance.now()
      user.opened()
    }
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      clearTimeout(timer)
      // Not on `open`: a server that accepts and closes at once would be hammered.
      failures = faults
      user.received(data)
    }
    ws.onclose = ({ code, reason }) => {
      // This connection has held, so the faults before it no longer count.
      if (performance.now() - openedAt > CAP_MS) failures = faults = 0
      if (FAULTS.test(`${code}`)) user.refused(code, faults++ ? 'reload' : undefined)
      // Counts as a failure, so that `hurry` does not come back to an overloaded server earlier.
      if (code === OVERLOADED) failures++
      drop([RESTARTING, OVERLOADED].includes(code) ? (reason && +reason <= SPREAD_MS ? +reason : SPREAD_MS) : undefined)
      if (user.isWaiting()) hurry()
    }
  }

  /** Connects now if nothing has failed: then only the time that a server has asked for is in the way. */
  function hurry(): void {
    if (!failures) connect()
  }

  function retryLater(within = Math.min(CAP_MS, BASE_MS * 2 ** failures++)): void {
    const wait = Math.random() * within
    timer = setTimeout(connect, wait)
    announce(root, 'loom:retry', { 'wait': wait })
  }

  // The network is back, or the user does not want to wait.
  for (const type of ['online', 'loom:connect'])
    addEventListener(type, () => {
      // A connection that was being made belongs to the network that is gone.
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
  own.addEventListener(document, 'visibilitychange', () => {
    if (isVisible()) connect()
    user.showed()
  })

  return {
    isOpen,
    connect,
    hurry,
    send: (frame) => isOpen() && ws?.send(frame),
    drop,
    stop,
  }
}
