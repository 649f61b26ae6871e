/**
 * Tables. A parser puts the rows that stand right in a table into a body that no template has. One such body holds
 * all rows up to the table's next part, whichever templates, lists and slots they come from:
 *
 *     <table>${head}${rows}<tr>…</tr>${foot}</table>     head: <thead>…</thead>, rows: two <tr>, foot: empty
 *     <table><thead>…</thead><tbody><tr><tr><tr>…</tr></tbody></table>
 *
 * So templates know nothing of these bodies. The client makes, splits and joins them, by the nodes that the table
 * shows.
 */

import { childrenOf, move, own } from './elements'

/** The bodies that a parser or the client has made. */
const implied = new WeakSet<Node>()
/** The tables that have, or had, such a body. */
const tables = new WeakSet<Node>()

/** Does a body end before this node? It does before a head, a foot, another body, a caption or columns. */
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

/** Notes that the page's parser, or the client, has made this body. */
export function noteBody(body: Node, table: Node): void {
  implied.add(body)
  tables.add(table)
}

/**
 * The nodes of `changed` have come, gone or moved before the anchor: if they are in a table, its bodies are settled.
 */
export function settleTable(anchor: Node, changed: Node[]): void {
  const place = own.parentNode(anchor) as Element
  const table: Node | null = implied.has(place) ? own.parentNode(place) : place
  if (!isTable(table)) return
  // Parts come and go in a table without such a body at no cost.
  let isLoose = tables.has(table)
  // From the end: so the nodes behind a part are moved once.
  for (const node of changed.reverse()) {
    const body = own.parentNode(node) as Element
    isLoose ||= body === table && isTableRow(node)
    if (isPart(node) && implied.has(body)) {
      const isFirst = !(node as Element).previousElementSibling
      const next = isFirst ? body : body.nextSibling
      // The nodes behind the part are loose now, and get a body of their own.
      for (const one of isFirst ? childrenOf(body.firstChild, node.nextSibling) : childrenOf(node as ChildNode))
        move(table, one, next)
    }
  }
  if (isLoose) settleRows(table)
}

/** Puts rows, and the nodes that follow them up to the next part, into one body. */
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
