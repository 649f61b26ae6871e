/** The caret, kept over what the client does to the page, and where the user types. */

import { own } from './core'

/** What had the focus when the patch began. */
let before: Element | null = null
/** Where the user has typed what was submitted. */
let sender: Element | null | false = null

export function hadFocus(element: Element): boolean {
  return element === before
}

export function noteTyping(type: string): void {
  if (/^(input|submit)$/.test(type)) sender = type === 'submit' && own.activeElement(document)
}

export function isSender(active: Element): boolean {
  return active === sender
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
