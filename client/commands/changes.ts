/**
 * All that commands change in the page goes through here. The value that the server has given an attribute is noted, so
 * that the command's change survives patches (`dom/untouched.ts`). While a guess is made, each change is recorded
 * instead, so that the guess can be taken back.
 */

import { own, real, setText, untouched } from '../input/core'

/** How a recorded change is taken back. */
type Undo = () => void

let recorded: Undo[] | undefined
/** The values that attributes had before guesses changed them, as long as these guesses are shown. */
const beneath: typeof untouched = new WeakMap()

/** Does `work`, and returns a function that takes back all changes of `work`, the last change first. */
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

/**
 * Does `work` without recording it. `work` ends something that a command began before the guess: this is not taken
 * back.
 */
export function forGood(work: () => void): void {
  const before = recorded
  recorded = undefined
  try {
    work()
  } finally {
    recorded = before
  }
}

export function isGuessed(): boolean {
  return recorded !== undefined
}

/** Notes the value that the server has given the attribute, and not the one that a guess has given it. */
function note(element: Element, name: string): void {
  const notes = recorded ? beneath : untouched
  let names = notes.get(element)
  if (!names) notes.set(element, (names = new Map<string, string | null>()))
  if (names.has(name)) return
  const said = beneath.get(element)?.get(name)
  names.set(name, said === undefined ? own.getAttribute(element, name) : said)
  recorded?.push(() => void beneath.get(element)?.delete(name))
}

function write(element: Element, name: string, value: string | null): void {
  // Taking the attribute `open` off a modal dialog would leave the page inert behind the dialog: `setText` closes it.
  if (value === null) setText(element, name, null)
  else own.setAttribute(element, name, value)
}

/**
 * `work` changes this attribute. When the guess is taken back, the attribute gets its old value only if it still has
 * the value that `work` gave it; else `otherwise` is done.
 */
function noted(element: Element, name: string, work: () => void, otherwise?: () => void): void {
  const before = own.getAttribute(element, name)
  note(element, name)
  work()
  const after = own.getAttribute(element, name)
  recorded?.push(() => {
    if (own.getAttribute(element, name) === after) write(element, name, before)
    else otherwise?.()
  })
}

export function changeAttribute(element: Element, name: string, value: string | null): void {
  if (own.getAttribute(element, name) !== value) noted(element, name, () => write(element, name, value))
}

export function changeDisplay(element: Element, display: string): void {
  const style = real(element, 'style')
  const before = style.display
  if (before === display) return
  // Scripts may set further properties meanwhile: these stay.
  const back = () => {
    if (style.display === display) style.display = before
  }
  noted(element, 'style', () => (style.display = display), back)
}

/** Each class counts for itself: scripts may change other classes meanwhile. */
export function changeClass(element: Element, word: string, isThere: boolean): void {
  const list = own.classList(element)
  if (list.contains(word) === isThere) return
  const before = own.getAttribute(element, 'class')
  note(element, 'class')
  list.toggle(word, isThere)
  recorded?.push(() => {
    if (list.contains(word) !== isThere) return
    list.toggle(word, !isThere)
    if (before === null && !list.length) own.removeAttribute(element, 'class')
  })
}

/** Puts nodes into the page, which go when the guess is taken back. */
export function insert(parent: Node, fragment: DocumentFragment, next: Node | null): void {
  const nodes = [...fragment.childNodes]
  own.insertBefore(parent, fragment, next)
  recorded?.push(() => {
    for (const node of nodes) node.parentNode?.removeChild(node)
  })
}
