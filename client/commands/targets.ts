/** Which elements a command is for. */

import { own, root } from '../input/core'

/** More than a page shows at once: a bound for a selector that fits everything. */
const MOST_TARGETS = 1_000

/**
 * Without a selector: `origin`, the element with the binding. `closest …` looks around `origin` and `inner …` inside
 * it; any other selector counts in the whole document. Throws the browser's error for an invalid selector.
 */
export function targetsOf(to: unknown, origin: Element): Element[] {
  if (to === null || to === undefined) return [origin]
  if (typeof to !== 'string') throw new TypeError(`a selector is a text, not ${JSON.stringify(to)}`)
  const [, way, selector = to] = /^(closest|inner)\s+(.+)$/s.exec(to) ?? []
  if (way === 'closest') {
    const found = own.closest(origin, selector)
    return found ? [found] : []
  }
  const around = way ? origin : root
  const found = [...own.querySelectorAll(around, selector)]
  if (!way && own.matches(root, selector)) found.unshift(root)
  if (found.length <= MOST_TARGETS) return found
  console.error(`loom-live: ${to} fits ${found.length} elements; a command changes the first ${MOST_TARGETS}`)
  return found.slice(0, MOST_TARGETS)
}
