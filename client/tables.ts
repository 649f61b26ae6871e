/**
 * Tables. A parser puts the rows that stand right in a table into a body that no template has. One such body holds all
 * rows up to the table's next part, whichever templates, lists and slots they come from:
 *
 *     <table>${head}${rows}<tr>…</tr>${foot}</table>     head: <thead>…</thead>, rows: two <tr>, foot: empty
 *     <table><thead>…</thead><tbody><tr><tr><tr>…</tr></tbody></table>
 *
 * So templates know nothing of these bodies. The client makes them, splits them and joins them, by what the table shows.
 */

import { childrenOf, move, own } from './dom'
import { MARK } from './markup'
import { nodesOf, type Value } from './tree'

/** The bodies that a parser or the client has made, and the tables that they are in. */
const implied = new WeakSet<Node>()

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

/** The page's parser has made this body, or the client has. */
export function noteBody(body: Node, table: Node): void {
  implied.add(body).add(table)
}

/** The number of the slot that this comment of a parsed template stands for. */
export function slotOf(node: Node | null): string | undefined {
  return node instanceof Comment ? node.data.split(MARK)[1] : undefined
}

/** Takes the bodies that only the parser has made out of a parsed template, if rows of slots may stand in them. */
export function freeRows(content: DocumentFragment, statics: string[]): void {
  const hasBodies = /<tbody/i.test(statics.join())
  for (const body of content.querySelectorAll('tbody')) {
    const table = body.parentNode as ParentNode
    const before = body.previousSibling
    const slot = slotOf(before instanceof Text ? before.previousSibling : before)
    if (
      hasBodies
        ? slot && /^\s*<tr/i.test(statics[+slot + 1] as string)
        : table === content || [...body.childNodes, ...table.childNodes].some(slotOf)
    )
      body.replaceWith(...body.childNodes)
  }
}

/** `changed` has come or gone before the anchor: if that is in a table, the table's bodies are put in order. */
export function settleTable(anchor: Node, changed: Value[]): void {
  const place = own.parentNode(anchor) as Element
  const table: Node | null = implied.has(place) && !isTable(place) ? own.parentNode(place) : place
  if (!isTable(table)) return
  let isLoose = !place.firstElementChild
  // From the end: what stands behind a part is moved once.
  for (const node of changed.flatMap((value) => nodesOf(value)).reverse()) {
    const body = own.parentNode(node) as Element
    // Mostly rows come and go in a body that has others, or parts in a table without such a body.
    isLoose ||= isPart(node) ? implied.has(table) : isTableRow(node) && body === table
    if (isPart(node) && implied.has(body) && body !== table) {
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
