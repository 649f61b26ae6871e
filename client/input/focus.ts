/** The focus and the caret, which the client's own changes of the page must not move. */

import { own, real } from '../dom/elements'
import { finer, forms } from './forms'

let quiet = false

/** While this is true, the client moves the focus, and not the user. */
export function isQuiet(): boolean {
  return quiet
}

export function quietly(work: () => void): void {
  const before = quiet
  quiet = true
  try {
    work()
  } finally {
    quiet = before
  }
}

export function focusQuietly(element: Element): void {
  quietly(() => real(element, 'focus').call(element, { preventScroll: true }))
}

/** Does `work`, and gives the focus and the caret back to the element that had them, if it is still there. */
export function keepFocus(container: Element, work: () => void): void {
  const active = own.activeElement(document)
  const giveBack = forms?.keepCaret(active)
  const settle = finer?.keepPlace?.()
  quietly(work)
  settle?.()
  if (!active || !own.contains(container, active) || active === container) return
  if (own.activeElement(document) !== active) focusQuietly(active)
  giveBack?.()
}
