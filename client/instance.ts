/** Copies of templates in the page, and what else can stand in a slot between nodes. */

import { CONTAINER } from './attributes'
import { htmlOf } from './opaque'
import { htmlTemplate, locate, modelOf, type Model, type Part } from './template'
import { isRows, type Rows, type Tree, type Value } from './tree'

/** What a slot shows. */
export type Shown = string | number | Instance | List

export interface Instance {
  model: Model
  /** What is shown as HTML in one piece. */
  source: Value | undefined
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
  return typeof value === 'object' && 'model' in (value as object)
}

export function isList(value: Shown | undefined): value is List {
  return typeof value === 'object' && 'rows' in value
}

/** HTML, and trees whose slots' places are unknown, are shown by a template of their own. */
export function treeFrom(value: Tree | { h: string }): Tree {
  return 'h' in value || value[0].kinds[0] === 'o' ? [htmlTemplate(htmlOf(value))] : value
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

/** What the page shows as `shown`, as the server would write it. */
export function valueOf(shown: Shown): Value {
  if (isList(shown)) return { l: shown.rows.map(valueOf) as Tree[] }
  return isInstance(shown) ? (shown.source ?? [shown.model.template, ...shown.values.map(valueOf)]) : shown
}

/** An attribute's value or a text; null where the attribute is not there. */
export function textOf({ strings, slots }: Part, values: readonly (Shown | Value)[]): string | null {
  const first = values[slots[0] as number]
  if (typeof first === 'number') return first ? '' : null
  return strings.reduce((text, next, at) => text + (values[slots[at - 1] as number] as string) + next)
}

/** Without a name, the text of the element. */
export function setText(element: Element, name: string, text: string | null): void {
  if (!name) element.textContent = text
  else if (text === null) element.removeAttribute(name)
  // `setAttribute` refuses names that the parser takes.
  else if (/^\w/.test(name)) element.setAttribute(name, text)
  else (element.getAttributeNode(name) as Attr).value = text
}

/** Appends to `fragment` what `value` is. `parent` is what is around it in the page. */
export function build(value: Tree | { h: string }, parent: Element, fragment: DocumentFragment): Instance {
  const tree = treeFrom(value)
  const model = modelOf(tree[0], parent)
  const copy = document.importNode(model.fragment, true)
  const values: Shown[] = []
  const nodes = locate(model, copy)
  const tops = Array.from(copy.childNodes, (node, at) => model.tops[at] ?? node)
  nodes.forEach((node, slot) => {
    const inner = tree[slot + 1] as Value
    const part = model.parts[slot]
    if (typeof inner === 'object') values[slot] = fill(inner, node as Text, parent)
    else {
      values[slot] = inner
      if (!part) (node as Text).data = inner as string
      // With the last of its slots it is whole.
      else if (part.slots[part.slots.length - 1] === slot) setText(node as Element, part.name, textOf(part, values))
    }
  })
  fragment.append(copy)
  return { model, source: tree === value ? undefined : value, values, nodes, tops }
}

/** Puts `value` before the slot's text, instead of `old`. `parent` is what is around a copy that is not in the page. */
export function fill(value: Tree | Rows | { h: string }, anchor: Text, parent: Element, old?: Shown): Shown {
  const inside = anchor.parentElement ?? parent
  const fragment = new DocumentFragment()
  const add = (tree: Tree | { h: string }) => build(tree, inside, fragment)
  const shown = isRows(value) ? { rows: value.l.map(add) } : add(value)
  if (old !== undefined) {
    keepContainers(old, shown, fragment)
    remove(old)
  }
  anchor.before(fragment)
  return shown
}

/** A nested live component that is in the new content too goes on as it is. */
function keepContainers(old: Shown, shown: Shown, fragment: DocumentFragment): void {
  for (const container of fragment.querySelectorAll<HTMLElement>(CONTAINER)) {
    const same = ['live', 'token']
      .map((name) => `[data-l-${name}="${CSS.escape(container.getAttribute(`data-l-${name}`) ?? '')}"]`)
      .join('')
    for (const node of nodesOf(old)) {
      const kept = node instanceof Element && (node.matches(same) ? node : node.querySelector(same))
      if (!kept) continue
      container.replaceWith(kept)
      if (isInstance(shown)) shown.tops = shown.tops.map((top) => (top === container ? kept : top))
      break
    }
  }
}
