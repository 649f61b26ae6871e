import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

const NAME = 'loom-live'
/**
 * We destroy our async resources ourselves, and so watchers of async resources hear of it at once. Otherwise the
 * garbage collector would tell them later.
 */
const MANUAL = { requireManualDestroy: true }

/**
 * Whether a store that `enterWith` sets ends with the run in which it was called. Since Node 24 it does. Before, a
 * store belonged to the async resource, and the next run in the same resource would read it.
 */
const endsWithRun = ((): boolean => {
  const storage = new AsyncLocalStorage<true>()
  const resource = new AsyncResource(NAME, MANUAL)
  resource.runInAsyncScope(() => {
    storage.enterWith(true)
  })
  const left = resource.runInAsyncScope(() => storage.getStore())
  resource.emitDestroy()
  // While a storage is in use, Node 20 and 22 track every promise of the process.
  storage.disable()
  return left === undefined
})()

/**
 * The async contexts in which one loom calls the application. Each call gets a context of its own, which begins as a
 * copy of the context in which the loom was made. So a store that one handler enters is not seen by another.
 */
export class Isolation {
  private readonly origin = new AsyncResource(NAME, MANUAL)

  /** Makes a call in a fresh context. */
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

  /** Runs the code that makes calls with `run`, in the context in which the loom was made. */
  outside(run: () => void): void {
    this.origin.runInAsyncScope(run)
  }

  /** Ends the contexts. `run` is not called after it. */
  end(): void {
    this.origin.emitDestroy()
  }
}
