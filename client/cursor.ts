/**
 * Goes through the children of an element of the page while what should be there is named, one after the other: finds
 * each, splits texts that stand together, and passes over what others have put in.
 */

export class Mismatch extends Error {}

export interface Cursor {
  parent: Element
  node: ChildNode | null
  /** There are slots among the children, so what is too much may be an older content of theirs. */
  tidy: boolean
  /** Texts are found when it is known what is behind them. */
  texts: Expected[]
}

interface Expected {
  text: string
  /** Where the node goes that is found for it. */
  into: (Node | number)[]
  at: number
}

export function cursorIn(parent: Element, tidy: boolean): Cursor {
  return { parent, node: parent.firstChild, tidy, texts: [] }
}

export function expectText(cursor: Cursor, text: string, into: (Node | number)[], at: number): void {
  cursor.texts.push({ text, into, at })
}

export function findElement(cursor: Cursor, wanted: Element): Element {
  flush(cursor)
  const passed: ChildNode[] = []
  while (cursor.node && !fits(wanted, cursor.node)) passed.push(step(cursor))
  if (!cursor.node) throw new Mismatch(`<${wanted.localName}> is missing in <${cursor.parent.localName}>`)
  for (const node of passed) drop(cursor, node)
  return step(cursor) as Node as Element
}

/** Is the next element that counts one that can be `wanted`? */
export function isNext({ node }: Cursor, wanted: Element): boolean {
  while (node && !fits(wanted, node) && (!(node instanceof Element) || isForeign(node))) node = node.nextSibling
  return fits(wanted, node)
}

/**
 * Could the page's node be the template's element? Looks, addresses (which proxies rewrite), and what the user opens
 * and closes do not count; nor does a nonce, which browsers hide.
 */
function fits(wanted: Element, node: Node | null): boolean {
  return (
    node instanceof Element &&
    node.localName === wanted.localName &&
    (!wanted.hasAttributes() || [...wanted.attributes].every(({ name, value }) => {
      if (name === 'class') return value.split(/\s+/).every((one) => !one || node.classList.contains(one))
      return !value || /^(style|open|nonce|href|src)$/.test(name) || node.getAttribute(name) === value
    }))
  )
}

/** Extensions and scripts have put it there. */
function isForeign(element: Element): boolean {
  return element.localName.includes('-') || element.matches('[data-l-ignore],script,style,link')
}

export function flush(cursor: Cursor): void {
  const { texts } = cursor
  if (!texts.length) return
  cursor.texts = []
  for (const { text, into, at } of texts) into[at] = findText(cursor, text)
  while (cursor.node instanceof Text) step(cursor).remove()
}

function isTranslation(node: Node | null): boolean {
  return node instanceof Element && node.localName === 'font'
}

function findText(cursor: Cursor, text: string): Node {
  const { parent } = cursor
  // A translator wraps what it has made of a text. It will do so again.
  while (text && (cursor.node instanceof Comment || isTranslation(cursor.node))) {
    const node = step(cursor)
    if (isTranslation(node)) node.remove()
  }
  const { node } = cursor
  if (!text || !(node instanceof Text)) return parent.insertBefore(new Text(text), node)
  if (!node.data.startsWith(text)) node.data = text
  cursor.node = node.data === text ? node.nextSibling : node.splitText(text.length)
  return node
}

export function dropRest(cursor: Cursor): void {
  flush(cursor)
  while (cursor.node) drop(cursor, step(cursor))
}

function step(cursor: Cursor): ChildNode {
  const node = cursor.node as ChildNode
  cursor.node = node.nextSibling
  return node
}

function drop({ tidy }: Cursor, node: ChildNode): void {
  if (tidy && !(node instanceof Comment || (node instanceof Element && isForeign(node)))) node.remove()
}
