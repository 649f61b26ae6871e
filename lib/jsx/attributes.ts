// How the props of an element in JSX are called in a template of `html`. The runtime (`shapes.ts`) and the compile step
// (`lib/compiler/`) both ask here, so that both write the same template.

import { LoomError } from '../errors'
import { nearest } from '../nearest'
import { ELEMENTS, isElement, isVoid } from './elements'

/** The meaning of an element's prop. */
export type Spelling =
  /** The content between the tags. */
  | { readonly kind: 'children' }
  /** Declarations by property, if the value is an object; else an attribute. */
  | { readonly kind: 'style' }
  /** Handlers by event with modifiers. */
  | { readonly kind: 'on' }
  /** Conditions by attribute, which is there or not: `?name="…"`. */
  | { readonly kind: 'bool' }
  /** `name="…"`. */
  | { readonly kind: 'attribute'; readonly name: string }
  /** `@name="…"`. */
  | { readonly kind: 'binding'; readonly name: string }

export function mistake(text: string): LoomError {
  return new LoomError('LOOM_TEMPLATE', text)
}

/** @throws LoomError if no page can have such an element. */
export function checkElement(name: string): void {
  if (isElement(name)) return
  const near = nearest(name, ELEMENTS)
  throw mistake(
    `There is no element <${name}>${near === undefined ? '' : `; did you mean <${near}>?`} ` +
      'The name of a component begins with a capital letter, that of a custom element has a hyphen in it',
  )
}

/** @throws LoomError always: this element has no content. */
export function noChildren(element: string): never {
  throw mistake(
    `<${element}> has no content: browsers would show its children behind it. Write them behind it: <${element}/>…`,
  )
}

/** Names that React has and HTML does not have; and what to write instead. */
const OF_REACT: Readonly<Record<string, string>> = {
  dangerouslySetInnerHTML:
    'HTML is a child: <div>{raw(html)}</div> for HTML of your own, <div>{sanitized(html)}</div> for HTML of a user ' +
    'that a sanitizer has cleaned',
  defaultChecked: 'write checked: a field that a user has changed keeps what the user did',
  defaultValue: 'write value: a field that a user has changed keeps what the user typed',
  innerHTML: 'HTML is a child: <div>{raw(html)}</div>',
  ref: 'there is no element on the server. Give the element an id or a data- attribute if a script in the page has to find it',
  suppressContentEditableWarning: 'leave it out',
  suppressHydrationWarning: 'leave it out: nothing is hydrated',
}

/** `value` of these elements says nothing in HTML. */
const WITHOUT_VALUE: Readonly<Record<string, string>> = {
  select: 'the chosen <option> has selected: <option value={id} selected={id === chosen}>',
  textarea: 'its text is its child: <textarea>{text}</textarea>',
}

/** The attributes of SVG and MathML that have capital letters. */
const WITH_CAPITALS: ReadonlySet<string> = new Set(
  (
    'attributeName attributeType baseFrequency baseProfile calcMode clipPathUnits definitionURL diffuseConstant edgeMode ' +
    'filterUnits glyphRef gradientTransform gradientUnits kernelMatrix kernelUnitLength keyPoints keySplines keyTimes ' +
    'lengthAdjust limitingConeAngle markerHeight markerUnits markerWidth maskContentUnits maskUnits numOctaves pathLength ' +
    'patternContentUnits patternTransform patternUnits pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio ' +
    'primitiveUnits refX refY repeatCount repeatDur requiredExtensions requiredFeatures specularConstant specularExponent ' +
    'spreadMethod startOffset stdDeviation stitchTiles surfaceScale systemLanguage tableValues targetX targetY textLength ' +
    'viewBox viewTarget xChannelSelector yChannelSelector zoomAndPan'
  ).split(' '),
)

/** The states and properties of WAI-ARIA 1.3, without `aria-`. */
const ARIA = (
  'activedescendant atomic autocomplete braillelabel brailleroledescription busy checked colcount colindex colindextext ' +
  'colspan controls current describedby description details disabled dropeffect errormessage expanded flowto grabbed ' +
  'haspopup hidden invalid keyshortcuts label labelledby level live modal multiline multiselectable orientation owns ' +
  'placeholder posinset pressed readonly relevant required roledescription rowcount rowindex rowindextext rowspan selected ' +
  'setsize sort valuemax valuemin valuenow valuetext'
).split(' ')

/** A name that an HTML parser reads as one attribute's name, and as nothing else. */
const NAME = /^[A-Za-z_][\w.:-]*$/

/** Names of events that React has, and the browser has under another name. */
const EVENTS_OF_REACT: Readonly<Record<string, string>> = { doubleclick: 'DblClick' }

/**
 * The meaning of an element's prop in a template.
 *
 * @throws LoomError if HTML has no such attribute; the message says what to write.
 */
