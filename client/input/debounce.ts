/**
 * A component's events that wait for a pause, or until their binding may send again. Events leave in the order in which
 * they were made: each event that is sent takes all older ones with it.
 */

import { CONTAINER, own } from './core'
import type { LiveEvent } from './live_event'

const DEFAULT_DEBOUNCE_MS = 150
const DEFAULT_THROTTLE_MS = 150

interface Pending {
  element: Element
  /** The binding: a newer event of the same binding replaces this one. */
  attribute: string
  send: () => void
  timer: ReturnType<typeof setTimeout> | undefined
}

export interface Debouncer {
  /** Replaces a waiting event of the same binding. An event with neither debounce nor throttle does not wait. */
  later(element: Element, event: LiveEvent, send: () => void): void
  /** Sends the waiting events. */
  flush(): void
}

const flushes = new WeakMap<Element, () => void>()
/** When an event of a throttled binding was last sent, in the page's time. */
const times = new WeakMap<Element, Map<string, number>>()

/** The user is done with a field: waiting events of its component are sent now. */
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
    later(element, event, send) {
      const { type, attribute = type } = event
      const [, ...words] = attribute.split('.')
      const index = pending.findIndex((item) => item.element === element && item.attribute === attribute)
      if (index >= 0) clearTimeout(pending.splice(index, 1)[0]?.timer)
      const item: Pending = { element, attribute, send, timer: undefined }
      pending.push(item)
      let ms = debounceOf(element, type, words)
      const throttle = throttleOf(element, words)
      if (throttle !== undefined) {
        const sentAt = times.get(element) ?? new Map<string, number>()
        times.set(element, sentAt)
        const left = (sentAt.get(attribute) ?? -Infinity) + throttle - performance.now()
        // The first event leaves at once. Of the events that follow too soon, the last one leaves when the time is
        // over.
        ms = left > 0 ? left : undefined
        item.send = () => {
          sentAt.set(attribute, performance.now())
          send()
        }
      }
      if (ms === undefined) flush()
      else item.timer = setTimeout(() => sendFirst(pending.indexOf(item) + 1), ms)
    },
    flush,
  }
}

/** The number behind this word; undefined if the word is not there. */
function numberAfter(words: string[], word: string, otherwise: number): number | undefined {
  const at = words.indexOf(word)
  if (at < 0) return undefined
  const ms = parseInt(words[at + 1] ?? '')
  return ms >= 0 ? ms : otherwise
}

/** The `data-l-throttle` of an element; undefined without it. */
function throttleOf(element: Element, words: string[]): number | undefined {
  const value = own.getAttribute(element, 'data-l-throttle')
  return numberAfter(value === null ? words : ['throttle', value], 'throttle', DEFAULT_THROTTLE_MS)
}

/** How long the element's events of this type wait for a pause; undefined if they do not. */
function debounceOf(element: Element, type: string, words: string[]): number | undefined {
  const named = numberAfter(words, 'debounce', DEFAULT_DEBOUNCE_MS)
  const value = own.getAttribute(element, 'data-l-debounce')
  // These three events say that the user is done: there is nothing to wait for.
  if (named !== undefined || value === null || /^(submit|focus|blur)$/.test(type)) return named
  const ms = parseInt(value)
  return ms >= 0 ? ms : DEFAULT_DEBOUNCE_MS
}
