import { until } from './until'

/** Where a handler waits until the test lets it go on. */
export class Barrier {
  private goOn: (() => void) | undefined

  /** A handler waits. */
  get isReached(): boolean {
    return this.goOn !== undefined
  }

  /** Called by the handler. */
  wait(): Promise<void> {
    return new Promise((resolve) => (this.goOn = resolve))
  }

  /** Resolves when a handler waits. */
  reached(): Promise<unknown> {
    return until('the handler to wait', () => this.isReached)
  }

  open(): void {
    this.goOn?.()
    this.goOn = undefined
  }
}
