/** For how long joins run before events that have come meanwhile get their turn, in milliseconds. */
const SLICE_MS = 2

/**
 * Joins that wait for their render, in their order. A render of a whole page can take a thousand times as long as an
 * event, and joins come in storms: so they run behind all events, and a few at a time.
 */
export class Joins {
  private readonly waiting = new Map<number, () => void>()

  get isEmpty(): boolean {
    return this.waiting.size === 0
  }

  add(call: number, join: () => void): void {
    this.waiting.set(call, join)
  }

  /** Nobody waits for it any more. */
  drop(call: number): void {
    this.waiting.delete(call)
  }

  /** Runs one at least. What a join throws is `failed`'s to tell. */
  run(failed: (error: unknown) => void): void {
    const end = performance.now() + SLICE_MS
    for (const [call, join] of this.waiting) {
      this.waiting.delete(call)
      try {
        join()
      } catch (error) {
        failed(error)
      }
      if (performance.now() >= end) return
    }
  }
}
