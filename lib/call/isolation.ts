import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

const NAME = 'loom-live'
/** Those who watch async resources are told by us when one has ended, and not by the garbage collector. */
const MANUAL = { requireManualDestroy: true }

/**
 * Whether what `enterWith` sets ends with the run that it was called in. If a store belongs to its resource, as
 * before Node 24, the next run in the same resource would read it; if contexts are frames, it would not.
 */
const endsWithRun = ((): boolean => {
  const storage = new AsyncLocalStorage<true>()
  const resource = new AsyncResource(NAME, MANUAL)
  resource.runInAsyncScope(() => {
    storage.enterWith(true)
  })
  const left = resource.runInAsyncScope(() => storage.getStore())
  resource.emitDestroy()
  // Node 20 and 22 watch every promise of the process while a storage is in use.
  storage.disable()
  return left === undefined
})()

/**
 * Async contexts of what one loom calls. Each begins as the one that the loom was made in, and ends with its call, so
 * that nothing that a handler enters is seen by another connection's.
 */
export class Isolation {
  private readonly origin = new AsyncResource(NAME, MANUAL)

  /** Makes a call in a context in which nothing has been entered. */
  run<This, Args extends unknown[]>(call: (this: This, ...args: Args) => void, self: This, ...args: Args): void {
    if (endsWithRun) {
      this.origin.runInAsyncScope(call, self, ...args)
      return
    }
    const resource = new AsyncResource(NAME, MANUAL)
    try {
      resource.runInAsyncScope(call, self, ...args)
    } finally {
      resource.emitDestroy()
    }
  }

  /** Runs what makes all calls by `run`, so that each of them begins as the loom did. */
  outside(run: () => void): void {
    this.origin.runInAsyncScope(run)
  }

  /** No call comes any more. */
  end(): void {
    this.origin.emitDestroy()
  }
}
