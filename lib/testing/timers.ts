/**
 * The timers of a page's client, on a clock that runs as the real one does, and that a test can move forward. They are
 * Node's own: a test runner's fake timers do not reach them.
 */

import { clearTimeout, setTimeout } from 'node:timers'
import { performance } from 'node:perf_hooks'

/** What runs within this time is a part of what has just happened; what waits longer, waits for something. */
const SOON_MS = 5

/** How often what repeats runs, at least. */
const ROUND_MS = 10

interface Timer {
  readonly due: number
  readonly run: () => void
  readonly isSoon: boolean
  readonly handle: NodeJS.Timeout
}

export class Timers {
  private readonly waiting = new Map<number, Timer>()
  private readonly repeating = new Map<number, NodeJS.Timeout>()
  private last = 0
  private ahead = 0

  /** Milliseconds, as `performance.now()` gives them. */
  readonly now = (): number => performance.now() + this.ahead

  readonly set = (work: (...given: unknown[]) => void, ms: unknown = 0, ...given: unknown[]): number => {
    const id = ++this.last
    // As in browsers: what is no number, or too large for one, is not waited for.
    const wait = typeof ms === 'number' && ms > 0 ? Math.min(ms, 2 ** 31 - 1) : 0
    const run = (): void => {
      this.waiting.delete(id)
      work(...given)
    }
    const handle = setTimeout(run, wait)
    handle.unref()
    this.waiting.set(id, { due: this.now() + wait, run, isSoon: wait <= SOON_MS, handle })
    return id
  }

  readonly clear = (id: unknown): void => {
    clearTimeout(this.repeating.get(id as number))
    this.repeating.delete(id as number)
    const timer = this.waiting.get(id as number)
    if (timer === undefined) return
    clearTimeout(timer.handle)
    this.waiting.delete(id as number)
  }

  /** How often a repeated timer has run, of all. */
  rounds = 0

  /** What repeats looks what has become of something: here, more often than in a browser. */
  readonly repeat = (work: () => void, ms: number): number => {
    const id = ++this.last
    const round = (): void => {
      this.rounds++
      this.repeating.set(id, setTimeout(round, Math.min(ms, ROUND_MS)))
      work()
    }
    this.repeating.set(id, setTimeout(round, Math.min(ms, ROUND_MS)))
    return id
  }

  get repeats(): boolean {
    return this.repeating.size > 0
  }

  /** Whether something is about to run that belongs to what has just happened. */
  get isBusy(): boolean {
    return [...this.waiting.values()].some(({ isSoon }) => isSoon)
  }

  /** Moves the clock, and runs what is due by then, in its order. */
  advance(ms: number): void {
    const end = this.now() + ms
    for (;;) {
      const due = [...this.waiting.values()].filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)
      const [next] = due
      if (next === undefined) break
      this.ahead += Math.max(0, next.due - this.now())
      clearTimeout(next.handle)
      next.run()
    }
    this.ahead += Math.max(0, end - this.now())
  }

  end(): void {
    for (const { handle } of this.waiting.values()) clearTimeout(handle)
    for (const handle of this.repeating.values()) clearTimeout(handle)
    this.waiting.clear()
    this.repeating.clear()
  }
}
