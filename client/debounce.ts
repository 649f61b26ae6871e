/**
 * A component's events that wait for a pause. They leave in the order in which they were made: whatever is sent
 * takes all older ones with it.
 */

interface Pending {
  element: Element
  type: string
  send: () => void
  timer: ReturnType<typeof setTimeout> | undefined
}

export interface Debouncer {
  /** Replaces what the same element made of the same type before. Without `ms` it does not wait. */
  later(element: Element, type: string, ms: number | undefined, send: () => void): void
  /** Sends what waits. */
  flush(): void
}

export function createDebouncer(): Debouncer {
  const pending: Pending[] = []

  function sendFirst(count: number): void {
    for (const { timer, send } of pending.splice(0, count)) {
      clearTimeout(timer)
      send()
    }
  }

  const flush = () => sendFirst(Infinity)

  return {
    later(element, type, ms, send) {
      const index = pending.findIndex((item) => item.element === element && item.type === type)
      if (index >= 0) clearTimeout(pending.splice(index, 1)[0]?.timer)
      const item: Pending = { element, type, send, timer: undefined }
      pending.push(item)
      if (ms === undefined) flush()
      else item.timer = setTimeout(() => sendFirst(pending.indexOf(item) + 1), ms)
    },
    flush,
  }
}
