/**
 * A page that shows a tree already, or an older one. Where it is not simply recognised, the tree is built out of the
 * page, and then each of its nodes gives way to the one of the page that is the same. What is there stays, and what
 * differs is set.
 */

import { agrees, isClosed, isForeign, WHOLE } from './alike'
import type { Fields } from './fields'
import { build, isInstance, isList, isShown, move, nodesOf, textOf, type Instance, type Shown } from './instance'
import { recognise } from './recognise'
import { modelOf } from './template'
import { takeText } from './texts'
import type { Tree } from './tree'

/**
 * With `end`, the tree is HTML which takes the place of other HTML between the two nodes, and all that differs is the
 * server's doing.
 */
export function adopt(
  tree: Tree,
  container: Element,
  fields: Fields,
  start: ChildNode | null = container.firstChild,
  end: ChildNode | null = null,
): Instance {
  const known = end ? undefined : recognise(tree, container, fields)
  if (known) return known
  const fragment = modelOf(tree[0], container).fragment.cloneNode() as DocumentFragment
  const instance = build(tree, container, fragment)
  /** Where slots are among the children: what is too much there may be an older content of theirs. */
  const roomy = new Set<Node | null>()
  /** Rows are taken for each other only where they look the same. */
  const rows = new Set<Node>()
  /** The page's nodes, by those that were built. */
  const found = new Map<Node, Node>()

  function look(shown: Shown): void {
    if (isList(shown)) {
      for (const node of nodesOf(shown)) rows.add(node)
      shown.rows.forEach(look)
    } else if (isInstance(shown)) {
      shown.nodes.forEach((node, slot) => {
        if (shown.model.parts[slot]) return
        roomy.add(node.parentNode)
        look(shown.values[slot] as Shown)
      })
    }
  }

  function pair(built: Node, page: Node, at: ChildNode | null): void {
    const there: Element[] = []
    for (let node = at; node && node !== end; node = node.nextSibling) if (node instanceof Element) there.push(node)
    const taken = match(elementsIn(built), there)
    for (const node of there) {
      if (taken.has(node) || !(end || (roomy.has(built) && !isForeign(node)))) continue
      if (at === node) at = node.nextSibling
      node.remove()
    }
    /** Texts that are too much go; what others have put in is passed over. */
    const passTo = (mate?: Node) => {
      while (at && at !== end && at !== mate && !taken.has(at)) {
        const node = at
        at = at.nextSibling
        if (node instanceof Text) node.remove()
      }
    }
    for (const node of [...built.childNodes]) {
      const mate = found.get(node)
      if (mate) {
        passTo(mate)
        if (at === mate) at = mate.nextSibling
        else move(page, mate, at as Node)
        if (!isClosed(node as Element)) pair(node, mate, mate.firstChild)
      } else if (node instanceof Text) {
        const text = takeText(node.data, page, at, end)
        found.set(node, text)
        at = text.nextSibling
      } else page.insertBefore(node, at)
    }
    passTo()
  }

  /** Those of the page that are found: by all they are, wherever they stand; or else by their place between such. */
  function match(wanted: Element[], there: Element[]): Set<Node> {
    const known = new Map<string, Element[]>()
    for (const element of there) {
      const name = nameOf(element)
      const same = known.get(name)
      if (same) same.push(element)
      else known.set(name, [element])
    }
    const taken = new Set<Node>()
    const take = (element: Element, mate: Element | undefined) => {
      if (!mate) return
      taken.add(mate)
      found.set(element, mate)
    }
    for (const element of wanted) take(element, known.get(nameOf(element))?.shift())
    let from = 0
    let next = 0
    wanted.forEach((element, index) => {
      while (next < wanted.length && (next <= index || !found.has(wanted[next] as Node))) next++
      const until = next < wanted.length ? there.indexOf(found.get(wanted[next] as Node) as Element, from) : there.length
      const between = (test: (one: Element) => boolean) => {
        for (let at = from; at < until; at++) {
          const one = there[at] as Element
          if (!taken.has(one) && test(one)) return one
        }
      }
      if (!found.has(element) && !(end && element.matches(WHOLE))) {
        const mate = between((one) => fits(element, one))
        take(element, mate ?? (rows.has(element) ? undefined : between((one) => one.localName === element.localName)))
      }
      const mate = found.get(element) as Element | undefined
      if (!mate) return
      from = there.indexOf(mate, from) + 1
      equal(element, mate)
    })
    return taken
  }

  /** The mate says what the server says of the element; what is open is the user's. */
  function equal(element: Element, mate: Element): void {
    if (mate.matches('[data-l-ignore]')) return
    for (const { name } of [...element.attributes, ...(end ? mate.attributes : [])]) {
      const text = element.getAttribute(name)
      const isSame = end ? name === 'open' || text === mate.getAttribute(name) : agrees(mate, name, text as string)
      if (!isSame) fields.set(mate, name, text)
    }
    if (end && element.matches('textarea,title') && element.textContent !== mate.textContent) {
      fields.set(mate, '', element.textContent)
    }
  }

  function settle(shown: Shown): void {
    if (isList(shown)) return shown.rows.forEach(settle)
    if (!isInstance(shown)) return
    const { nodes, values, model } = shown
    const now = <Top>(node: Top) => found.get(node as Node) ?? node
    shown.tops = shown.tops.map(now)
    shown.nodes = nodes.map(now)
    shown.nodes.forEach((node, slot) => {
      const part = model.parts[slot]
      if (!part) settle(values[slot] as Shown)
      // Of what was built it is set already.
      else if (node !== nodes[slot] && part.slots[part.slots.length - 1] === slot && !isShown(node as Element, part, values)) {
        fields.set(node as Element, part.name, textOf(part, values))
      }
    })
  }

  look(instance)
  const hadElements = !end && container.firstElementChild && fragment.firstElementChild
  pair(fragment, container, start)
  if (hadElements && ![...found.values()].some((node) => node instanceof Element)) {
    console.warn('loom-live: the page is not what the server rendered, and is made anew:', container)
  }
  settle(instance)
  return instance
}

function elementsIn(parent: Node): Element[] {
  return Array.from((parent as ParentNode).children)
}

/** All that an element is, but what the user made of it. */
function nameOf(element: Element): string {
  return [element.localName, ...Array.from(element.attributes, ({ value }) => value), element.textContent].join('\n')
}

/** Could the page's element be the one that was built? */
function fits(element: Element, page: Element): boolean {
  return element.localName === page.localName && [...element.attributes].every(({ name, value }) => agrees(page, name, value))
}
