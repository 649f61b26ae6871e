/** The page becomes what the server rendered; what the browser and the user own in it stays. */

import { alignChildren } from './align'
import { CONTAINER } from './attributes'
import { FieldPatch, ownsChildren } from './fields'
import { keepFocus } from './focus'
import { atRest, hideIndicators } from './loading'
import { parse } from './markup'
import { keepOpen, rememberOpen } from './open'

const IGNORE = '[data-l-ignore]'

/** Equal or not, these are looked at in every patch, since it is remembered what the server made of them. */
const REMEMBERED = 'details,dialog,' + IGNORE

/** Ignored elements that the server rendered go when it drops them; those that the page put there stay. */
const ignoredOfServer = new WeakSet<Node>()

/** `seen`: the number of the last of the page's events that the server had seen when it rendered this. */
export function patchPage(container: Element, html: string, seen: number): void {
  const next = parse(container, html)
  hideIndicators(next)
  next.querySelectorAll(IGNORE).forEach((element) => ignoredOfServer.add(element))
  const fields = new FieldPatch(seen)
  atRest(() =>
    keepFocus(container, () => {
      morphChildren(container, next, fields)
      fields.finish()
    }),
  )
  rememberOpen(container)
}

function morphChildren(from: Element, to: Element, fields: FieldPatch): void {
  const stays = (node: Node) => node instanceof Element && node.matches(IGNORE) && !ignoredOfServer.has(node)
  for (const [node, target] of alignChildren(from, to, stays)) {
    if (node instanceof Element && target instanceof Element) morph(node, target, fields)
    else if (node.nodeValue !== target.nodeValue) node.nodeValue = target.nodeValue
  }
}

function morph(from: Element, to: Element, fields: FieldPatch): void {
  if (from.matches(IGNORE)) {
    ignoredOfServer.add(from)
    return
  }
  // A nested component's inside is its own business; its container's attributes are its parent's.
  if (from.matches(CONTAINER)) return morphAttributes(from, to, 'data-l-state')
  keepOpen(from, to)
  if (from.isEqualNode(to) && !from.querySelector(REMEMBERED)) return
  fields.before(from, to)
  morphAttributes(from, to)
  if (!ownsChildren(from)) morphChildren(from, to, fields)
}

function morphAttributes(from: Element, to: Element, except?: string): void {
  for (const attribute of to.attributes) {
    // As a node: `setAttribute` refuses names that the parser takes.
    if (from.getAttribute(attribute.name) !== attribute.value) from.setAttributeNode(attribute.cloneNode() as Attr)
  }
  for (const { name } of [...from.attributes]) {
    if (name !== except && !to.hasAttribute(name)) from.removeAttribute(name)
  }
}
