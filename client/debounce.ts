/**
 * A component's events that wait for a pause. They leave in the order in which they were made: whatever is sent
 * takes all older ones with it.
 */

interface Pending {
  element: Element
  type: string
  send: () => void
  timer: ReturnType<typeof setTimeout>
}

export class Debouncer {
  private pending: Pending[] = []

  /** Replaces what the same element made of the same type before. */
  later(element: Element, type: string, ms: number, send: () => void): void {
    const index = this.pending.findIndex((item) => item.element === element && item.type === type)
    if (index >= 0) clearTimeout(this.pending.splice(index, 1)[0]?.timer)
    const item = { element, type, send, timer: setTimeout(() => this.flush(item), ms) }
    this.pending.push(item)
  }

  /** Sends what waits, up to and with `last`; all of it where that is left out. */
  flush(last?: Pending): void {
    const count = last ? this.pending.indexOf(last) + 1 : this.pending.length
    for (const item of this.pending.splice(0, count)) {
      clearTimeout(item.timer)
      item.send()
    }
  }
}
