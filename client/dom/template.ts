/** A template, as the server has it, and what is known of it once it is parsed (`model.ts`). */

import { MARK } from './markup'

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

/** What there is in an element, or at the top of a template. */
export interface Inside {
  parts: Part[]
  /** Those that a copy has to be given. */
  given: Part[]
  /** Child by child; empty if the content is not looked at. */
  inside: Item[]
  /** There are slots in it. */
  isLive?: boolean
}

/** What an element of the page has to be. The node is the template's own, to be copied. */
export interface Outline extends Inside {
  node: Element
  /** What is in there is not the component's. */
  isOthers?: boolean
  /** Whether it is more than its attributes and what is in there: see field_hooks.ts. */
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
