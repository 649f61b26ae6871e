/** Trees in the page: made out of their templates, moved and taken out. */

import { attributesOf, CONTAINER } from './attributes'
import { own, removeNode, root } from './elements'
import { fieldHooks } from './field_hooks'
import { modelOf } from './model'
import type { Inside, Item, Outline } from './template'
import { settleRows } from './tables'
import { nodesOf, textOf, treesIn, type Tree, type Value } from './tree'

export function remove(value: Value): void {
  for (const node of nodesOf(value)) {
    // A node that the new content uses again is with the new content, and not in the page.
    if (root.contains(node)) removeNode(node)
  }
}

/** Sets an attribute; without a name, the text of the element. Null takes the attribute away. */
export function setText(element: Element, name: string, text: string | null): void {
  // Taking the attribute off a modal dialog would leave the page inert behind the dialog.
  if (name === 'open' && text === null && element instanceof HTMLDialogElement) element.close()
  // Browsers give the focus to an element that comes with `autofocus`, at a time of their own.
  if (name === 'autofocus' && text !== null && fieldHooks) return fieldHooks.wish(element, text)
  if (!name) element.textContent = text
  else if (text === null) own.removeAttribute(element, name)
  else {
    try {
      own.setAttribute(element, name, text)
    } catch {
      // `setAttribute` refuses some names that the parser takes. Only an attribute that the parser has made can be set
      // then.
      const attribute = attributesOf(element).find((one) => one.name === name)
      if (attribute) attribute.value = text
    }
  }
  // Browsers read the attribute only when they parse a page.
  if (name === 'muted') (element as HTMLMediaElement).muted = text !== null
}

/** Makes the tree's nodes, for a place inside of `parent`. No node loads or comes to life before it is in the page. */
export function build(tree: Tree, parent: Element): Node {
  const model = (tree.model = modelOf(tree, parent))
  const copy = own.cloneNode(model.node, true) as DocumentFragment
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
    const { given, inside } = item
    for (const part of given) {
      for (const slot of part.slots) tree.nodes[slot] = node
      setText(node as Element, part.name, textOf(part, tree))
    }
    let child = own.firstChild(node)
    for (const one of inside) {
      const next = own.nextSibling(child as Node)
      complete(tree, one, child as Node, parent)
      child = next
    }
    if ((item as Outline).isTable) settleRows(node)
    if ((item as Outline).isField) fieldHooks?.settle(node as Element, tree, item as Outline)
  }
}

/** From now on the tree's nodes for the element's content are in a copy, which nobody sees. */
export function hide(element: Element, tree: Tree, item: Outline, parent: Element): void {
  complete(tree, item, own.cloneNode(item.node, true), parent)
  noteParts(element, tree, item)
}

/** Notes the element as the node of all slots in its attributes. */
export function noteParts(element: Element, tree: Tree, item: Outline): void {
  if (item.isField) fieldHooks?.noteEditable(element, tree, item)
  for (const { slots } of item.parts) for (const slot of slots) tree.nodes[slot] = element
}

/**
 * Shows `value` in the slot of this text, instead of `old`. `parent` is the surrounding element if the text has none.
 */
export function fill(value: Value, anchor: Text, parent: Element, old: Value = ''): void {
  const text = typeof value === 'object' ? '' : (value as string)
  // The usual case: a text in a copy.
  if (typeof value !== 'object' && old === '') {
    anchor.data = text
    return
  }
  const fragment = own.createDocumentFragment(anchor.ownerDocument)
  for (const tree of treesIn(value)) fragment.append(build(tree, anchor.parentElement ?? parent))
  let known: Map<string, Element> | undefined
  keepContainers(() => (known ??= byName(nodesOf(old).flatMap(containersIn))), value, fragment)
  remove(old)
  if (anchor.data !== text) anchor.data = text
  anchor.before(fragment)
}

/** The same in the old and the new content. A nested component has a key, and its token only in the first paint. */
const nameOf = (one: Element): string =>
  `${own.getAttribute(one, 'data-l-live')} ${own.getAttribute(one, 'data-l-key') ?? own.getAttribute(one, 'data-l-token')}`

/**
 * The containers by their names. A container inside of another one belongs to that other component, and is left out.
 */
export function byName(containers: Iterable<Element>): Map<string, Element> {
  const found = new Map<string, Element>()
  let last: Element | undefined
  for (const one of containers) {
    if (last && own.contains(last, one)) continue
    last = one
    found.set(nameOf(one), one)
  }
  return found
}

/**
 * A nested component of the old content goes on as it is in the fragment, if it is free. The fragment shows `value`.
 */
export function keepContainers(
  old: () => Map<string, Element>,
  value: Value,
  fragment: DocumentFragment,
  isFree: (one: Element) => unknown = () => true,
): void {
  const now = new Map<Node | number, Node>()
  for (const container of fragment.querySelectorAll(CONTAINER)) {
    const kept = old().get(nameOf(container))
    if (!kept || !isFree(kept)) continue
    for (const { name, value } of attributesOf(container)) setText(kept, name, value)
    own.insertBefore(own.parentNode(container) as Node, kept, container)
    removeNode(container)
    now.set(container, kept)
  }
  if (now.size) swap(value, now)
}

/** Notes other nodes in place of those that the value has noted. */
function swap(value: Value, now: Map<Node | number, Node>): void {
  const swapped = <Noted extends Node | number>(one: Noted) => (now.get(one) as Noted | undefined) ?? one
  for (const tree of treesIn(value)) {
    tree.tops = tree.tops.map(swapped)
    tree.nodes = tree.nodes.map(swapped)
    for (const inner of tree.values) swap(inner, now)
  }
}

export function containersIn(node: Node): Element[] {
  if (!(node instanceof Element)) return []
  return [...(own.matches(node, CONTAINER) ? [node] : []), ...own.querySelectorAll(node, CONTAINER)]
}
