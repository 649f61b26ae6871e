/**
 * Which child of the new page is which child of the old one, and the old ones in the new order. Elements are told
 * apart by key, so that a row in at the front, or an error message that appears above a field, does not make every
 * later sibling into something else.
 */

import { stableIndexes } from './stable'

/** Fields have a key without being given one: what is typed in them must not wander. */
const KEYED = '[data-l-key],[id],[data-l-live],[name],option'

function keyOf(element: Element): string | null {
  const key = element.getAttribute('data-l-key') ?? element.getAttribute('id')
  const module = element.getAttribute('data-l-live')
  // Without a key of its own a nested component is the one with the same token.
  if (module !== null) return `${module} ${key ?? element.getAttribute('data-l-token')}`
  if (key !== null) return key
  const name = element.getAttribute('name')
  const value = element.matches('option,[type=radio],[type=checkbox]') ? element.getAttribute('value') : ''
  return name === null && !element.matches('option') ? null : `${name} ${value}`
}

interface Sign {
  /** Equal for two nodes that are surely the same. */
  exact: string
  /** Equal for two that may become each other; undefined for those with a key. */
  loose: string | undefined
}

function signOf(node: Node, previous: string): Sign {
  const loose = node.nodeName
  // A text is the one behind the same element.
  if (!(node instanceof Element)) return { exact: `${loose} ${previous}`, loose }
  const ignored = node.hasAttribute('data-l-ignore') ? ' ignored' : ''
  const key = keyOf(node)
  if (key !== null || ignored) return { exact: `${loose}${ignored}#${key}`, loose: undefined }
  // Otherwise an element is known by the first keyed thing inside it.
  const inner = node.querySelector(KEYED)
  return { exact: inner ? `${loose}>${keyOf(inner)}` : loose, loose }
}

function signs(parent: Element): Map<Node, Sign> {
  const result = new Map<Node, Sign>()
  let previous = ''
  for (let node = parent.firstChild; node; node = node.nextSibling) {
    const sign = signOf(node, previous)
    result.set(node, sign)
    if (node instanceof Element) previous = sign.exact
  }
  return result
}

function sameInOrder(from: Map<Node, Sign>, to: Map<Node, Sign>): boolean {
  const others = to.values()
  return from.size === to.size && [...from.values()].every((sign) => sign.exact === others.next().value?.exact)
}

/** Each node of `to` that has a counterpart, with it; what stays in `from` has none. */
function match(from: Map<Node, Sign>, to: Map<Node, Sign>): Map<Node, Node> {
  const pairs = new Map<Node, Node>()
  for (const kind of ['exact', 'loose'] as const) {
    const queues = new Map<string, Node[]>()
    for (const [node, sign] of from) {
      const name = sign[kind]
      if (name === undefined) continue
      const queue = queues.get(name)
      if (queue) queue.push(node)
      else queues.set(name, [node])
    }
    for (const queue of queues.values()) queue.reverse()
    for (const [node, sign] of to) {
      const found = pairs.has(node) ? undefined : queues.get(sign[kind] ?? '')?.pop()
      if (!found) continue
      pairs.set(node, found)
      from.delete(found)
    }
  }
  return pairs
}

/**
 * Gives `from` the children it will have: those of `to` where they are new, its own where they have a counterpart.
 * Returns each of the latter with that counterpart. `keep` says which others stay nevertheless.
 */
export function alignChildren(from: Element, to: Element, keep: (node: Node) => boolean): [Node, Node][] {
  const old = signs(from)
  const target = signs(to)
  const nodes = [...old.keys()]
  const targets = [...target.keys()]
  if (sameInOrder(old, target)) return nodes.map((node, index) => [node, targets[index] as Node])
  const pairs = match(old, target)
  const wanted = targets.map((node) => pairs.get(node) ?? node)
  for (const node of old.keys()) {
    // Behind the sibling that it was behind; without one, at the front.
    if (keep(node)) wanted.splice(node.previousSibling ? wanted.indexOf(node.previousSibling) + 1 : 0, 0, node)
    else from.removeChild(node)
  }
  place(from, wanted, nodes)
  return [...pairs].map(([node, found]) => [found, node])
}

function place(parent: Element, wanted: Node[], old: Node[]): void {
  const positions = new Map(old.map((node, index) => [node, index]))
  // Only elements count: to move a text costs nothing, to move an element can cost its focus, scroll or frame.
  const elements = wanted.filter((node) => node instanceof Element && positions.has(node))
  const stable = stableIndexes(elements.map((node) => positions.get(node) as number))
  const staying = new Set(elements.filter((_, index) => stable.has(index)))
  let next: Node | null = null
  for (const node of wanted.reverse()) {
    if (!staying.has(node) && (node.parentNode !== parent || node.nextSibling !== next)) move(parent, node, next)
    next = node
  }
}

interface Mover {
  moveBefore?(node: Node, next: Node | null): void
}

/** `moveBefore`, where there is one, keeps what an element would lose by being taken out and put back. */
function move(parent: Element & Mover, node: Node, next: Node | null): void {
  if (parent.moveBefore && parent.isConnected && node.parentNode === parent) parent.moveBefore(node, next)
  else parent.insertBefore(node, next)
}
