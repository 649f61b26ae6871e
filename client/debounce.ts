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

export interface Debouncer {
  /** Replaces what the same element made of the same type before. */
  later(element: Element, type: string, ms: number, send: () => void): void
  /** Sends what waits. */
  flush(): void
}

export function createDebouncer(): Debouncer {
  const pending: Pending[] = []

  function sendUpTo(last: Pending | undefined): void {
    for (const item of pending.splice(0, pending.indexOf(last as Pending) + 1)) {
      clearTimeout(item.timer)
      item.send()
    }
  }

  return {
    later(element, type, ms, send) {
      const index = pending.findIndex((item) => item.element === element && item.type === type)
      if (index >= 0) clearTimeout(pending.splice(index, 1)[0]?.timer)
      const item: Pending = { element, type, send, timer: setTimeout(() => sendUpTo(item), ms) }
      pending.push(item)
    },
    flush: () => sendUpTo(pending[pending.length - 1]),
  }
}
