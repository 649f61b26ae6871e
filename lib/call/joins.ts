/** How long joins run before events that have come meanwhile are handled, in milliseconds. */
const SLICE_MS = 2

/**
 * Joins that wait to be run, in the order in which they came, by call number. A join's render can take a thousand times
 * as long as an event, and joins come in storms. So joins run after all events, and a few at a time.
 */
export class Joins {
  private readonly waiting = new Map<number, () => void>()

  get isEmpty(): boolean {
    return this.waiting.size === 0
  }

  add(call: number, join: () => void): void {
    this.waiting.set(call, join)
  }

  /** Takes out a join that no page waits for any more. */
  drop(call: number): void {
    this.waiting.delete(call)
  }

  /** Runs joins for a short time, and one at least. `failed` gets the error of a join. */
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
