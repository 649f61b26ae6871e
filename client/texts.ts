/** Texts of the page, cut into the nodes that a template has. */

/** The text as a node of its own, at that place of the page or put there. */
export function takeText(text: string, page: Node, at: ChildNode | null, end: ChildNode | null): Text {
  // A translator wraps what it has made of a text. It will do so again.
  while (text && at !== end && (at instanceof Comment || isTranslation(at))) {
    const node = at as ChildNode
    at = node.nextSibling
    if (isTranslation(node)) node.remove()
  }
  if (at === end || !(at instanceof Text) || (!text && at.data)) return page.insertBefore(new Text(text), at)
  if (!at.data.startsWith(text)) at.data = text
  if (at.data !== text) at.splitText(text.length)
  return at
}

function isTranslation(node: Node | null): boolean {
  return node instanceof Element && node.localName === 'font'
}
