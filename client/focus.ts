/** Focus and the caret, kept over what the client itself does to the page. */

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

export function focusQuietly(element: HTMLElement): void {
  quietly(() => element.focus({ preventScroll: true }))
}

type TextField = HTMLInputElement | HTMLTextAreaElement

function isTextField(element: Element | null): element is TextField {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
}

/** Does `work`, and gives the focus and the caret back to the element that had them, if it is still there. */
export function keepFocus(root: Element, work: () => void): void {
  const active = document.activeElement
  if (!(active instanceof HTMLElement) || !root.contains(active)) return quietly(work)
  const field = isTextField(active) ? active : undefined
  // Null for fields that have no caret to speak of (number, date, checkbox, …).
  const { selectionStart: start, selectionEnd: end, selectionDirection: direction, value } = field ?? {}
  quietly(work)
  if (!active.isConnected) return
  if (document.activeElement !== active) focusQuietly(active)
  if (!field || typeof start !== 'number' || typeof end !== 'number') return
  // A caret at the end stays at the end of what the server made of the text.
  const place = (offset: number) => (offset === value?.length ? field.value.length : offset)
  if (field.selectionStart !== place(start) || field.selectionEnd !== place(end)) {
    field.setSelectionRange(place(start), place(end), direction ?? undefined)
  }
}
