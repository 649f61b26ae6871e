import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Loom } from '../../index'
import { type CompactRequest, liveRequest } from '../call/context'
import { textOf } from '../errors'
import type { NativeLoom } from '../native'
import { refuseUpgrade } from './response'
import type { Log } from '../telemetry/log'

type Filter = Parameters<Loom['disconnect']>[0]

/** The result of `bind` for a connection, and the parts of its request that are kept. */
export interface Binding {
  compact: CompactRequest
  bind: string
}

/** How often it is logged that upgrades were given up, in milliseconds. */
const LOG_EVERY = 60_000

/** How many calls of `disconnect` are remembered. With one more, all waiting upgrades are refused instead. */
const MAX_FILTERS = 1000

/** The longest time that a timer of JavaScript can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1

interface Waiting {
  readonly number: number
  readonly socket: Duplex
  readonly address: string
  readonly timer: NodeJS.Timeout
  readonly stopWatching: () => void
  /** How many filters there were when this upgrade began to wait. Later ones may mean it. */
  readonly from: number
}

/**
 * Calls `left` when the client leaves. A socket notices that only while it is read, so it is read here. The bytes stay
 * in its buffer, for the code that gets the socket later. Returns a function that stops watching.
 */
function watch(socket: Duplex, left: () => void): () => void {
  const readOn = (): void => {
    // If the client has ended its side, this makes the socket emit `end`.
    if (socket.readableLength === 0) socket.read()
  }
  const gone = (): void => {
    socket.destroy()
  }
  socket.on('readable', readOn).once('end', gone).once('close', left)
  return () => {
    socket.off('readable', readOn).off('end', gone).off('close', left)
  }
}

/**
 * Upgrades that wait for the application: for async middleware, hooks or `bind`. Each counts as a connection of its
 * address, has a deadline, and is found by `disconnect`. While an upgrade waits, it may not be known whose it is, so
 * calls of `disconnect` are remembered and checked when the upgrade is done.
 */
export class PendingUpgrades {
  private readonly waiting = new Map<number, Waiting>()
  /** The calls of `disconnect` since an upgrade began to wait. Emptied when no upgrade waits. */
  private filters: Filter[] = []
  /** The number of the last upgrade. Rust counts a waiting upgrade by its number. */
  private lastNumber = 0
  /** When it was last logged that an upgrade was given up. */
  private loggedAt = -Infinity

  constructor(
    private readonly native: NativeLoom,
    private readonly time: number,
    private readonly log: Log,
  ) {}

  /** Calls `done` with the result of `passing`, unless the upgrade has been given up by then. */
  wait(
    request: IncomingMessage,
    socket: Duplex,
    address: string,
    passing: Promise<Binding | false>,
    done: (binding: Binding) => void,
    fail: (error: unknown) => void,
  ): void {
    const number = (this.lastNumber = (this.lastNumber + 1) % 2 ** 32)
    if (!this.native.pend(number, address)) {
      // The upgrade is refused, so an error of the application here is of no interest.
      passing.catch(() => undefined)
      refuseUpgrade(socket, '503 Service Unavailable', 'Retry-After: 1\r\n')
      return
    }
    const timer = setTimeout(
      () => {
        this.giveUp(number)
        this.sayLate(request)
      },
      Math.min(this.time, LONGEST),
    )
    timer.unref()
    const stopWatching = watch(socket, () => this.end(number))
    this.waiting.set(number, { number, socket, address, timer, stopWatching, from: this.filters.length })
    passing
      .then(
        (binding) => {
          const filters = this.filters
          const waiting = this.end(number)
          if (waiting === undefined || binding === false) return
          if (filters.slice(waiting.from).some((filter) => this.isMeant(filter, binding))) this.refuse(socket)
          else done(binding)
        },
        (error: unknown) => {
          if (this.end(number) !== undefined) fail(error)
        },
      )
      .catch(fail)
  }

  /** Refuses the upgrades that `filter` means, as far as their users are known now. Returns how many these are. */
  disconnect(filter: Filter): number {
    if (this.waiting.size === 0) return 0
    if (this.filters.length >= MAX_FILTERS) return this.clear()
    this.filters.push(filter)
    if (typeof filter === 'function' || filter.address === undefined || filter.bind !== undefined) return 0
    const meant = [...this.waiting.values()].filter(({ address }) => address === filter.address)
    for (const { number } of meant) this.giveUp(number)
    return meant.length
  }

  /** Refuses all upgrades. Returns how many there were. */
  clear(): number {
    const numbers = [...this.waiting.keys()]
    for (const number of numbers) this.giveUp(number)
    return numbers.length
  }

  private isMeant(filter: Filter, { bind, compact }: Binding): boolean {
    const { address } = compact
    if (typeof filter !== 'function') {
      if (filter.bind === undefined && filter.address === undefined) return false
      return (filter.bind ?? bind) === bind && (filter.address ?? address) === address
    }
    try {
      return filter({ bind, address, request: liveRequest(JSON.stringify(compact)) })
    } catch (error) {
      // Refused to be safe: the filter may have meant this connection.
      this.log.write(
        'error',
        'LOOM_CALLBACK',
        `the filter of loom.disconnect has thrown, so a WebSocket upgrade that was under way is refused: ${textOf(error)}`,
      )
      return true
    }
  }

  private refuse(socket: Duplex): void {
    refuseUpgrade(socket, '503 Service Unavailable', 'Retry-After: 1\r\n')
  }

  private giveUp(number: number): void {
    const waiting = this.end(number)
    if (waiting !== undefined) this.refuse(waiting.socket)
  }

  /** Stops waiting for an upgrade; `undefined` if it was ended before. */
  private end(number: number): Waiting | undefined {
    const waiting = this.waiting.get(number)
    if (waiting === undefined) return undefined
    this.waiting.delete(number)
    clearTimeout(waiting.timer)
    waiting.stopWatching()
    this.native.settle(number)
    // The filters are about waiting upgrades only.
    if (this.waiting.size === 0) this.filters = []
    return waiting
  }

  private sayLate({ url }: IncomingMessage): void {
    const now = performance.now()
    if (now - this.loggedAt < LOG_EVERY) return
    this.loggedAt = now
    this.log.write(
      'error',
      'LOOM_UPGRADE',
      `the WebSocket upgrade of ${JSON.stringify((url ?? '').slice(0, 200))} was given up after ${this.time} ms ` +
        '(limits.upgradeTime): the middleware, a hook or the option bind did not finish. Further upgrades that are given up ' +
        'are not logged for a minute',
    )
  }
}
