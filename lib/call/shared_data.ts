import { freeze } from '../render/frozen'
import type { CrossingMessage } from './jobs'
import { From } from '../codec'

/**
 * How many messages' data are kept, and of how many bytes of JSON; the oldest goes first. Rust sends again what is not
 * there any more.
 */
const MOST = 1024
const MOST_BYTES = 16 << 20

/**
 * What the messages of topics and of their presence carry, by the messages' keys. All receivers get the same frozen value, which crosses once
 * and is parsed once.
 */
export class SharedData {
  private readonly kept = new Map<number, { readonly data: unknown; readonly bytes: number }>()
  private bytes = 0

  /**
   * Keeps what these messages carry. Gives what each carries, by its place, for as long as its visit takes: meanwhile
   * others may come and take the place of what is kept. Nothing if one carries what is not here any more.
   */
  take(messages: readonly CrossingMessage[]): readonly unknown[] | undefined {
    const carried: unknown[] = []
    let isComplete = true
    for (const message of messages) {
      let data: unknown
      if ((message[2] === From.TOPIC || message[2] === From.PRESENCE) && message[6] !== undefined) {
        const [, , , , , , key, bytes] = message
        if (bytes !== undefined) {
          data = message[8]
          this.keep(key, data, bytes)
        } else {
          const known = this.kept.get(key)
          isComplete &&= known !== undefined
          data = known?.data
        }
      }
      carried.push(data)
    }
    return isComplete ? carried : undefined
  }

  private keep(key: number, data: unknown, bytes: number): void {
    freeze(data)
    this.drop(key)
    this.kept.set(key, { data, bytes })
    this.bytes += bytes
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST && this.bytes <= MOST_BYTES) return
      this.drop(oldest)
    }
  }

  private drop(key: number): void {
    this.bytes -= this.kept.get(key)?.bytes ?? 0
    this.kept.delete(key)
  }
}
