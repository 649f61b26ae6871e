/** Focus and the caret, kept over what the client itself does to the page. */

import { own, real } from './dom'

let quiet = false

/** While this is so, focus moves because of the client, not because of the user. */
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

/** What had the focus when the patch began. */
let before: HTMLInputElement | null = null

export function hadFocus(element: Element): boolean {
  return element === before
}

/** Does `work`, and gives the focus and the caret back to the element that had them, if it is still there. */
export function keepFocus(container: Element, work: () => void): void {
  const active = (before = own.activeElement(document) as HTMLInputElement | null)
  // A caret is a number in fields that have one.
  const { selectionStart: start, selectionEnd: end, selectionDirection, value } = active ?? ({} as HTMLInputElement)
  quietly(work)
  if (!active || !own.contains(container, active) || active === container) return
  if (own.activeElement(document) !== active) focusQuietly(active)
  if (typeof start !== 'number' || typeof end !== 'number') return
  // A caret at the end stays at the end of what the server made of the text.
  const place = (offset: number) => (offset === value.length ? active.value.length : offset)
  if (active.selectionStart !== place(start) || active.selectionEnd !== place(end)) {
    active.setSelectionRange(place(start), place(end), selectionDirection ?? undefined)
  }
}

/** What the patch has brought with `autofocus`. */
const wished: Element[] = []
/** Where the user has typed what was submitted: he waits there, until he types again. */
let sender: Element | null | false = null

export function wish(element: Element): void {
  wished.push(element)
}

export function noteTyping(type: string): void {
  if (/^(input|submit)$/.test(type)) sender = type === 'submit' && own.activeElement(document)
}

/** The first that can have the focus gets it, unless the user types elsewhere. */
export function focusWished(): void {
  const active = own.activeElement(document)
  const isTyping = active && active !== sender && own.matches(active, ':read-write')
  for (const element of wished.splice(0).sort((a, b) => (own.compareDocumentPosition(a, b) & 4 ? -1 : 1))) {
    if (!isTyping && own.activeElement(document) === active) real(element, 'focus').call(element)
  }
}
