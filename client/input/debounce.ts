/**
 * A component's events that wait for a pause. They leave in the order in which they were made: whatever is sent
 * takes all older ones with it.
 */

import { CONTAINER, own } from './core'

const DEFAULT_DEBOUNCE_MS = 150

interface Pending {
  element: Element
  type: string
  send: () => void
  timer: ReturnType<typeof setTimeout> | undefined
}

export interface Debouncer {
  /** Replaces what the same element made of the same type before; what has no `data-l-debounce` does not wait. */
  later(element: Element, type: string, send: () => void): void
  /** Sends what waits. */
  flush(): void
}

const flushes = new WeakMap<Element, () => void>()

/** Something is over: what waits in its component does not wait for more. */
export function flushAround(target: EventTarget | null): void {
  const container = target instanceof Element && own.closest(target, CONTAINER)
  if (container) flushes.get(container)?.()
}

export function createDebouncer(container: Element): Debouncer {
  const pending: Pending[] = []

  function sendFirst(count: number): void {
    for (const { timer, send } of pending.splice(0, count)) {
      clearTimeout(timer)
      send()
    }
  }

  const flush = () => sendFirst(Infinity)
  flushes.set(container, flush)

  return {
    later(element, type, send) {
      const ms = debounceOf(element, type)
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

/** How long the element's events of this type wait for a pause; undefined if they do not. */
function debounceOf(element: Element, type: string): number | undefined {
  const value = own.getAttribute(element, 'data-l-debounce')
  // These three say that something is over: there is nothing to wait for.
  if (value === null || /^(submit|focus|blur)$/.test(type)) return undefined
  const ms = parseInt(value)
  return ms >= 0 ? ms : DEFAULT_DEBOUNCE_MS
}
