/**
 * The timers of a page's client, on a clock that runs as the real one does, and that a test can move forward. They are
 * Node's own: a test runner's fake timers do not reach them.
 */

import { clearTimeout, setTimeout } from 'node:timers'
import { performance } from 'node:perf_hooks'

/** A timer within this time belongs to what is happening now; a longer one waits for something else. */
const SOON_MS = 5

/** A repeating timer runs at least this often. */
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
    // As in browsers, a delay that is no number, or below 0, is 0.
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

  /** How often repeating timers have run, all together. */
  rounds = 0

  /** A repeating timer of the client checks a progress: here it runs more often than in a browser. */
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

  /** Whether a timer is about to run that belongs to what is happening now. */
  get isBusy(): boolean {
    return [...this.waiting.values()].some(({ isSoon }) => isSoon)
  }

  /** Moves the clock, and runs the timers that are due by then, in their order. */
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
