/**
 * Asks the holder of a lock to give it back, because somebody else waits. The holder may be an old connection that
 * nobody has closed.
 */
type AskBack = () => void

interface Held {
  readonly askBack: AskBack
  readonly waiting: (() => void)[]
}

/** More wait for one file than a page that comes back again and again has requests: then the next one is refused. */
const MOST_WAITING = 16

/**
 * One request at a time for each file. The interface is that of a locker of `@tus/server`; the locker of `@tus/server`
 * itself asks again in each turn of the event loop while it waits.
 */
export class Locks {
  private readonly held = new Map<string, Held>()

  newLock(id: string): { lock(signal: AbortSignal, askBack: AskBack): Promise<void>; unlock(): Promise<void> } {
    return {
      lock: (signal, askBack) => this.lock(id, signal, askBack),
      unlock: () => {
        this.unlock(id)
        return Promise.resolve()
      },
    }
  }

  /** Does it while nobody else has the file. */
  async during<T>(id: string, work: () => Promise<T>): Promise<T> {
    await this.lock(id, new AbortController().signal, () => undefined)
    try {
      return await work()
    } finally {
      this.unlock(id)
    }
  }

  private async lock(id: string, signal: AbortSignal, askBack: AskBack): Promise<void> {
    for (let held = this.held.get(id); held !== undefined; held = this.held.get(id)) {
      if (signal.aborted || held.waiting.length >= MOST_WAITING)
        throw Object.assign(new Error('locked'), { status_code: 423, body: 'Others wait for this file\n' })
      const { waiting } = held
      held.askBack()
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        signal.addEventListener('abort', () => {
          resolve()
        })
      })
    }
    this.held.set(id, { askBack, waiting: [] })
  }

  private unlock(id: string): void {
    const held = this.held.get(id)
    this.held.delete(id)
    // All of them: the first gets the lock, and the others wait for that one.
    for (const go of held?.waiting ?? []) go()
  }
}
