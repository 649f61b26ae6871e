/** A template, as the server has it, and its parsed forms (`model.ts`). */

import { MARK } from './markup'

export interface Template {
  statics: string[]
  /** One letter for each slot: see docs/protocol.md. */
  kinds: string
  /** The parsed template, by the kind of markup around it. */
  models: Record<string, Model | undefined>
}

/** The strings and slots of an attribute's value; or, without a name, of the text of a `<textarea>` or `<title>`. */
export interface Part {
  name: string
  /** One more than there are slots. */
  strings: string[]
  slots: number[]
}

/** The content of an element, or of the top of a template. */
export interface Inside {
  parts: Part[]
  /** The parts that a copy has to be given: see `isGiven` in model.ts. */
  given: Part[]
  /** Child by child; empty if the content is not looked at. */
  inside: Item[]
  /** There are slots in it. */
  isLive?: boolean
}

/** An element that has to be in the page. The node is the template's own, and is copied. */
export interface Outline extends Inside {
  node: Element
  /** The content is not the component's. */
  isOthers?: boolean
  /** Whether the element is more than its attributes and content: see field_hooks.ts. */
  isField?: boolean | undefined
  /** Whether rows of a copy may need a body. */
  isTable?: boolean
}

/** A static text, the number of a slot between nodes, or an element. */
export type Item = string | number | Outline

/** The template as it is parsed. */
export interface Model extends Inside {
  template: Template
  node: DocumentFragment
  /** By slot; undefined if the slot stands between nodes. */
  partOf: (Part | undefined)[]
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
