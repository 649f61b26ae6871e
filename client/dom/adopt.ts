/**
 * A page that shows a tree already, or an older one: tree and page are gone through side by side. Nodes that fit stay,
 * values that differ are set, nodes that are missing are made, and nodes that only the old tree had go.
 *
 * This happens when a page joins for the first time, when it joins again with a newer state, when HTML without slots
 * has changed, and when others have taken nodes out of the page. At its end every slot knows its node, as if the tree
 * had been built here; `patch` needs nothing else. The page has no markers for slots: the template says where a slot
 * begins, and the tree says which nodes the slot shows, and so where it ends.
 *
 * For the children of one element, in this order:
 *
 * 1. **Gather** the wanted nodes, as a flat list of pieces: texts and elements of the template, and for each slot the
 *    pieces of the trees that the slot shows, then a text of the slot's own. That text is empty if the slot shows
 *    trees: it stands behind them, and later trees are put in before it. Slots are flattened because their elements
 *    are siblings in the page, so that one comparison sees all of them. In a table, rows are gathered once more, into
 *    the body that a parser makes for them (`tables.ts`).
 * 2. **Match** the elements among the pieces with those of the page (`match.ts`).
 * 3. **Clear**: elements that are nobody's mate go if a slot is beside them, since the slot may have shown them before.
 *    Elements that extensions and scripts have put there stay. Without a slot no element goes, unless all content is
 *    known to be the server's.
 * 4. **Walk** along the pieces, with a finger (`at`) on the page. A text is taken from the text under the finger,
 *    which is split at the end of the piece's text: parsers make one text of a static one and the slots beside it. An
 *    element with a mate: the mate is moved to the finger if it is not there, gets the attributes that differ, and its
 *    children are done the same way. An element without a mate is built from its template and put in. Texts that the
 *    finger passes over go.
 *
 * An example. The page has been away, and the server now says `title` "Mail", `note` <em>new</em>, `name` "Ann":
 *
 *     template  <h1>${title}</h1>${note}<p>Dear ${name}, hello</p>
 *     page      <h1>Mail</h1><p>Dear Bob, hello</p>
 *
 *     gather    <h1>   <em> of note's tree   "" of the slot note   <p>
 *     match     <h1> and <p> have mates, <em> has none.
 *     clear     nothing: each element of the page is a mate.
 *     walk      <h1> stays. It contains one text, the same as the slot's: this text becomes the slot's node.
 *               <em> is built and put in before <p>. The slot's own text, which is empty, is made behind it.
 *               <p> stays, and its pieces are "Dear ", "Ann" and ", hello". The page's one text begins with "Dear ",
 *               so the text is split there. The rest, "Bob, hello", does not begin with "Ann", so the rest becomes
 *               "Ann", the text of the slot name. ", hello" is made behind it.
 *
 * The heading, its text and the paragraph are the nodes that they were, so what a user has selected in the heading
 * stays.
 */

import { attributesOf, CONTAINER } from './attributes'
import { byName, complete, hide, keepContainers, noteParts, setText } from './build'
import { childrenOf, move, own, removeNode, root } from './elements'
import { touch, type Fields } from './field_hooks'
import { agrees, isForeign, isOther, LOOKS, makers, match, type Piece, type Wanted } from './match'
import { modelOf } from './model'
import { HTML, type Inside, type Outline } from './template'
import { isPart, isTable, isTableRow, noteBody } from './tables'
import { textOf, treesIn, type Tree, type Value } from './tree'
import { renew, saidOf } from './untouched'

/**
 * With `isAgain`, the page was made by a tree of the same component: if HTML differs, the server has changed it. With
 * `end`, the tree takes the place of the nodes from `start` up to `end`.
 */
