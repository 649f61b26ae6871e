/** Changes reach the page: a text, an attribute, a property, rows in, out and elsewhere. Nothing else is touched. */

import { adopt } from './adopt'
import type { Fields } from './fields'
import { build, containersIn, fill, move, nodesOf, remove, textOf, type Instance, type List, type Shown } from './instance'
import { HTML } from './template'
import { isInner, isTree, pairs, readTree, readValue, refuse, type Changes, type Inner, type Templates, type Tree, type Value } from './tree'

export interface Patch {
  container: Element
  fields: Fields
  templates: Templates
  /** Others have taken nodes out of the page that should be there. */
  isTorn: boolean
}

export function patch(instance: Instance, changes: Changes | undefined, what: Patch): void {
  pairs(changes, (slot, change) => {
    const { values } = instance
    const old = values[slot] as Shown
    const node = instance.nodes[slot] as Node
    const part = instance.model.parts[slot]
    if (part) {
      values[slot] = change as string | number
      what.fields.set(node as Element, part.name, textOf(part, values))
    } else if (typeof change === 'string' && typeof old === 'string') {
      // What happens most.
      what.isTorn ||= !node.isConnected
      node.nodeValue = values[slot] = change
    } else if (!isInner(change)) {
      const value = readValue(change, what.templates)
      what.isTorn ||= !node.isConnected
      if (typeof old === 'object' || typeof value === 'object') what.fields.touch(node)
      const kept = isHtml(old) && isHtml(value) && nodesOf(old)
      // Where others have moved it, or a live component that may have come from elsewhere is in it, it is made anew.
      const isThere = (one: Node) => one.parentNode === node.parentNode && !containersIn(one).length
      values[slot] =
        kept && node.parentElement && kept.every(isThere)
          ? adopt(value as Tree, node.parentElement, what.fields, (kept[0] ?? node) as ChildNode, node as Text)
          : fill(value, node as Text, what.container, old)
    } else if (change.p) patch(old as Instance, change.p, what)
    else edit(old as List, change, node as Text, what)
  })
}

function isHtml(value: Shown | Value): boolean {
  return typeof value === 'object' && (isTree(value) ? value[0] : (value as Instance).model?.template)?.kinds === HTML
}

/** Rows out, rows moved, rows in; then what changed inside of rows. */
function edit(list: List, { r, m, i, c }: Inner, anchor: Text, what: Patch): void {
  // Where rows only change inside, a long list is not copied.
  const rows: (Instance | Tree | undefined)[] = r || m || i ? [...list.rows] : []
  const gone: Instance[] = []
  const placed: [to: number, row: Instance | Tree][] = []
  const take = (at: number) => {
    const row = (rows[at] as Instance | undefined) ?? refuse()
    rows[at] = undefined
    return row
  }
  pairs<number>(r, (at, count) => {
    while (count--) gone.push(take(at++))
  })
  pairs<number>(m, (from, to) => placed.push([to, take(from)]))
  pairs(i, (to, tree) => placed.push([to, readTree(tree, what.templates)]))
  if (placed.length || gone.length) {
    what.isTorn ||= !anchor.isConnected
    what.fields.touch(anchor)
    gone.forEach(remove)
    list.rows = arrange(rows.filter(Boolean) as Instance[], placed.sort(([a], [b]) => a - b), anchor, what.container)
  }
  pairs<Changes>(c, (at, changes) => patch(list.rows[at] ?? refuse(), changes, what))
}

function arrange(kept: Instance[], placed: [number, Instance | Tree][], anchor: Text, container: Element): Instance[] {
  const rows: (Instance | Tree)[] = kept
  for (const [to, row] of placed) rows.splice(to, 0, row)
  // From the end, where what a row stands before is in place already.
  for (const [to, row] of placed.reverse()) {
    if (rows[to] !== row) refuse()
    const next = firstNode(rows[to + 1] as Instance | undefined) ?? anchor
    const parent = next.parentNode
    if (!isTree(row)) for (const node of nodesOf(row)) move(parent, node, next)
    else {
      const fragment = new DocumentFragment()
      rows[to] = build(row, anchor.parentElement ?? container, fragment)
      parent?.insertBefore(fragment, next)
    }
  }
  return rows as Instance[]
}

function firstNode(row: Instance | undefined): Node | undefined {
  const top = row?.tops[0]
  // Most rows are one element.
  return typeof top === 'object' ? top : row && nodesOf(row)[0]
}
