/**
 * Tables. A parser puts the rows that stand right in a table into a body that no template has. One such body holds
 * all rows up to the table's next part, whichever templates, lists and slots they come from:
 *
 *     <table>${head}${rows}<tr>…</tr>${foot}</table>     head: <thead>…</thead>, rows: two <tr>, foot: empty
 *     <table><thead>…</thead><tbody><tr><tr><tr>…</tr></tbody></table>
 *
 * So templates know nothing of these bodies. The client makes them, splits them and joins them, by what the table
 * shows.
 */

import { childrenOf, move, own } from './elements'

/** The bodies that a parser or the client has made. */
const implied = new WeakSet<Node>()
/** The tables that have, or had, such a body. */
const tables = new WeakSet<Node>()

/** Does a body end before this node, as it does before a head, another body or a caption? */
export function isPart(node: Node): boolean {
  return /^(CA|CO|T[BF]|THE)/.test(own.nodeName(node))
}

export function isTableRow(node: unknown): boolean {
  return node instanceof HTMLTableRowElement
}

export function isTable(node: unknown): node is Element {
  return node instanceof HTMLTableElement
}

export function isImplied(node: Node): boolean {
  return implied.has(node)
}

/** The page's parser has made this body, or the client has. */
export function noteBody(body: Node, table: Node): void {
  implied.add(body)
  tables.add(table)
}

/** `changed` has come, gone or moved before the anchor: if that is in a table, the table's bodies are put in order. */
export function settleTable(anchor: Node, changed: Node[]): void {
  const place = own.parentNode(anchor) as Element
  const table: Node | null = implied.has(place) ? own.parentNode(place) : place
  if (!isTable(table)) return
  // Parts come and go in a table without such a body at no cost.
  let isLoose = tables.has(table)
  // From the end: what stands behind a part is moved once.
  for (const node of changed.reverse()) {
    const body = own.parentNode(node) as Element
    isLoose ||= body === table && isTableRow(node)
    if (isPart(node) && implied.has(body)) {
      const isFirst = !(node as Element).previousElementSibling
      const next = isFirst ? body : body.nextSibling
      // What is behind it is loose now, and gets a body of its own.
      for (const one of isFirst ? childrenOf(body.firstChild, node.nextSibling) : childrenOf(node as ChildNode))
        move(table, one, next)
    }
  }
  if (isLoose) settleRows(table)
}

/** Rows, and what follows them up to the next part, are in one body. */
export function settleRows(table: Node): void {
  let body: Element | undefined
  for (const node of childrenOf(own.firstChild(table)) as Element[]) {
    if (implied.has(node)) {
      if (!node.firstElementChild) node.replaceWith(...node.childNodes)
      else {
        const first = node.firstChild
        for (const one of body ? childrenOf(body.firstChild) : []) move(node, one, first)
        body?.remove()
        body = node
      }
    } else if (isPart(node)) body = undefined
    else if (body || isTableRow(node)) {
      if (!body) {
        body = own.createElement(document, 'tbody')
        noteBody(body, table)
        own.insertBefore(table, body, node)
      }
      move(body, node, null)
    }
  }
}
