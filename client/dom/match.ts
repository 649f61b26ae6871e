/**
 * Which element of the page is which element of a tree. `adopt` asks this for the children of one element at a time:
 * the tree's are the wanted ones, the page's are those that are there. Each wanted element gets at most one mate, and
 * each element of the page is the mate of at most one. There are four steps, from the surest to the boldest, and a
 * mate that one step has found is not given away by a later one.
 *
 * 1. **In order.** Mostly the page is what the server has rendered. If the first wanted element fits the first one
 *    that is there, the second fits the second, and so on to the end, all have their mates and the other steps are
 *    left out. Elements that others have put in (`isForeign`) are passed over. An element fits if its tag is the same
 *    and its attributes agree; attributes that do not identify an element (`LOOKS`) may differ. Rows of a list, and
 *    elements of HTML, also need the same text: they look alike, and one too many would shift all that follow.
 * 2. **By its text and key.** Now the order does not matter. An element with the same tag, the same text and the same
 *    key is the mate, at whatever place: it may have been moved. The key is the first attribute that identifies an
 *    element, often an `id`. This step is done for all wanted elements before the next one begins, so that no guess
 *    takes a certain mate.
 * 3. **By its place.** A wanted element without a mate may be a changed one. The mate is looked for behind the mate of
 *    the wanted element before, up to the next element that has been taken: first an element that fits, then one that
 *    has only the same tag. A row takes no mate by its tag alone: the mate would be another row, and the text that a
 *    user typed in the other row would be in this one. A live component is only its own mate, by its token.
 * 4. **None.** `adopt` makes the wanted element anew, and takes elements of the page that are nobody's mate out of it,
 *    if they may go.
 *
 * An example: `<ul>${each(…)}</ul>`, with rows `<li id="${id}">${text}</li>`. The page was away meanwhile.
 *
 *     there     a "one"   b "two"   c "three"   d "four"
 *     wanted    c "three"   d "vier"   e "five"   a "one"
 *
 *     step 1    c does not fit a: their ids differ. So the page is not in order.
 *     step 2    For c and a there are elements with the tag, the text and the id: these are their mates.
 *     step 3    d is looked for behind c. The element there fits, as text does not count here: d has its mate.
 *               e is looked for behind d. Nothing is left there: e has no mate.
 *     step 4    e is made, and b goes.
 *
 * So the elements of `a`, `c` and `d` stay, with all that users have typed, chosen and opened in them.
 *
 * Steps 2 and 3 look at 100 elements at most for each wanted one (`FAR`).
 */

import { attributesOf, CONTAINER } from './attributes'
import { own, root } from './elements'
import { modelOf, WHOLE } from './model'
import type { Inside, Item, Outline, Part, Template } from './template'
import { isImplied } from './tables'
import { textOf, treesIn, type Tree, type Value } from './tree'
import { saidOf, untouched } from './untouched'

/** A text or an element that has to be in the page. */
export interface Piece {
  tree: Tree
  item: string | Outline
  /** The list, and the index in it, where the piece's node is noted. */
  list: unknown[]
  index: number
  /** Rows look alike, so a row with other text is taken for another row. */
  isRow: boolean
  mate: Element | undefined
  /** The pieces inside, if this piece is a body that only a parser has made. */
  rows: Piece[] | undefined
  /**
   * This piece is such a body, and the page was adopted before: then the client knows the page's bodies of this kind.
   */
  isNoted: unknown
}

export interface Wanted extends Piece {
  item: Outline
}

/** How many elements are looked at for a mate. */
const FAR = 100

/** Attributes that do not identify an element: looks, addresses (which proxies rewrite), and what the user opens. */
export const LOOKS = /^(class|style|open|nonce|href|src)$/

/** The nodes that were shown before at the top of a tree, and the template that made each. */
export const makers = new Map<unknown, Template>()

export function noteMakers(value: Value | undefined): void {
  for (const tree of treesIn(value)) {
    const { template, tops, values, model, nodes } = tree
    for (const top of tops) makers.set(top, template)
    model?.partOf.forEach((part, slot) => {
      const element = nodes[slot] as Element
      if (part?.name === 'class')
        untouched.set(
          element,
          (untouched.get(element) ?? new Map<string, string | null>()).set('class', textOf(part, tree)),
        )
    })
    values.forEach(noteMakers)
  }
}

/** Was the node, or the nearest one around it with a known maker, made by another template? */
export function isOther(node: Node | null, { template }: Tree): boolean {
  for (; makers.size && node; node = own.parentNode(node)) {
    const maker = makers.get(node)
    if (maker) return maker !== template
  }
  return false
}

