/** Changes reach the page: a text, an attribute, a property, rows in, out and elsewhere. Nothing else is touched. */

import type { Fields } from './fields'
import { build, fill, isInstance, nodesOf, remove, textOf, type Instance, type List, type Shown } from './instance'
import type { Rows, Steps } from './plan'
import type { Tree, Value } from './tree'

/** False where others have taken nodes out of the page that should be there. */
export function run(steps: Steps, container: Element, fields: Fields): boolean {
  let whole = true
  for (let at = 0; at < steps.length; at += 3) {
    const instance = steps[at] as Instance
    const slot = steps[at + 1] as number
    const what = steps[at + 2] as Value | Rows
    const { values } = instance
    const node = instance.nodes[slot]
    const part = instance.model.parts[slot]
    if (part) {
      values[slot] = what as string | number
      fields.set(node as Element, part.name, textOf(part, values))
    } else if (node) {
      whole &&= node.isConnected
      const old = values[slot] as Shown
      if (typeof what !== 'object') {
        if (typeof old === 'object') {
          fields.touch(node)
          remove(old)
        }
        values[slot] = (node as Text).data = what as string
      } else {
        fields.touch(node)
        if (typeof old === 'string') (node as Text).data = ''
        if ('gone' in what) arrange(values[slot] as List, what, node as Text, container)
        else values[slot] = fill(what, node as Text, container, old)
      }
    }
  }
  return whole
}

function arrange(list: List, { rows, gone, placed }: Rows, anchor: Text, container: Element): void {
  for (const row of gone) remove(row as Instance)
  // From the end, where what a row stands before is in place already.
  for (let at = placed.length; at--; ) {
    const to = placed[at] as number
    const row = rows[to] as Instance | Tree
    const next = firstNode(rows[to + 1]) ?? anchor
    const parent = next.parentNode
    if (isInstance(row)) for (const node of nodesOf(row)) move(parent, node, next)
    else {
      const fragment = new DocumentFragment()
      rows[to] = build(row, anchor.parentElement ?? container, fragment)
      parent?.insertBefore(fragment, next)
    }
  }
  list.rows = rows as Instance[]
}

function firstNode(row: Instance | Tree | undefined): Node | undefined {
  const top = (row as Instance | undefined)?.tops[0]
  // Most rows are one element.
  return typeof top === 'object' ? top : row && nodesOf(row as Instance)[0]
}

interface Mover {
  moveBefore?(node: Node, next: Node | null): void
}

/** `moveBefore`, where there is one, keeps what an element would lose by being taken out and put back. */
function move(parent: (Node & Mover) | null, node: Node, next: Node): void {
  if (parent?.moveBefore && parent.isConnected && node.isConnected) parent.moveBefore(node, next)
  else parent?.insertBefore(node, next)
}
