/** The caret, which patches must not move, and the elements that want the focus. */

import { own, real } from './core'

/** The element that had the focus when the patch began. */
let before: Element | null = null
/** The field that had the focus at a submit. The user waits there, and does not type. */
let sender: Element | null | false = null

export function hadFocus(element: Element): boolean {
  return element === before
}

export function noteTyping(type: string): void {
  if (/^(input|submit)$/.test(type)) sender = type === 'submit' && own.activeElement(document)
}

/** Elements that the patch has brought with `autofocus`, and the attribute's text. */
const wished = new Map<Element, string>()

export function wish(element: Element, text: string): void {
  wished.set(element, text)
}

/**
 * The first of these elements that can have the focus gets it, unless the user types elsewhere. The elements are in the
 * page by now, so that the browser does not choose another one of them later.
 */
export function focusWished(): void {
  const active = own.activeElement(document)
  const isTyping = active && active !== sender && own.matches(active, ':read-write')
  for (const [element, text] of [...wished].sort(([a], [b]) => (own.compareDocumentPosition(a, b) & 4 ? -1 : 1))) {
    own.setAttribute(element, 'autofocus', text)
    if (!isTyping && own.activeElement(document) === active) real(element, 'focus').call(element)
  }
  wished.clear()
}

export function keepCaret(focused: Element | null): () => void {
  before = focused
  const active = (focused ?? {}) as HTMLInputElement
  // A caret is a number in fields that have one.
  const { selectionStart: start, selectionEnd: end, selectionDirection, value } = active
  return () => {
    if (typeof start !== 'number' || typeof end !== 'number') return
    // A caret at the end stays at the end, also of a text that the server has changed.
    const place = (offset: number) => (offset === value.length ? active.value.length : offset)
    if (active.selectionStart !== place(start) || active.selectionEnd !== place(end)) {
      active.setSelectionRange(place(start), place(end), selectionDirection ?? undefined)
    }
  }
}