/** Has an extension or a script put the element there? */
export function isForeign(element: Element): boolean {
  return (
    !makers.has(element) &&
    (own.localName(element).includes('-') || own.matches(element, '[data-l-ignore],script,style,link'))
  )
}

/** Does the page's element have this attribute as the tree has it? `isExact`: the server has made each difference. */
export function agrees(page: Element, part: Part, tree: Tree, isExact: unknown): boolean {
  const { name, slots } = part
  const text = textOf(part, tree)
  const now = name ? saidOf(page, name) : own.textContent(page)
  // The user opens and closes (`open`); a boolean attribute is there or not.
  if (name === 'open') return true
  if (typeof tree.values[slots[0] as number] === 'number') return (text === null) === (now === null)
  if (text === now) return true
  if (isExact || !LOOKS.test(name)) return false
  // Browsers hide nonces.
  return name !== 'class' || (text as string).split(/\s+/).every((one) => !one || now?.split(/\s+/).includes(one))
}

/**
 * Gives each wanted piece its mate in the page, if there is one. Returns the elements that are mates; undefined if all
 * are, in order.
 */
export function match(wanted: Wanted[], there: Element[], isHtml: unknown): Set<Node> | undefined {
  if (areInOrder(wanted, there, isHtml)) return
  const taken = new Set<Node>()
  const take = (one: Wanted, list: Element[] = [], test: (one: Wanted, element: Element) => boolean) => {
    const at = one.mate ? -1 : list.slice(0, FAR).findIndex((element) => test(one, element))
    for (const mate of list.splice(at, at < 0 ? 0 : 1)) taken.add((one.mate = mate))
  }
  const known: Record<string, Element[]> = {}
  for (const element of there)
    (known[String([own.localName(element), own.textContent(element), attributesOf(element).find(isKey)?.value])] ??=
      []).push(element)
  for (const one of wanted) {
    one.mate = undefined
    const { item, tree } = one
    const key = item.parts.find(isKey)
    take(one, known[String([own.localName(item.node), textIn(item, tree), key && textOf(key, tree)])], fits)
  }
  const places = new Map(there.map((element, at) => [element, at]))
  let from = 0
  for (const one of wanted) {
    const near: Element[] = []
    for (let at = from; at < from + FAR && there[at] && !taken.has(there[at] as Element); at++)
      near.push(there[at] as Element)
    if (!(isHtml && own.matches(one.item.node, WHOLE))) {
      take(one, near, fits)
      // A live component is only its own mate, and an ignored element keeps its content.
      if (!one.isRow)
        take(
          one,
          near,
          (one, element) =>
            isNamed(one, element) && own.matches(element, one.item.isOthers ? '[data-l-ignore]' : `:not(${CONTAINER})`),
        )
    }
    if (one.mate) from = (places.get(one.mate) as number) + 1
  }
  return taken
}

/** Usually the page is as the server has rendered it, apart from elements that others have put in. */
function areInOrder(wanted: Wanted[], there: Element[], isHtml: unknown): boolean {
  let next = 0
  for (const element of there) {
    const one = wanted[next]
    if (
      one &&
      fits(one, element) &&
      !((isHtml || one.isRow) && textIn(one.item, one.tree) !== own.textContent(element))
    ) {
      one.mate = element
      next++
    } else if (isHtml || !isForeign(element)) return false
  }
  return next === wanted.length
}

/** The first identifying attribute stands for all of them: often it is an `id`. */
function isKey({ name }: { name: string }): boolean {
  return !!name && !LOOKS.test(name)
}

function isNamed({ item: { node }, tree, rows, isNoted }: Wanted, element: Element): boolean {
  return (
    own.localName(element) === own.localName(node) &&
    // A template's own body is no mate of one that a parser has made for rows, and the other way round.
    (isImplied(element) ? !!rows : !isNoted) &&
    !(own.matches(node, WHOLE) && isOther(element, tree) && element.innerHTML !== node.innerHTML)
  )
}

/** Could the page's element be the wanted one? */
function fits(one: Wanted, element: Element): boolean {
  return isNamed(one, element) && one.item.parts.every((part) => !part.name || agrees(element, part, one.tree, false))
}

export function textIn(item: Item | Inside, tree: Tree): string {
  if (typeof item === 'string') return item
  let text = ''
  if (typeof item === 'object') {
    for (const one of item.inside) text += textIn(one, tree)
    for (const part of item.parts) if (!part.name) text += textOf(part, tree) as string
    return text
  }
  const value = tree.values[item] as Value
  if (typeof value !== 'object') return `${value}`
  // Text is the same text in any surroundings.
  for (const one of treesIn(value)) text += textIn(modelOf(one, root), one)
  return text
}