export function spellingOf(element: string, prop: string): Spelling {
  if (prop === 'children') return { kind: 'children' }
  if (prop === 'style') return { kind: 'style' }
  if (prop === 'on' || prop === 'bool') return { kind: prop }
  if (prop === 'class' || prop === 'className') return { kind: 'attribute', name: 'class' }
  if (prop === 'htmlFor') return { kind: 'attribute', name: 'for' }
  const advice = (Object.hasOwn(OF_REACT, prop) ? OF_REACT[prop] : undefined) ?? valueOf(element, prop)
  if (advice !== undefined) throw wrongName(element, prop, advice)
  if (/^on[A-Z]/.test(prop)) {
    const event = prop.slice(2).toLowerCase()
    const meant = Object.hasOwn(EVENTS_OF_REACT, event) ? EVENTS_OF_REACT[event] : undefined
    if (meant !== undefined) throw wrongName(element, prop, `the browser calls this event ${meant}: write on${meant}`)
    if (!NAME.test(event)) throw unreadable(element, prop)
    return { kind: 'binding', name: event }
  }
  if (prop.startsWith('@')) {
    throw wrongName(element, prop, `write on={{ ${JSON.stringify(prop.slice(1))}: 'handler' }}`)
  }
  if (/^on[a-z]+$/.test(prop)) {
    const name = `on${prop.charAt(2).toUpperCase()}${prop.slice(3)}`
    throw wrongName(
      element,
      prop,
      `an attribute of this name holds script. Write ${name}="handler" to bind a handler of the server`,
    )
  }
  if (prop.startsWith('?')) throw wrongName(element, prop, `write bool={{ ${JSON.stringify(prop.slice(1))}: isThere }}`)
  if (!NAME.test(prop)) throw unreadable(element, prop)
  if (/[A-Z]/.test(prop) && !WITH_CAPITALS.has(prop)) {
    const hyphenated = prop.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const isAria = prop.startsWith('aria')
    const name = isAria || /^(accept[A-Z]|http[A-Z])/.test(prop) ? hyphenated : prop.toLowerCase()
    const mend = isAria || !isOfSvg(hyphenated) ? `HTML calls it ${name}` : `SVG calls it ${hyphenated}`
    throw wrongName(element, prop, mend)
  }
  if (prop.startsWith('aria-') && !ARIA.includes(prop.slice('aria-'.length))) {
    const near = nearest(prop.slice('aria-'.length), ARIA)
    throw wrongName(element, prop, near === undefined ? 'WAI-ARIA has no such attribute' : `did you mean aria-${near}?`)
  }
  return { kind: 'attribute', name: prop }
}

function valueOf(element: string, prop: string): string | undefined {
  return prop === 'value' && Object.hasOwn(WITHOUT_VALUE, element) ? WITHOUT_VALUE[element] : undefined
}

/** Whether this is a presentation attribute of SVG, which React writes without hyphens. */
function isOfSvg(name: string): boolean {
  return /^(alignment|baseline|clip|color-inter|cap|dominant|fill|flood|font|letter|lighting|marker|paint|pointer|shape|stop|stroke|text|unicode|vector|word|writing)-/.test(
    name,
  )
}

function wrongName(element: string, prop: string, mend: string): LoomError {
  return mistake(`<${element} ${prop}=…>: there is no attribute ${prop}; ${mend}`)
}

function unreadable(element: string, prop: string): LoomError {
  return mistake(
    `<${element}> was given the prop ${JSON.stringify(prop.slice(0, 60))}, which cannot be the name of an attribute. ` +
      'Props that are spread into an element come from your own code, never from data',
  )
}

/** The text after `@` in a template, from a key of the prop `on`. */
export function eventOf(element: string, key: string): string {
  if (!/^[a-z][\w:.?!#$%&()*+,;@[\]^{|}~-]*$/.test(key)) {
    throw mistake(
      `<${element} on={{ ${JSON.stringify(key.slice(0, 60))}: … }}>: a key of on is an event with modifiers, as in ` +
        "on={{ 'keydown.enter.prevent': 'send' }}",
    )
  }
  return key
}

/** The name of an attribute that is there or not, from a key of the prop `bool`. */
export function presenceOf(element: string, key: string): string {
  if (!NAME.test(key) || /[A-Z]/.test(key)) {
    throw mistake(
      `<${element} bool={{ ${JSON.stringify(key.slice(0, 60))}: … }}>: a key of bool is the name of an attribute, as in ` +
        'bool={{ active: isActive }}',
    )
  }
  return key
}

/** A property of CSS, from a key of the prop `style`: as CSS has it, or as scripts have it (`backgroundColor`). */
export function propertyOf(element: string, key: string): string {
  const name = /^--|-/.test(key)
    ? key
    : key === 'cssFloat'
      ? 'float'
      : key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace(/^(webkit|moz|ms)-/, '-$1-')
  if (!/^(?:--[\w-]+|-?[a-z][a-z0-9-]*)$/.test(name)) {
    throw mistake(
      `<${element} style={{ ${JSON.stringify(key.slice(0, 60))}: … }}>: a key of style is a property of CSS, as in ` +
        "style={{ 'background-color': colour, '--size': size }}",
    )
  }
  return name
}

/** Notes the names of an element's attributes, as HTML reads them. */
export class Names {
  private readonly seen = new Set<string>()

  constructor(private readonly element: string) {}

  /** @throws LoomError if the element has it already: browsers would drop the second one. */
  add(name: string, prop: string): void {
    if (!this.seen.has(name.toLowerCase())) {
      this.seen.add(name.toLowerCase())
      return
    }
    throw mistake(`<${this.element}> has the attribute ${name} twice, the second time as ${prop}: write it once`)
  }
}

/** @throws LoomError if an element that has no content is given some. */
export function checkVoid(element: string, children: unknown): void {
  const isNothing = children === undefined || children === null || children === false
  if (isVoid(element) && !isNothing) noChildren(element)
}

/** A mistake of people who come from React: a function as a handler. */
export function functionForHandler(element: string, prop: string): LoomError {
  const [named, withArguments] =
    prop === 'on'
      ? ["on={{ 'keydown.enter': 'save' }}", "on={{ 'keydown.enter': on('save', { id }) }}"]
      : [`${prop}="save"`, `${prop}={on('save', { id })}`]
  return mistake(
    `<${element} ${prop}={…}> was given a function. The browser cannot call it: handlers run on the server, and a page names ` +
      `them. Write the function into the module, handle: { save: (props, event) => … }, and name it: ${named}. ` +
      `To give the handler arguments, write ${withArguments}`,
  )
}
