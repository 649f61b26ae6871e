/**
 * A page that is what the server rendered, which most are: the tree's templates and the page are gone through side by
 * side, and nothing is built. What the user has done to it does not count; nor does another text or value, where there
 * is no doubt what it belongs to.
 */

import { agrees, isForeign } from './alike'
import type { Fields } from './fields'
import { isShown, textOf, type Instance, type Shown } from './instance'
import { modelOf, type Item, type Outline } from './template'
import { takeText } from './texts'
import { isTree, type Tree, type Value } from './tree'

/** A text that is to be a node of its own, and where that is noted. */
type Piece = [text: string, list: unknown[], index: number]

/** How far the inside of an element has been gone through. */
interface Place {
  parent: Element
  at: ChildNode | null
  /** The texts that have to be there. */
  pieces: Piece[]
  /** Some of them are in rows. */
  isRow: boolean
}

const UNKNOWN = new Error()

/** Undefined where it is another page; then nothing has been touched. */
export function recognise(tree: Tree, container: Element, fields: Fields): Instance | undefined {
  /** What remains to be done where it is this one. */
  const changes: (() => void)[] = []
  /** Rows are like each other: one that says something else may be another one. */
  let isRow = false

  function begin(tree: Tree, parent: Element): Instance {
    // The values give way to what is found.
    return { model: modelOf(tree[0], parent), values: tree.slice(1) as Shown[], nodes: [], tops: [] }
  }

  function inside(parent: Element, items: Item[], tops: Instance['tops'], instance: Instance): void {
    const place: Place = { parent, at: parent.firstChild, pieces: [], isRow: false }
    follow(items, tops, instance, place)
    if (next(place)) throw UNKNOWN
  }

  function follow(items: Item[], tops: Instance['tops'], instance: Instance, place: Place): void {
    items.forEach((item, index) => {
      if (typeof item === 'string') expect(place, item, tops, index)
      else if (typeof item === 'object') tops[index] = find(item, instance, place)
      else {
        tops[index] = item
        const { values, nodes } = instance
        const value = values[item] as Value
        const isText = typeof value !== 'object'
        if (!isText) values[item] = fill(value, place)
        expect(place, isText ? (value as string) : '', nodes, item)
      }
    })
  }

  function show(tree: Tree, place: Place): Instance {
    const instance = begin(tree, place.parent)
    follow(instance.model.items, instance.tops, instance, place)
    return instance
  }

  function fill(value: Exclude<Value, string | number>, place: Place): Shown {
    if (isTree(value)) return show(value, place)
    const wasRow = isRow
    isRow = true
    const rows = value.l.map((row) => show(row, place))
    isRow = wasRow
    return { rows }
  }

  function find({ name, attributes, slots, isClosed, inside: items }: Outline, instance: Instance, place: Place): Element {
    const element = next(place, name)
    if (element?.localName !== name) throw UNKNOWN
    for (const [attribute, value] of attributes) if (!agrees(element, attribute, value)) throw UNKNOWN
    place.at = element.nextSibling
    const { nodes, values, model } = instance
    for (const slot of slots) {
      nodes[slot] = element
      const part = model.parts[slot]
      if (!part || part.slots[part.slots.length - 1] !== slot || isShown(element, part, values)) continue
      if (isRow) throw UNKNOWN
      changes.push(() => fields.set(element, part.name, textOf(part, values)))
    }
    if (!isClosed) inside(element, items, [], instance)
    return element
  }

  function expect(place: Place, ...piece: Piece): void {
    place.pieces.push(piece)
    place.isRow ||= isRow
  }

  /** The next element, except what others have put in. */
  function next(place: Place, name?: string): Element | null {
    passTexts(place)
    const element = place.at as Element | null
    if (!element || element.localName === name || !isForeign(element)) return element
    place.at = element.nextSibling
    return next(place, name)
  }

  /** To the next element. */
  function passTexts(place: Place): void {
    const { parent, pieces, at: first } = place
    let at = first
    let there = ''
    for (; at && !(at instanceof Element); at = at.nextSibling) if (at instanceof Text) there += at.data
    if (at === first && !pieces.length) return
    const [piece, more] = pieces
    if (piece && !more && there && there === piece[0] && first?.nextSibling === at) piece[1][piece[2]] = first
    else {
      const wanted = pieces.map(([text]) => text).join('')
      // Parsers move the white space of tables about.
      if (place.isRow && there.trim() !== wanted.trim()) throw UNKNOWN
      changes.push(() => cut(pieces, parent, first, at))
    }
    place.at = at
    place.pieces = []
    place.isRow = false
  }

  try {
    const root = begin(tree, container)
    inside(container, root.model.items, root.tops, root)
    for (const change of changes) change()
    return root
  } catch (error) {
    if (error !== UNKNOWN) throw error
    return undefined
  }
}

/** Makes the texts from `at` to `end` these. */
function cut(pieces: Piece[], parent: Element, at: ChildNode | null, end: ChildNode | null): void {
  for (const [text, list, index] of pieces) {
    const node = takeText(text, parent, at, end)
    list[index] = node
    at = node.nextSibling
  }
  while (at !== end) {
    const node = at as ChildNode
    at = node.nextSibling
    if (node instanceof Text) node.remove()
  }
}