export function adopt(
  tree: Tree,
  container: Element,
  fields: Fields | undefined,
  isAgain: unknown,
  start: ChildNode | null = own.firstChild(container),
  end: ChildNode | null = null,
): void {
  const set = fields?.set ?? setText
  /** Nested components that may be used again; none if only the nodes between two are adopted. */
  const containers = byName(end ? [] : own.querySelectorAll(container, CONTAINER))
  /** Is all in the node the server's? So it is in HTML that was shown before, and in what another template has made. */
  const isExact = (node: Element, tree: Tree) => (isAgain && tree.template.kinds === HTML) || isOther(node, tree)

  function follow(
    tree: Tree,
    outline: Inside,
    tops: Tree['tops'],
    parent: Element,
    at: ChildNode | null,
    gathered?: Piece[],
  ): void {
    const [only] = outline.inside
    if (
      typeof only === 'number' &&
      !outline.inside[1] &&
      at instanceof Text &&
      at.data === tree.values[only] &&
      !own.nextSibling(at)
    ) {
      // The usual case: one slot, and the page has its text.
      tops[0] = only
      tree.nodes[only] = at
      return
    }
    const pieces = gathered ?? []
    /** In a table: the pieces in the body that a parser has made for rows. */
    let rows: Piece[] | undefined
    const isAll = isExact(parent, tree)
    /** Elements that nobody wants may go: beside slots, they may be an older content of the slots. */
    let isRoomy = isAll || !!gathered

    const outer = tree
    function gather(tree: Tree, { inside }: Inside, tops: Tree['tops'], isRow: boolean): void {
      inside.forEach((item, index) => {
        let list: Piece['list'] = tops
        let what: Piece['item']
        if (typeof item !== 'number') {
          what = item
        } else {
          isRoomy = true
          tops[index] = index = item
          list = tree.nodes
          const value = tree.values[index] as Value
          for (const inner of treesIn(value)) {
            gather(inner, (inner.model = modelOf(inner, parent)), (inner.tops = []), isRow || inner !== value)
          }
          what = typeof value === 'object' ? '' : (value as string)
        }
        const piece: Piece = { tree, item: what, list, index, isRow, mate: undefined, rows: undefined, isNoted: false }
        if (isTable(parent) && typeof what === 'object') {
          if (isPart(what.node)) rows = undefined
          else if (!rows && isTableRow(what.node))
            pieces.push({
              ...piece,
              tree: outer,
              item: BODY,
              list: [],
              isRow: false,
              rows: (rows = []),
              isNoted: isAgain,
            })
        }
        ;(rows ?? pieces).push(piece)
      })
    }

    gather(tree, outline, tops, false)
    const wanted = pieces.filter((piece): piece is Wanted => typeof piece.item === 'object')
    const there = childrenOf(at, end).filter((node) => node instanceof Element)
    const taken = match(wanted, there, isAll)
    if (taken) fields?.touch(parent)
    if (!end && parent === container && there.length && wanted.length && taken?.size === 0) {
      console.warn('loom-live: the page was changed and is made anew:', container)
    }
    if (taken && isRoomy) {
      for (const node of there) {
        if (taken.has(node) || (!isAll && isForeign(node))) continue
        if (at === node) at = own.nextSibling(node)
        touch(parent)
        removeNode(node)
      }
    }
    /** Removes texts that nobody wants; passes over elements that others have put in. */
    const passTo = (mate?: Element) => {
      while (at && at !== end && at !== mate && !taken?.has(at)) {
        const node = at
        at = own.nextSibling(node)
        if (node instanceof Text) {
          touch(parent)
          node.remove()
        }
      }
    }
    for (const { tree, item, list, index, mate, rows } of pieces) {
      let node: ChildNode
      if (typeof item === 'string') {
        node = takeText(item, parent, at, end)
        at = own.nextSibling(node)
      } else {
        if (mate) {
          node = mate
          passTo(mate)
          if (at === mate) at = own.nextSibling(mate)
          else {
            touch(parent)
            move(parent, mate, at)
          }
        } else {
          const fragment = new DocumentFragment()
          fragment.append(own.cloneNode(item.node, true))
          complete(tree, item, fragment.firstChild as ChildNode, parent)
          // A container that is still in the page may be the mate of another piece.
          keepContainers(
            () => containers,
            tree,
            fragment,
            (one) => !root.contains(one),
          )
          node = fragment.firstChild as ChildNode
          touch(parent)
          own.insertBefore(parent, fragment, at)
        }
        let isOpen: unknown = rows
        if (rows) noteBody(node, parent)
        else if (mate) {
          // The content is not the component's: its slots get nodes of their own, which nobody sees.
          const isOthers = item.isOthers || fields?.keeps(mate, tree, item)
          if (isOthers && item.inside.length) hide(mate, tree, item, parent)
          equal(mate, item, tree)
          // An element of HTML that is empty now has to lose its old content.
          isOpen = !isOthers && (item.inside.length || (isExact(mate, tree) && !own.firstChild(item.node)))
        }
        if (isOpen) follow(tree, item, [], node as Element, own.firstChild(node), rows)
      }
      list[index] = node
    }
    passTo()
  }

  /** Makes the element's attributes those that the server says. */
  function equal(element: Element, item: Outline, tree: Tree): void {
    const { parts, isOthers } = item
    /**
     * Are all its attributes the server's? Yes if `isExact`, or if a static attribute differs: another template made
     * it.
     */
    let isServers = isExact(element, tree)
    noteParts(element, tree, item)
    for (const part of parts) {
      const { name, slots } = part
      if (
        agrees(element, part, tree, isServers || slots.length) ||
        (!slots.length && own.matches(element, '[data-l-ignore]'))
      )
        continue
      touch(element)
      set(element, name, renew(element, name, saidOf(element, name), textOf(part, tree)))
      isServers ||= !slots.length && !LOOKS.test(name)
    }
    if (!isServers || isOthers) return
    for (const { name } of attributesOf(element)) {
      if (name !== 'open' && !parts.some((part) => part.name === name) && saidOf(element, name) !== null)
        set(element, name, null)
    }
  }

  follow(tree, (tree.model = modelOf(tree, container)), (tree.tops = []), container, start)
  makers.clear()
}

/** Stands for a body that a parser makes. No template has this body; the rows in it are gathered into `rows`. */
const BODY: Outline = { node: own.createElement(document, 'tbody'), parts: [], given: [], inside: [] }

/** Returns the text as a node of its own: found at that place of the page, or put there. */
function takeText(text: string, page: Element, at: ChildNode | null, end: ChildNode | null): Text {
  // A translator wraps its translation of a text into `<font>`. It will translate again.
  while (text && at !== end && (at instanceof Comment || isTranslation(at))) {
    const node = at as ChildNode
    at = own.nextSibling(node)
    if (isTranslation(node)) node.remove()
  }
  if (at === end || !(at instanceof Text) || (!text && at.data)) {
    const made = new Text(text)
    if (text) touch(page)
    own.insertBefore(page, made, at)
    return made
  }
  if (!at.data.startsWith(text)) {
    touch(page)
    at.data = text
  }
  if (at.data !== text) at.splitText(text.length)
  return at
}

function isTranslation(node: Node | null): boolean {
  return (node as Element | null)?.localName === 'font'
}
