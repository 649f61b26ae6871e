/** Copies of templates in the page, and what else can stand in a slot between nodes. */

import { CONTAINER } from './attributes'
import { locate, modelOf, type Model, type Part } from './template'
import { isTree, type Tree, type Value } from './tree'

/** What a slot shows. */
export type Shown = string | number | Instance | List

export interface Instance {
  model: Model
  values: Shown[]
  /** By slot: the element it belongs to; between nodes a text of its own, which stands behind all that it shows. */
  nodes: Node[]
  /** What is not in another element of the same template; the slots among it as their numbers. */
  tops: (Node | number)[]
}

export interface List {
  rows: Instance[]
}

export function isInstance(value: unknown): value is Instance {
  return typeof value === 'object' && !!(value as Instance).model
}

export function isList(value: Shown): value is List {
  return typeof value === 'object' && !!(value as List).rows
}

/** All nodes at the top, in their order. */
export function nodesOf(shown: Shown, found: Node[] = []): Node[] {
  if (isList(shown)) for (const row of shown.rows) nodesOf(row, found)
  else if (isInstance(shown)) {
    for (const top of shown.tops) {
      if (typeof top === 'number') nodesOf(shown.values[top] as Shown, found)
      found.push(typeof top === 'number' ? (shown.nodes[top] as Node) : top)
    }
  }
  return found
}

export function remove(shown: Shown): void {
  for (const node of nodesOf(shown)) {
    // Not one that has become part of what comes instead.
    if (node.isConnected) (node as ChildNode).remove()
  }
}

/** What the page shows as `shown`, as the server would say it. */
export function valueOf(shown: Shown): Value {
  if (isList(shown)) return { l: shown.rows.map(valueOf) as Tree[] }
  return isInstance(shown) ? [shown.model.template, ...shown.values.map(valueOf)] : shown
}

/** An attribute's value or a text; null where the attribute is not there. */
export function textOf({ strings, slots }: Part, values: readonly Shown[]): string | null {
  const first = values[slots[0] as number]
  if (typeof first === 'number') return first ? '' : null
  return strings.reduce((text, next, at) => text + (values[slots[at - 1] as number] as string) + next)
}

/** Does the page's element say what the slots say? What is open is the user's. */
export function isShown(element: Element, part: Part, values: readonly Shown[]): boolean {
  const { name, slots } = part
  const text = textOf(part, values)
  const now = name ? element.getAttribute(name) : element.textContent
  // Of a boolean attribute it only counts whether it is there.
  return typeof values[slots[0] as number] === 'number' ? name === 'open' || (text === null) === (now === null) : text === now
}

/** Without a name, the text of the element. */
export function setText(element: Element, name: string, text: string | null): void {
  if (!name) element.textContent = text
  else if (text === null) element.removeAttribute(name)
  // `setAttribute` refuses names that the parser takes.
  else if (/^\w/.test(name)) element.setAttribute(name, text)
  else (element.getAttributeNode(name) as Attr).value = text
}

/**
 * Appends to `fragment` what the tree is. `parent` is what is around it in the page. Nothing of it loads or comes to
 * life before it is in the page, or in a fragment of the page's document.
 */
export function build(tree: Tree, parent: Element, fragment: DocumentFragment): Instance {
  const model = modelOf(tree[0], parent)
  const copy = model.fragment.cloneNode(true)
  const values: Shown[] = []
  const nodes = locate(model, copy)
  const tops = Array.from(copy.childNodes, (node, at) => {
    const item = model.items[at]
    return typeof item === 'number' ? item : node
  })
  nodes.forEach((node, slot) => {
    const inner = tree[slot + 1] as Value
    const part = model.parts[slot]
    values[slot] = part ? (inner as string) : fill(inner, node as Text, parent)
    // With the last of its slots it is whole.
    if (part?.slots[part.slots.length - 1] === slot) setText(node as Element, part.name, textOf(part, values))
  })
  fragment.append(copy)
  return { model, values, nodes, tops }
}

/** Shows `value` in the slot of this text, instead of `old`. `parent` is what is around a copy that is not in the page. */
export function fill(value: Value, anchor: Text, parent: Element, old: Shown = ''): Shown {
  const text = typeof value === 'object' ? '' : (value as string)
  let shown: Shown = text
  const fragment = anchor.ownerDocument.createDocumentFragment()
  if (typeof value === 'object') {
    const inside = anchor.parentElement ?? parent
    const add = (tree: Tree) => build(tree, inside, fragment)
    shown = isTree(value) ? add(value) : { rows: value.l.map(add) }
    keepContainers(old, shown, fragment)
  }
  remove(old)
  if (anchor.data !== text) anchor.data = text
  anchor.before(fragment)
  return shown
}

/** A nested live component that is in the new content too goes on as it is. */
function keepContainers(old: Shown, shown: Shown, fragment: DocumentFragment): void {
  for (const container of fragment.querySelectorAll<HTMLElement>(CONTAINER)) {
    const kept = nodesOf(old)
      .flatMap(containersIn)
      .find(({ dataset }) => ['lLive', 'lToken'].every((name) => dataset[name] === container.dataset[name]))
    if (!kept) continue
    container.replaceWith(kept)
    if (isInstance(shown)) shown.tops = shown.tops.map((top) => (top === container ? kept : top))
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
export function move(parent: (Node & Mover) | null, node: Node, next: Node): void {
  if (parent?.moveBefore && parent.isConnected && node.isConnected) parent.moveBefore(node, next)
  else parent?.insertBefore(node, next)
}
