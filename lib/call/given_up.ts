import type { NativeLoom } from '../native'
import type { Context } from './context'
import type { Isolation } from './isolation'
import type { Joins } from './joins'
import type { Operator } from './operator'

/**
 * Calls that nobody waits for any more: their deadline has passed, or their component is gone. If a page was told that
 * an event has failed, the event must not be applied. So work for a call is begun only after `isWanted`.
 */
export class GivenUpCalls {
  /** Rust writes here: the first byte is 1 while calls have been given up that are not in `unwanted`. */
  readonly signal = Buffer.allocUnsafeSlow(1).fill(0)
  /** Among the calls that were fetched and have not been started. */
  private readonly unwanted = new Set<number>()
  /** Calls whose handler has not returned yet. */
  private readonly running = new Map<number, Context>()

  constructor(
    private readonly native: () => NativeLoom,
    private readonly isolation: Isolation,
    private readonly joins: Joins,
    private readonly operator: Operator,
  ) {}

  /** The call waits for a promise. */
  started(call: number, context: Context): void {
    this.running.set(call, context)
  }

  /** The promise of a call has settled; false if the call was given up meanwhile. */
  ended(call: number, context: Context): boolean {
    if (this.signal[0] !== 0) this.hear()
    this.running.delete(call)
    return !context.isAborted
  }

  isWanted(call: number): boolean {
    if (this.signal[0] !== 0) this.hear()
    return this.unwanted.size === 0 || !this.unwanted.has(call)
  }

  abort(call: number): void {
    this.joins.drop(call)
    const context = this.running.get(call)
    this.running.delete(call)
    try {
      context?.abort(new Error('the event took too long, or its component is gone'))
    } catch (error) {
      this.operator.failed(error)
    }
  }

  /** All calls that were fetched have been run. */
  forget(): void {
    if (this.unwanted.size > 0) this.unwanted.clear()
  }

  /** Learns which calls have been given up since Rust was asked last, be it in the middle of other work. */
  private hear(): void {
    const calls = this.native().givenUp()
    for (const call of calls) this.unwanted.add(call)
    // This may run in the async context of any call, so the aborts run outside of it, each in its own context.
    this.isolation.outside(() => {
      for (const call of calls) this.isolation.run(this.abort, this, call)
    })
  }
}
