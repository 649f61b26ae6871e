import { freeze } from '../render/frozen'
import type { CrossingMessage } from './jobs'
import { From } from '../codec'

/** How many messages' data are kept; the oldest goes first. Rust sends again what is not there any more. */
const MOST = 1024

/**
 * What the messages of topics carry, by the messages' keys. All receivers get the same frozen value, which crosses once
 * and is parsed once.
 */
export class SharedData {
  private readonly kept = new Map<number, unknown>()

  /** Keeps what these messages carry. False if one carries what is not here any more. */
  take(messages: readonly CrossingMessage[]): boolean {
    let isComplete = true
    for (const message of messages) {
      if (message[2] !== From.TOPIC || message[6] === undefined) continue
      const [, , , , , , key] = message
      if (message.length > 7) this.keep(key, message[7])
      else if (!this.kept.has(key)) isComplete = false
    }
    return isComplete
  }

  private keep(key: number, data: unknown): void {
    freeze(data)
    this.kept.set(key, data)
    if (this.kept.size <= MOST) return
    for (const oldest of this.kept.keys()) {
      this.kept.delete(oldest)
      return
    }
  }

  of(key: number): unknown {
    return this.kept.get(key)
  }
}
