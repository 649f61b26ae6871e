/**
 * All that commands change in the page goes through here. What the server has said of it is noted, so that the change
 * survives patches (`dom/untouched.ts`). While a guess is made, each change is recorded instead, so that the guess can be
 * taken back.
 */

import { own, real, untouched } from '../input/core'

/** How a recorded change is taken back. */
type Undo = () => void

let recorded: Undo[] | undefined

/** Does `work`, and gives what takes back all that `work` has changed, the last change first. */
export function record(work: () => void): () => void {
  const before = recorded
  const undo: Undo[] = (recorded = [])
  try {
    work()
  } finally {
    recorded = before
  }
  return () => {
    for (const one of undo.splice(0).reverse()) one()
  }
}

export function isGuessed(): boolean {
  return recorded !== undefined
}

function note(element: Element, name: string, before: string | null): void {
  let names = untouched.get(element)
  if (!names) untouched.set(element, (names = new Map<string, string | null>()))
  if (!names.has(name)) names.set(name, before)
}

function write(element: Element, name: string, value: string | null): void {
  if (value === null) own.removeAttribute(element, name)
  else own.setAttribute(element, name, value)
}

/** `work` changes this attribute. A guess takes it back only if the attribute is still what the guess has made of it. */
function noted(element: Element, name: string, work: () => void): void {
  const before = own.getAttribute(element, name)
  if (!recorded) note(element, name, before)
  work()
  const after = own.getAttribute(element, name)
  recorded?.push(() => {
    if (own.getAttribute(element, name) === after) write(element, name, before)
  })
}

export function changeAttribute(element: Element, name: string, value: string | null): void {
  if (own.getAttribute(element, name) !== value) noted(element, name, () => write(element, name, value))
}

export function changeDisplay(element: Element, display: string): void {
  const style = real(element, 'style')
  if (style.display !== display) noted(element, 'style', () => (style.display = display))
}

/** Each class counts for itself: others may change the others meanwhile. */
export function changeClass(element: Element, word: string, isThere: boolean): void {
  const list = own.classList(element)
  if (list.contains(word) === isThere) return
  const before = own.getAttribute(element, 'class')
  if (!recorded) note(element, 'class', before)
  list.toggle(word, isThere)
  recorded?.push(() => {
    if (list.contains(word) !== isThere) return
    list.toggle(word, !isThere)
    if (before === null && !list.length) own.removeAttribute(element, 'class')
  })
}

/** Puts nodes into the page that are there only as long as the guess. */
export function insert(parent: Node, fragment: DocumentFragment, next: Node | null): void {
  const nodes = [...fragment.childNodes]
  own.insertBefore(parent, fragment, next)
  recorded?.push(() => {
    for (const node of nodes) node.parentNode?.removeChild(node)
  })
}
