/** Changes reach the page: a text, an attribute, a property, rows in, out and elsewhere. Nothing else is touched. */

import { adopt } from './adopt'
import { touch, type Fields } from './field_hooks'
import { build, containersIn, fill, remove, setText } from './build'
import { OTHERS } from './attributes'
import { move, own } from './elements'
import { HTML, type Model } from './template'
import { settleTable } from './tables'
import { renew } from './untouched'
import {
  nodesOf,
  pairs,
  readTree,
  readValue,
  refuse,
  textOf,
  type Changes,
  type Inner,
  type Kept,
  type Rows,
  type Templates,
  type Tree,
  type Value,
} from './tree'

export interface Patch {
  container: Element
  fields: Fields | undefined
  templates: Templates
  /** Scripts or extensions have taken nodes out of the page that should be there. */
  isTorn: boolean
}

export function patch(tree: Tree, changes: Changes, what: Patch): void {
  const { values, nodes } = tree
  for (let at = 0; at < changes.length; at += 2) {
    const named = changes[at] as number
    const slot = named < 0 ? ~named : named
    const change = changes[at + 1]
    const inner = change as Inner
    const old = values[slot] as Value
    const node = nodes[slot] as Text
    const part = (tree.model as Model).partOf[slot]
    touch(node)
    if (named < 0) {
      what.isTorn ||= isGone(node)
      values[slot] = goOn(node, old as string, change as string | Kept)
    } else if (part) {
      const { name } = part
      const element = node as Node as Element
      const before = textOf(part, tree)
      values[slot] = change as string | number
      const set = what.fields?.set ?? setText
      set(element, name, renew(element, name, before, textOf(part, tree)))
    } else if (typeof change === 'string' && typeof old === 'string') {
      // The usual case.
      what.isTorn ||= isGone(node)
      node.data = values[slot] = change
    } else if (inner.p) patch(old as Tree, inner.p, what)
    else if (inner.r ?? inner.m ?? inner.i ?? inner.c) edit(old as Rows, inner, node, what)
    else {
      const value = readValue(change, what.templates)
      what.isTorn ||= isGone(node) || isTorn(old)
      if (typeof old === 'object' || typeof value === 'object') what.fields?.touch(node)
      const kept = isHtml(old) && isHtml(value) && nodesOf(old)
      // HTML is made anew if others have moved it, or if a live component, which may have come from elsewhere, is in
      // it. it.
      const isThere = (one: Node) => own.parentNode(one) === node.parentNode && !containersIn(one).length
      if (kept && node.parentElement && kept.every(isThere)) {
        adopt(value as Tree, node.parentElement, what.fields, true, (kept[0] ?? node) as ChildNode, node)
      } else fill(value, node, what.container, old)
      settleTable(node, nodesOf(value, nodesOf(old)))
      values[slot] = value
    }
  }
}

/**
 * The text keeps its beginning, and in the page a selection there stays. If others have made the text longer or
 * shorter, the text is set as a whole. Returns the text, which engines keep as a rope: nothing is copied for it here.
 */
function goOn(node: Text, old: string, change: string | Kept): string {
  const [stays, follows] = typeof change === 'string' ? [old.length, change] : change
  const text = old.slice(0, stays) + follows
  if (node.length === old.length) node.replaceData(stays, old.length, follows)
  else node.data = text
  return text
}

/** Translators put another node in the place of a text. That node does not go with the text. */
function isTorn(value: Value): boolean {
  return nodesOf(value).some((node) => node instanceof Text && isGone(node))
}

/**
 * Has somebody taken the text out of the page? The texts of slots inside of others' elements never were in the page.
 */
function isGone(node: Text): boolean {
  return !node.isConnected && !(node.parentElement && own.closest(node.parentElement, OTHERS))
}

function isHtml(value: Value): boolean {
  return (value as Partial<Tree>).template?.kinds === HTML
}

/** Rows out, rows moved, rows in; then what changed inside of rows. */
function edit(list: Rows, { r, m, i, c }: Inner, anchor: Text, what: Patch): void {
  // If rows only change inside, a long list is not copied.
  const rows: (Tree | undefined)[] = r || m || i ? [...list.rows] : []
  const gone: Tree[] = []
  const placed: [to: number, row: Tree][] = []
  const take = (at: number) => {
    const row = rows[at] ?? refuse()
    what.isTorn ||= isTorn(row)
    rows[at] = undefined
    return row
  }
  pairs<number>(r, (at, count) => {
    while (count--) gone.push(take(at++))
  })
  pairs<number>(m, (from, to) => placed.push([to, take(from)]))
  pairs(i, (to, tree) => placed.push([to, readTree(tree, what.templates)]))
  if (placed.length || gone.length) {
    what.isTorn ||= isGone(anchor)
    what.fields?.touch(anchor)
    gone.forEach(remove)
    list.rows = arrange(
      rows.filter((row) => row !== undefined),
      placed.sort(([a], [b]) => a - b),
      anchor,
      what.container,
    )
    settleTable(anchor, nodesOf({ rows: placed.map(([, row]) => row) }))
  }
  pairs<Changes>(c, (at, changes) => patch(list.rows[at] ?? refuse(), changes, what))
}

function arrange(rows: Tree[], placed: [number, Tree][], anchor: Text, container: Element): Tree[] {
  for (const [to, row] of placed) rows.splice(to, 0, row)
  // From the end: then the node that a row stands before is in place already.
  let next: Node = anchor
  let end = rows.length
  for (const [to, row] of placed.reverse()) {
    if (rows[to] !== row) refuse()
    let found: Node | undefined
    // A row can be empty.
    for (let at = to + 1; !found && at < end; at++) found = nodesOf(rows[at] as Tree)[0]
    next = found ?? next
    end = to + 1
    const parent = own.parentNode(next)
    if (row.model) for (const node of nodesOf(row)) move(parent, node, next)
    else if (parent) own.insertBefore(parent, build(row, anchor.parentElement ?? container), next)
  }
  return rows
}
