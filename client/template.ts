/**
 * A template: parsed once for each kind of markup it stands in, and then copied. Where its slots are is known as a way
 * to walk through a copy, so that finding them costs no search.
 */

import { isClosed } from './alike'
import { hideIndicators } from './loading'
import { parse, surroundings } from './markup'

/** Stands where a slot is while the template is parsed. A noncharacter, which no page contains. */
const MARK = '\ufdd0'

const DOWN = 0
const NEXT = 1
const UP = 2
/** Higher steps note the node for slot `step - SLOT`. */
const SLOT = 3

export interface Template {
  statics: string[]
  /** One letter for each slot: see docs/protocol.md. */
  kinds: string
  /** By what is around it. */
  models: Record<string, Model | undefined>
}

/** What an attribute, or without a name the text of a `<textarea>` or `<title>`, is put together from. */
export interface Part {
  name: string
  /** One more than there are slots. */
  strings: string[]
  slots: number[]
}

export interface Model {
  template: Template
  fragment: DocumentFragment
  /** By slot; undefined where the slot stands between nodes. */
  parts: (Part | undefined)[]
  /** By child of the fragment. */
  items: Item[]
  steps: number[]
}

/** A static text, the number of a slot between nodes, or an element. */
export type Item = string | number | Outline

/** What an element of the page has to be. */
export interface Outline {
  name: string
  /** Those without slots. */
  attributes: [name: string, value: string][]
  slots: number[]
  isClosed: boolean
  inside: Item[]
}

const interned = new Map<string, Template>()

/** The same template for the same text: over all connections, so that a page can be compared with a new tree. */
export function intern(statics: string[], kinds: string): Template {
  const name = kinds + MARK + statics.join(MARK)
  let template = interned.get(name)
  if (!template) interned.set(name, (template = { statics, kinds, models: {} }))
  return template
}

/** The kinds of HTML, which has no slots. */
export const HTML = 'h'

/** HTML without slots, which may be anything; mostly it is shown once. */
export function htmlTemplate(html: string): Template {
  return { statics: [html.split(MARK).join('')], kinds: HTML, models: {} }
}

/** The template as it is parsed inside of `parent`. */
export function modelOf(template: Template, parent: Element): Model {
  const around = surroundings(parent)
  return (template.models[around] ??= parseModel(template, around))
}

/** The slots' nodes in a copy of the fragment. */
export function locate({ steps }: Model, copy: Node): Node[] {
  const nodes: Node[] = []
  let node = copy
  for (const step of steps) {
    if (step >= SLOT) nodes[step - SLOT] = node
    else node = (step === DOWN ? node.firstChild : step === NEXT ? node.nextSibling : node.parentNode) as Node
  }
  return nodes
}

function parseModel(template: Template, around: string): Model {
  const { statics, kinds } = template
  const html = statics.reduce((text, next, slot) => {
    const mark = `${MARK}${slot - 1}${MARK}`
    return text + (kinds[slot - 1] === 't' ? `<!--${mark}-->` : mark) + next
  })
  const fragment = parse(html, around)
  hideIndicators(fragment)
  const model: Model = { template, fragment, parts: [], items: [], steps: [] }
  model.items = scan(model, fragment)
  model.steps = stepsTo(model.items)
  return model
}

/** Prepares the inside of `parent`, and says what is there. */
function scan(model: Model, parent: Node): Item[] {
  return [...parent.childNodes].flatMap((node): Item | [] => {
    if (node instanceof Text) return node.data
    const slots: number[] = []
    if (!(node instanceof Element)) {
      const slot = (node as Comment).data.split(MARK)[1]
      node.replaceWith(...(slot ? [new Text()] : []))
      return slot ? +slot : []
    }
    if (node instanceof HTMLTableElement) implyBody(node)
    const attributes: Outline['attributes'] = []
    for (const attribute of [...node.attributes]) {
      const { name, value } = attribute
      if (!readPart(model, name, value, slots)) {
        attributes.push([name, value])
        continue
      }
      // The name stays where it is among the others, without a value that would be loaded.
      attribute.value = ''
      if (model.template.kinds[slots[slots.length - 1] as number] === 'b') node.removeAttribute(name)
    }
    if (node.matches('textarea,title') && readPart(model, '', node.textContent ?? '', slots)) node.textContent = ''
    const inside = scan(model, node)
    // By now it is without comments.
    return { name: node.localName, attributes, slots, inside, isClosed: isClosed(node) }
  })
}

/** How to walk through the items to all slots, and no further. */
function stepsTo(items: Item[]): number[] {
  const steps: number[] = []
  let used = 0
  for (const item of items) {
    steps.push(steps.length ? NEXT : DOWN)
    const { slots, inside } = typeof item === 'object' ? item : { slots: typeof item === 'number' ? [item] : [], inside: [] }
    const inner = [...slots.map((slot) => SLOT + slot), ...stepsTo(inside)]
    if (inner.length) used = steps.push(...inner)
  }
  steps.length = used
  return used ? [...steps, UP] : steps
}

/** As a parser does it with a page, where the rows are there. */
function implyBody(table: HTMLTableElement): void {
  const slots = [...table.childNodes].filter((node) => node instanceof Comment)
  if (slots.length !== 1 || table.tBodies.length) return
  const body = table.insertBefore(document.createElement('tbody'), slots[0] as Node)
  body.append(...slots)
}

/** False where there is no slot in the text. */
function readPart(model: Model, name: string, text: string, slots: number[]): boolean {
  const part: Part = { name, strings: [], slots: [] }
  text.split(MARK).forEach((piece, index) => {
    if (index % 2) part.slots.push(+piece)
    else part.strings.push(piece)
  })
  for (const slot of part.slots) model.parts[slot] = part
  slots.push(...part.slots)
  return part.slots.length > 0
}
