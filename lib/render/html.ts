import type { RawHtml as PublicRawHtml } from '../../index'
import { typeOf } from '../check'
import { LoomError, textOf } from '../errors'
import { native } from '../native'
import { atPlace, isRemembering, located, placeOfTemplate, rememberTemplate } from '../places'
import { joinedAsText, Tree } from './tree'

export class RawHtml implements PublicRawHtml {
  constructor(
    readonly html: string,
    /** Made by `sanitized()`: a user's HTML, in which Rust makes `data-l-…` inert (src/template/sanitized.rs). */
    readonly isUsers: boolean,
  ) {}

  /** @throws LoomError always: it is for slots of templates, and cannot be joined as text. */
  toString(): string {
    throw joinedAsText(
      this.isUsers ? 'The result of sanitized()' : 'The result of raw()',
      'Put the result into a slot of html`…`; in a plain string, use the string without the call',
    )
  }
}

export function html(statics: TemplateStringsArray, ...dynamics: readonly unknown[]): Tree {
  if (isRemembering()) rememberTemplate(statics, html)
  return new Tree(statics, dynamics)
}

export function raw(html: string): RawHtml {
  return rawHtml(html, 'raw()', false)
}

export function sanitized(html: string): RawHtml {
  return rawHtml(html, 'sanitized()', true)
}

function rawHtml(html: string, name: string, isUsers: boolean): RawHtml {
  if (typeof html !== 'string') {
    throw new LoomError('LOOM_ARGUMENT', `Expected a string for ${name} but received ${typeOf(html)}`)
  }
  return new RawHtml(html, isUsers)
}

/** A template literal as Rust has compiled it. */
export interface Template {
  /** The template number, which crosses to Rust instead of the statics. */
  readonly id: number
  readonly statics: TemplateStringsArray
  /**
   * For each value the function that turns it into the text of its attribute; `undefined` if the value is a text, or
   * stands in text.
   */
  readonly says: readonly (Says | undefined)[]
  /** One letter for each value: see src/template/presence.rs. */
  readonly kinds: string
}

/**
 * The text that Rust gets for a value: for a boolean attribute `1`, or nothing if the attribute is not there; for
 * another attribute that can be absent `=` and the text, or nothing if it is not there; otherwise plain text.
 * `undefined` if the value cannot be a text.
 */
type Says = (value: unknown) => string | undefined

const isThere: Says = (value) => (value ? '1' : '')

/** The attribute's text, or that the attribute is not there; `yes` and `no` are the texts of `true` and `false`. */
function comesAndGoes(yes: string, no: string): Says {
  return (value) => {
    if (value === null || value === undefined) return ''
    if (value === true) return yes
    if (value === false) return no
    return typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol'
      ? undefined
      : `=${value as string | number | bigint}`
  }
}

/** By the letters of src/template/presence.rs. */
const SAYS: Readonly<Record<string, Says | undefined>> = {
  b: isThere,
  q: isThere,
  o: comesAndGoes('=', ''),
  e: comesAndGoes('=true', '=false'),
  y: comesAndGoes('=yes', '=no'),
  n: comesAndGoes('=on', '=off'),
  d: (value) => (typeof value === 'boolean' ? String(value) : undefined),
}

/** The place of a value, for a message. */
export function describeSlot({ id, statics }: Template, index: number): string {
  return native.describeValue(id, index) + atPlace(placeOfTemplate(statics))
}

const templates = new WeakMap<TemplateStringsArray, Template>()
// The last template is kept apart: the rows of a list come from one literal, one after the other.
let lastStatics: TemplateStringsArray | undefined
let last: Template | undefined

/** The template of a literal. Its statics cross to Rust at the first call only. */
export function templateOf(statics: TemplateStringsArray): Template {
  if (statics === lastStatics && last !== undefined) return last
  const template = templates.get(statics) ?? compile(statics)
  lastStatics = statics
  last = template
  return template
}

function compiled(statics: TemplateStringsArray): { id: number; kinds: string } {
  const placed = located(statics)
  if (placed !== statics) {
    try {
      return native.compileTemplate(Array.from(placed))
    } catch {
      // The message shows the template as it is written.
    }
  }
  return native.compileTemplate(Array.from(statics))
}

function compile(statics: TemplateStringsArray): Template {
  // Rust keeps every template for ever, so arrays that are not a literal's, and new for each render, would leak.
  const { raw } = statics as { raw?: unknown }
  if (!Array.isArray(raw)) {
    throw new LoomError('LOOM_ARGUMENT', 'html is a tag for template literals; call it as html`…`')
  }
  try {
    const { id, kinds } = compiled(statics)
    const template = { id, statics, kinds, says: Array.from(kinds, (kind) => SAYS[kind]) }
    templates.set(statics, template)
    return template
  } catch (error) {
    throw new LoomError('LOOM_TEMPLATE', textOf(error) + atPlace(placeOfTemplate(statics)), { cause: error })
  }
}
