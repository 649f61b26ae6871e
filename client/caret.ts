/** The caret, kept over what the client does to the page, and what wants the focus. */

import { own, real } from './core'

/** What had the focus when the patch began. */
let before: Element | null = null
/** Where the user has typed what was submitted: he waits there, until he types again. */
let sender: Element | null | false = null

export function hadFocus(element: Element): boolean {
  return element === before
}

export function noteTyping(type: string): void {
  if (/^(input|submit)$/.test(type)) sender = type === 'submit' && own.activeElement(document)
}

/** What the patch has brought with `autofocus`. */
const wished: Element[] = []

export function wish(element: Element): void {
  if (own.getAttribute(element, 'autofocus') !== null) wished.push(element)
}

/** The first that can have the focus gets it, unless the user types elsewhere. */
export function focusWished(): void {
  const active = own.activeElement(document)
  const isTyping = active && active !== sender && own.matches(active, ':read-write')
  for (const element of wished.splice(0).sort((a, b) => (own.compareDocumentPosition(a, b) & 4 ? -1 : 1))) {
    if (!isTyping && own.activeElement(document) === active) real(element, 'focus').call(element)
  }
}

export function keepCaret(focused: Element | null): () => void {
  before = focused
  const active = (focused ?? {}) as HTMLInputElement
  // A caret is a number in fields that have one.
  const { selectionStart: start, selectionEnd: end, selectionDirection, value } = active
  return () => {
    if (typeof start !== 'number' || typeof end !== 'number') return
    // A caret at the end stays at the end of what the server made of the text.
    const place = (offset: number) => (offset === value.length ? active.value.length : offset)
    if (active.selectionStart !== place(start) || active.selectionEnd !== place(end)) {
      active.setSelectionRange(place(start), place(end), selectionDirection ?? undefined)
    }
  }
}
