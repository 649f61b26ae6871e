/** Trees in the page: made out of their templates, moved and taken out. */

import { CONTAINER } from './attributes'
import { modelOf, type Inside, type Item } from './template'
import { isNoRow, nodesOf, textOf, treesIn, type Tree, type Value } from './tree'

export function remove(value: Value): void {
  for (const node of nodesOf(value)) {
    // Not one that has become part of what comes instead.
    if (node.isConnected) (node as ChildNode).remove()
  }
}

/** Without a name, the text of the element. */
export function setText(element: Element, name: string, text: string | null): void {
  if (!name) element.textContent = text
  else if (text === null) element.removeAttribute(name)
  else {
    try {
      element.setAttribute(name, text)
    } catch {
      // It refuses names that the parser takes. Where the parser has not made one already, nobody can look it up.
      const attribute = element.getAttributeNode(name)
      if (attribute) attribute.value = text
    }
  }
}

/** What the tree shows, for a place inside of `parent`. Nothing of it loads or comes to life before it is in the page. */
export function build(tree: Tree, parent: Element): Node {
  const model = (tree.model = modelOf(tree, parent))
  const copy = model.node.cloneNode(true)
  const children = [...copy.childNodes]
  tree.tops = model.inside.map((item, at) => (typeof item === 'number' ? item : (children[at] as Node)))
  complete(tree, model, copy, parent)
  return copy
}

/** Fills the slots in a copy of the item. */
export function complete(tree: Tree, item: Item | Inside, node: Node, parent: Element): void {
  if (typeof item === 'number') {
    tree.nodes[item] = node
    fill(tree.values[item] as Value, node as Text, parent)
  } else if (typeof item === 'object' && item.isLive) {
    const { parts, inside } = item
    for (const part of parts) {
      for (const slot of part.slots) tree.nodes[slot] = node
      if (part.slots.length) setText(node as Element, part.name, textOf(part, tree))
    }
    let child = node.firstChild
    for (const one of inside) {
      const next = (child as Node).nextSibling
      complete(tree, one, child as Node, parent)
      child = next
    }
  }
}

/** Shows `value` in the slot of this text, instead of `old`. `parent` is what is around a copy that is not in the page. */
export function fill(value: Value, anchor: Text, parent: Element, old: Value = ''): void {
  const text = typeof value === 'object' ? '' : (value as string)
  const fragment = anchor.ownerDocument.createDocumentFragment()
  for (const tree of treesIn(value)) fragment.append(build(tree, anchor.parentElement ?? parent))
  keepContainers(() => nodesOf(old).flatMap(containersIn), value, fragment)
  remove(old)
  leaveBody(value, anchor)
  if (anchor.data !== text) anchor.data = text
  anchor.before(fragment)
}

/** What shows a table's bodies, or their like, does not stand in one of them. */
export function leaveBody(value: Value, anchor: Text): void {
  const body = anchor.parentElement
  if (body?.localName !== 'tbody' || !isNoRow(value)) return
  const rest = body.cloneNode() as Element
  while (anchor.nextSibling) rest.append(anchor.nextSibling)
  body.after(anchor, rest)
  for (const one of [body, rest]) if (!one.firstChild) one.remove()
}

/** A nested live component that was among the old ones goes on as it is in the fragment, which shows `value`. */
export function keepContainers(old: () => HTMLElement[], value: Value, fragment: DocumentFragment): void {
  for (const container of fragment.querySelectorAll<HTMLElement>(CONTAINER)) {
    const isSame = ({ dataset }: HTMLElement) =>
      ['lLive', 'lToken'].every((name) => dataset[name] === container.dataset[name])
    const kept = old().find((one) => isSame(one) && !fragment.contains(one))
    if (!kept) continue
    for (const attribute of container.attributes) setText(kept, attribute.name, attribute.value)
    container.replaceWith(kept)
    swap(value, container, kept)
  }
}

/** What was noted as one node is another. */
function swap(value: Value, before: Node, after: Node): void {
  const now = <Noted extends Node | number>(one: Noted) => (one === before ? (after as Noted) : one)
  for (const tree of treesIn(value)) {
    tree.tops = tree.tops.map(now)
    tree.nodes = tree.nodes.map(now)
    for (const inner of tree.values) swap(inner, before, after)
  }
}

export function containersIn(node: Node): HTMLElement[] {
  if (!(node instanceof Element)) return []
  return [...(node.matches(CONTAINER) ? [node as HTMLElement] : []), ...node.querySelectorAll<HTMLElement>(CONTAINER)]
}

interface Mover {
  'moveBefore'?(node: Node, next: Node | null): void
}

/** `moveBefore`, where there is one, keeps what an element would lose by being taken out and put back. */
export function move(parent: (Node & Mover) | null, node: Node, next: Node | null): void {
  if (parent?.moveBefore && parent.isConnected && node.isConnected) parent.moveBefore(node, next)
  else parent?.insertBefore(node, next)
}
