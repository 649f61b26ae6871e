/**
 * A page that the server rendered becomes a tree's: its nodes are found by going through the template and the page side
 * by side. What is there stays, and what differs is set.
 */

import { CONTAINER } from './attributes'
import { Mismatch, dropRest, expectText, findElement, flush, isNext, cursorIn, type Cursor } from './cursor'
import type { Fields } from './fields'
import { build, textOf, treeFrom, type Instance } from './instance'
import { modelOf, type Model, type Part } from './template'
import { isRows, isTree, type Tree, type Value } from './tree'

/** Elements whose inside is not the template's to look at. */
const CLOSED = `${CONTAINER},[data-l-ignore],textarea,title,noscript,template,iframe,script,style`

/** Throws a `Mismatch` where the page is too different. */
export function adopt(tree: Tree, container: Element, fields: Fields): Instance {
  const cursor = cursorIn(container, true)
  const shown = tree[1] as Value
  const found = !isTree(shown) || isHere(modelOf(treeFrom(shown)[0], container), cursor)
  if (container.firstElementChild && !found) throw new Mismatch()
  const instance = adoptTree(tree, cursor, fields)
  dropRest(cursor)
  return instance
}

/** Does what is next look like the template? */
function isHere({ fragment, roomy }: Model, cursor: Cursor): boolean {
  const first = fragment.firstElementChild
  return !first || roomy.has(fragment) || isNext(cursor, first)
}

function adoptTree(value: Tree | { h: string }, cursor: Cursor, fields: Fields): Instance {
  const { parent } = cursor
  const tree = treeFrom(value)
  const model = modelOf(tree[0], parent)
  if (!isHere(model, cursor)) {
    flush(cursor)
    const fragment = new DocumentFragment()
    const built = build(value, parent, fragment)
    parent.insertBefore(fragment, cursor.node)
    return built
  }
  const instance: Instance = { model, source: tree === value ? undefined : value, values: [], nodes: [], tops: [] }
  const { values, nodes } = instance

  function children(from: Node, within: Cursor, tops: (Node | number)[]): void {
    from.childNodes.forEach((node, at) => {
      const slots = model.slotsAt.get(node)
      if (node instanceof Element) {
        const found = (tops[at] = findElement(within, node))
        slots?.forEach((slot) => part(slot, found))
        if (!node.firstChild || node.matches(CLOSED)) return
        const inside = cursorIn(found, model.roomy.has(node))
        children(node, inside, [])
        dropRest(inside)
      } else if (slots) between((tops[at] = slots[0] as number), within)
      else expectText(within, (node as Text).data, tops, at)
    })
  }

  function between(slot: number, within: Cursor): void {
    const inner = tree[slot + 1] as Value
    if (typeof inner !== 'object') values[slot] = inner
    else if (isRows(inner)) values[slot] = { rows: inner.l.map((row) => adoptTree(row, within, fields)) }
    else values[slot] = adoptTree(inner, within, fields)
    expectText(within, typeof inner === 'string' ? inner : '', nodes, slot)
  }

  function part(slot: number, found: Element): void {
    const { name, slots } = model.parts[slot] as Part
    nodes[slot] = found
    values[slot] = tree[slot + 1] as string | number
    if (slot !== slots[slots.length - 1]) return
    const text = textOf(model.parts[slot] as Part, values)
    const now = name ? found.getAttribute(name) : found.textContent
    // What is open is the user's; of a boolean attribute it only counts whether it is there.
    const same = typeof values[slot] === 'number' ? name === 'open' || (text === null) === (now === null) : text === now
    if (!same) fields.set(found, name, text)
  }

  children(model.fragment, cursor, instance.tops)
  return instance
}
