import { isElement } from '../jsx/elements'
import { Commands } from '../render/commands'

// Reads a template's text for signs of a mistake, once for each template, in development only. Text that merely looks like
// an element, as in a comment, counts as one: then a warning is needless, and nothing else happens.

const TAG = /<(\/?)([a-z][\w-]*)((?:"[^"]*"|'[^']*'|[^>"'])*)>/gi
const ATTRIBUTE = /([^\s"'=<>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]*)))?/g
/** Stands for a value. */
const VALUE = '\0'

/**
 * Fields that need no name: no form sends their values, or an attribute of the library says by itself what they hold.
 */
const NEEDS_NO_NAME = /^(submit|button|reset|image|file)$/i
const SPEAKS = /^(name|form|data-l-(model|upload|input|change)|@(input|change))(\.|$)/

/** A likely mistake in a template, as a sentence about it. */
export interface MarkupMistake {
  readonly text: string
  /** This counts as a mistake only if no module of the application has `params`. */
  readonly needsParams?: true
}

const known = new WeakMap<TemplateStringsArray, readonly MarkupMistake[]>()

export function mistakesInMarkup(statics: TemplateStringsArray): readonly MarkupMistake[] {
  let found = known.get(statics)
  if (found === undefined) known.set(statics, (found = [...find(statics.join(VALUE))]))
  return found
}

type Attributes = ReadonlyMap<string, string>

function attributesIn(text: string): Attributes {
  const found = new Map<string, string>()
  for (const [, name = '', ...values] of text.matchAll(ATTRIBUTE))
    found.set(name.toLowerCase(), values.find((value) => value !== undefined) ?? '')
  return found
}

/** Whether the element has this binding, with or without modifiers. */
function binds(attributes: Attributes, event: string): boolean {
  return [...attributes.keys()].some(
    (name) => name === `data-l-${event}` || name === `@${event}` || name.startsWith(`@${event}.`),
  )
}

function* find(markup: string): Generator<MarkupMistake> {
  let isInForm = false
  for (const [, slash, name = '', rest = ''] of markup.matchAll(TAG)) {
    const tag = name.toLowerCase()
    if (slash === '/') {
      if (tag === 'form') isInForm = false
      continue
    }
    const attributes = attributesIn(rest)
    const shown = `<${tag}${idOf(attributes)}>`
    if (tag === 'form') isInForm = binds(attributes, 'submit')
    else if (binds(attributes, 'submit') && /^(button|input|textarea|select)$/.test(tag)) {
      yield { text: `${shown} has data-l-submit, but only a form is submitted: write it on the <form>` }
    }
    if (isInForm) {
      if (/^(input|textarea|select)$/.test(tag) && lacksName(attributes)) {
        yield {
          text: `${shown} has no name, so the form's handler does not get its value: write name="…", and event.form has the value under that name`,
        }
      }
      // A button with `formmethod="dialog"` closes the dialog, and sends nothing.
      const submits = !['type', 'form', 'formmethod'].some((attribute) => attributes.has(attribute))
      if (tag === 'button' && binds(attributes, 'click') && submits) {
        yield {
          text: `${shown} submits its form, and its click calls a handler, too: write type="button", or leave the click to the form's handler`,
        }
      }
    }
    const href = attributes.get('href')
    if (tag === 'a' && (href === '' || href === '#') && binds(attributes, 'click') && !isPrevented(attributes)) {
      yield {
        text: `${shown} leads to the top of the page and adds to the history, and its click calls a handler, too: write a <button>, or data-l-prevent`,
      }
    }
    for (const link of ['data-l-nav', 'data-l-patch']) {
      if (!attributes.has(link)) continue
      const isForm = tag === 'form'
      if (tag !== 'a' && tag !== 'area' && !isForm)
        yield { text: `${shown} has ${link}, which is for links: write <a href="…" ${link}>` }
      else if (!isForm && !attributes.has('href'))
        yield { text: `${shown} has ${link} and no href, so the link leads nowhere: write href="…"` }
      else if (link === 'data-l-patch') {
        yield {
          text: `${shown} has data-l-patch, which only changes the address for params, and no module has params: add params, or write data-l-nav`,
          needsParams: true,
        }
      }
    }
  }
}

function lacksName(attributes: Attributes): boolean {
  if (NEEDS_NO_NAME.test(attributes.get('type') ?? '')) return false
  return ![...attributes.keys()].some((name) => SPEAKS.test(name) || name.includes(VALUE))
}

function isPrevented(attributes: Attributes): boolean {
  return [...attributes.keys()].some((name) => name === 'data-l-prevent' || /^@click.*\.prevent(\.|$)/.test(name))
}

/** How the element is called in a message. */
function idOf(attributes: Attributes): string {
  for (const name of ['id', 'type', 'class']) {
    const value = attributes.get(name)
    if (value !== undefined && value !== '' && !value.includes(VALUE)) return ` ${name}="${value}"`
  }
  return ''
}

/** The position of the selector among each command's arguments, from 1. */
const SELECTORS: Readonly<Record<string, number>> = {
  show: 1,
  hide: 1,
  toggle: 1,
  focus: 1,
  blur: 1,
  scrollIntoView: 1,
  showModal: 1,
  close: 1,
  addClass: 2,
  removeClass: 2,
  toggleClass: 2,
  removeAttribute: 2,
  toggleAttribute: 2,
  transition: 2,
  setAttribute: 3,
}

/** A likely mistake in commands: a name that was meant as an id selects elements of that name. */
export function mistakeInCommands(value: unknown): string | undefined {
  if (!(value instanceof Commands)) return undefined
  const [, json = '[]'] = /^js\((.*)\)$/s.exec(value.text) ?? []
  for (const [name = '', ...given] of JSON.parse(json) as [string, ...unknown[]][]) {
    const selector = given[(SELECTORS[name] ?? 0) - 1]
    if (typeof selector !== 'string' || !/^[a-z]\w*$/i.test(selector) || isElement(selector)) continue
    return `js.${name} is for elements <${selector}>, and HTML has no such element: write ${JSON.stringify(`#${selector}`)} for the element with this id, or ${JSON.stringify(`.${selector}`)} for elements with this class`
  }
  return undefined
}
