/**
 * A template is parsed once for each kind of markup that it stands in, and then copied. The places of its slots are
 * known as a way to walk through a copy, so finding them costs no search.
 */

import { attributesOf, OTHERS } from './attributes'
import { childrenOf, own } from './elements'
import { fieldHooks, noteName } from './field_hooks'
import { hideIndicators } from './indicators'
import { MARK, parse, surroundings } from './markup'
import { isTable } from './tables'
import type { Item, Model, Outline, Part, Template } from './template'

/** Elements whose content is compared and replaced as a whole. */
export const WHOLE = 'noscript,template,iframe,script,style'

/** The tree's template as it is parsed inside of `parent`. */
export function modelOf({ template }: { template: Template }, parent: Element): Model {
  const around = surroundings(parent)
  return (template.models[around] ??= parseModel(template, around))
}

function parseModel(template: Template, around: string): Model {
  const { statics, kinds } = template
  const html = statics.reduce((text, next, slot) => {
    const mark = `${MARK}${slot - 1}${MARK}`
    return text + (kinds[slot - 1] === 't' ? `<!--${mark}-->` : mark) + next
  })
  const node = parse(html, around)
  hideIndicators(node)
  const model: Model = { template, partOf: [], node, parts: [], given: [], inside: [], isLive: true }
  freeRows(node, html, around)
  model.inside = scan(model, node)
  return model
}

/**
 * Takes out of a template the bodies that only the parser has made, if rows or parts of slots may come to stand in or
 * beside them. To tell them from the template's own bodies, its markup is parsed again with a mark on each of these.
 */
function freeRows(content: DocumentFragment, html: string, around: string): void {
  let marked: NodeListOf<Element> | undefined
  content.querySelectorAll('tbody').forEach((body, at) => {
    const table = body.parentNode as ParentNode
    if (table !== content && ![...body.childNodes, ...table.childNodes].some(slotOf)) return
    marked ??= parse(html.replace(/<tbody/gi, `$& ${MARK}`), around).querySelectorAll('tbody')
    if (!marked[at]?.hasAttribute(MARK)) body.replaceWith(...body.childNodes)
  })
}

/** The number of the slot that this comment of a parsed template stands for. */
function slotOf(node: Node): string | undefined {
  return node instanceof Comment ? node.data.split(MARK)[1] : undefined
}

/** Prepares the content of `parent`, and returns its items. */
function scan(model: Model, parent: Node): Item[] {
  return childrenOf(own.firstChild(parent)).flatMap((node): Item | [] => {
    if (node instanceof Text) return node.data
    if (!(node instanceof Element)) {
      const slot = slotOf(node)
      node.replaceWith(...(slot ? [new Text()] : []))
      return slot ? +slot : []
    }
    const parts = attributesOf(node).map((attribute) => {
      const { name, value } = attribute
      noteName?.(name)
      const part = readPart(model, name, value)
      const [slot] = part.slots
      // The attribute keeps its place among the others, without a value that the browser would load.
      if (slot !== undefined) attribute.value = ''
      if (model.template.kinds[slot as number] === 'b' || name === 'autofocus') own.removeAttribute(node, name)
      return part
    })
    const isText = own.matches(node, 'textarea,title')
    if (isText) parts.push(readPart(model, '', node.textContent ?? ''))
    let inside = isText ? [] : scan(model, node)
    const isLive = inside.some((item) => typeof item === 'number' || (item as Outline).isLive)
    const isOthers = own.matches(node, OTHERS)
    if (!isLive && (isOthers || own.matches(node, WHOLE))) inside = []
    const given = parts.filter(isGiven)
    return {
      node,
      parts,
      given,
      inside,
      isOthers,
      isLive: isLive || given.length > 0,
      isField: fieldHooks?.isField(node, parts),
      isTable: isTable(node),
    }
  })
}

/**
 * Does a copy have to be given this part? Yes, if the part has slots; if only a parser obeys the attribute; or if the
 * copy may be inserted while others of its group (radio buttons) are in the page.
 */
function isGiven({ name, strings, slots }: Part): boolean {
  return (
    slots.length > 0 ||
    /^(muted|autofocus|contenteditable)$/.test(name) ||
    (name === 'type' && /^radio$/i.test(strings[0] as string))
  )
}

function readPart(model: Model, name: string, text: string): Part {
  const part: Part = { name, strings: [], slots: [] }
  text.split(MARK).forEach((piece, index) => {
    if (index % 2) {
      part.slots.push(+piece)
      model.partOf[+piece] = part
    } else part.strings.push(piece)
  })
  return part
}
