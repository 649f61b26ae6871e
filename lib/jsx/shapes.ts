// Templates for elements of JSX that no compile step has seen. A call of `jsx` says which element it is and which values
// it has, and not which of them are always the same; and it has no literal whose identity could name a template. So
// elements of one shape share a template: the same name, the same props in the same order, and as many children.
//
//     <li class="row" onClick={handler}>{name}</li>    is    html`<li class="${…}" @click="${…}">${…}</li>`
//
// The children of an element are trees of their own in its slots. They never become a part of its template: then
// `{error && <p>{error}</p>}` would change the template of all that is around it, and the browser would make that anew.

import { rememberTold } from '../places'
import {
  checkElement,
  checkVoid,
  eventOf,
  functionForHandler,
  mistake,
  Names,
  presenceOf,
  propertyOf,
  spellingOf,
} from './attributes'
import { Tree } from '../render/tree'
import { isVoid } from './elements'

/**
 * The most steps, and so the most templates, of all elements together. Source code has some thousands of shapes. If
 * names come from data, which should never be, the templates stop growing here: Rust keeps a template for ever.
 */
const MOST_STEPS = 50_000
/** More children than a source file writes out: they come from `createElement(name, props, ...items)`. */
const MOST_CHILDREN = 256

const enum Kind {
  /** A value in an attribute. */
  Value,
  Children,
  /** The prop `style`, `on` or `bool` begins: the names in its object follow. */
  Begin,
  /** After the last name in the object. */
  End,
  /** The prop `style` is a text. */
  Text,
}

/** Whose names come next. */
type Inside = 'props' | 'style' | 'on' | 'bool'

interface Shape {
  readonly statics: TemplateStringsArray
  /** The handlers: the index of the value, and the prop. */
  readonly bindings: readonly (readonly [number, string])[]
}

let steps = 0

/** @throws LoomError if there are too many. */
function countStep(element: string): void {
  if (steps >= MOST_STEPS) {
    throw mistake(
      `<${element}> has a combination of names that no element had before, and there are ${MOST_STEPS} combinations already. ` +
        'Take names of elements, attributes and styles from your own code, never from data',
    )
  }
  steps++
}

/** One name after the other leads from an element's name to its shape. */
class Step {
  /** The first way from here, which most elements go. */
  private firstName: string | undefined
  private first: Step | undefined
  private others: Map<string, Step> | undefined
  /** By the number of children. */
  private readonly shapes = new Map<number, Shape>()
  private lastCount = -1
  private lastShape: Shape | undefined
  private ending: Step | undefined
  private styleText: Step | undefined
  readonly isVoid: boolean

  constructor(
    readonly element: string,
    private readonly before: Step | undefined,
    readonly kind: Kind,
    readonly inside: Inside,
    /** The text of the template before the value, or instead of a value. */
    readonly text: string,
    /** The name of the attribute, as HTML reads it, and the prop. */
    readonly attribute: string | undefined,
    readonly prop: string,
    readonly isBinding: boolean,
    private readonly site: string | undefined,
  ) {
    this.isVoid = isVoid(element)
  }

  to(name: string): Step {
    if (this.firstName === name && this.first !== undefined) return this.first
    const known = this.others?.get(name)
    if (known !== undefined) return known
    const step = this.grow(name)
    if (this.first === undefined) {
      this.firstName = name
      this.first = step
    } else {
      this.others ??= new Map()
      this.others.set(name, step)
    }
    return step
  }

  /**
   * After the last name in the object of the prop `style`, `on` or `bool`. An object without names gives no attribute.
   */
  end(): Step {
    return (this.ending ??= this.next(
      Kind.End,
      'props',
      this.inside === 'style' && this.kind === Kind.Value ? '"' : '',
    ))
  }

  /** The prop `style` is a text. */
  asStyle(): Step {
    return (this.styleText ??= this.next(Kind.Text, 'props', ' style="', 'style'))
  }

  private next(
    kind: Kind,
    inside: Inside,
    text: string,
    attribute?: string,
    isBinding = false,
    prop = this.prop,
  ): Step {
    countStep(this.element)
    return new Step(this.element, this, kind, inside, text, attribute, prop, isBinding, this.site)
  }

  private grow(name: string): Step {
    const { element, inside, kind } = this
    const next = this.next.bind(this)
    if (inside === 'style') {
      const separator = kind === Kind.Begin ? ' style="' : '; '
      return next(
        Kind.Value,
        'style',
        `${separator}${propertyOf(element, name)}: `,
        kind === Kind.Begin ? 'style' : undefined,
      )
    }
    if (inside === 'on') {
      const event = eventOf(element, name)
      return next(Kind.Value, 'on', ` @${event}="`, `@${event}`, true)
    }
    if (inside === 'bool') {
      const attribute = presenceOf(element, name)
      return next(Kind.Value, 'bool', ` ?${attribute}="`, attribute)
    }
    const spelling = spellingOf(element, name)
    switch (spelling.kind) {
      case 'children':
        return next(Kind.Children, 'props', '', undefined, false, name)
      case 'style':
      case 'on':
      case 'bool':
        return next(Kind.Begin, spelling.kind, '', undefined, false, name)
      case 'attribute':
        return next(Kind.Value, 'props', ` ${spelling.name}="`, spelling.name, false, name)
      case 'binding':
        return next(Kind.Value, 'props', ` @${spelling.name}="`, `@${spelling.name}`, true, name)
    }
  }

  shape(children: number): Shape {
    if (children === this.lastCount && this.lastShape !== undefined) return this.lastShape
    let shape = this.shapes.get(children)
    if (shape === undefined) {
      countStep(this.element)
      this.shapes.set(children, (shape = this.make(children)))
    }
    this.lastCount = children
    this.lastShape = shape
    return shape
  }

  private make(children: number): Shape {
    const { element } = this
    const path: Step[] = []
    for (const from of this.way()) path.push(from)
    const names = new Names(element)
    const statics: string[] = []
    const bindings: [number, string][] = []
    let text = `<${element}`
    for (const step of path) {
      if (step.attribute !== undefined) names.add(step.attribute, step.prop)
      text += step.text
      if (step.kind !== Kind.Value && step.kind !== Kind.Text) continue
      if (step.isBinding) bindings.push([statics.length, step.prop])
      statics.push(text)
      text = step.inside === 'style' ? '' : '"'
    }
    text += '>'
    for (let child = 0; child < children; child++) {
      statics.push(text)
      text = ''
    }
    statics.push(this.isVoid ? text : `${text}</${element}>`)
    const literal = literalOf(statics)
    if (this.site !== undefined) rememberTold(literal, this.site)
    return { statics: literal, bindings }
  }

  /** The steps from the first prop to this one. */
  private way(): Step[] {
    const before = this.before
    return before === undefined ? [] : [...before.way(), this]
  }
}

/** Statics as a literal of `html` has them. */
function literalOf(statics: string[]): TemplateStringsArray {
  const literal = Object.assign([...statics], { raw: Object.freeze(statics) })
  ours.add(literal)
  return Object.freeze(literal)
}

/** The statics of all templates that JSX has made. */
const ours = new WeakSet<TemplateStringsArray>()

/** Whether a template is made of JSX. For templates of the compile step this is known in development only. */
export function isOfJsx(statics: TemplateStringsArray): boolean {
  return ours.has(statics)
}

/** Notes that a literal is the compile step's. */
export function noteOfJsx(statics: TemplateStringsArray): void {
  ours.add(statics)
}

const fragments: TemplateStringsArray[] = []

/** The template of so many children with nothing around them. */
export function fragmentOf(children: number): TemplateStringsArray {
  let statics = fragments[children]
  if (statics === undefined) fragments[children] = statics = literalOf(new Array<string>(children + 1).fill(''))
  return statics
}

const beginnings = new Map<string, Step>()

/**
 * `site`: the element's place in the source, if the compiler has told it. Then the element has a template of its own.
 */
function beginningOf(element: string, site: string | undefined): Step {
  const name = site === undefined ? element : `${element} ${site}`
  let step = beginnings.get(name)
  if (step !== undefined) return step
  checkElement(element)
  // Sources that are changed while a server runs have other sites each time.
  if (site !== undefined && steps >= MOST_STEPS / 2) return beginningOf(element, undefined)
  countStep(element)
  step = new Step(element, undefined, Kind.Begin, 'props', '', undefined, '', false, site)
  beginnings.set(name, step)
  return step
}

const NONE: readonly unknown[] = Object.freeze([])

type Props = Readonly<Record<string, unknown>>

/**
 * The tree of an element. `isStatic`: its children are an array that the source writes out.
 *
 * It runs for each element of each render: elements with few values, which most are, make nothing but their tree and an
 * array that has no room to spare.
 */
export function elementOf(
  element: string,
  props: Props,
  isStatic: boolean,
  key: unknown,
  site: string | undefined,
): Tree {
  const begin = (site === undefined ? beginnings.get(element) : undefined) ?? beginningOf(element, site)
  let step = begin
  let children: unknown
  let hasChildren = false
  let count = 0
  let first: unknown
  let second: unknown
  let third: unknown
  for (const name in props) {
    step = step.to(name)
    if (step.kind === Kind.Children) {
      children = props[name]
      hasChildren = true
    } else if (step.kind === Kind.Value && count < 3) {
      if (count === 0) first = props[name]
      else if (count === 1) second = props[name]
      else third = props[name]
      count++
    } else return elementWithMore(begin, props, isStatic, key)
  }
  if (hasChildren) {
    if (begin.isVoid) {
      checkVoid(element, children)
      hasChildren = false
    } else if (isStatic && Array.isArray(children)) {
      const { length } = children
      const { statics, bindings } = step.shape(length)
      if (bindings.length > 0 || length > MOST_CHILDREN) return elementWithMore(begin, props, isStatic, key)
      // An element without attributes takes the array as it is: compilers make a new one for each element.
      if (count === 0) return new Tree(statics, children, key)
      const values = new Array<unknown>(count + length)
      values[0] = first
      if (count > 1) values[1] = second
      if (count > 2) values[2] = third
      for (let at = 0; at < length; at++) values[count + at] = children[at]
      return new Tree(statics, values, key)
    }
  }
  const { statics, bindings } = step.shape(hasChildren ? 1 : 0)
  let values: readonly unknown[]
  if (count === 0) values = hasChildren ? [children] : NONE
  else if (count === 1) values = hasChildren ? [first, children] : [first]
  else if (count === 2) values = hasChildren ? [first, second, children] : [first, second]
  else values = hasChildren ? [first, second, third, children] : [first, second, third]
  if (bindings.length > 0) checkHandlers(element, bindings, values)
  return new Tree(statics, values, key)
}

/** The same for any number of values, and for the props `style`, `on` and `bool`. */
function elementWithMore(begin: Step, props: Props, isStatic: boolean, key: unknown): Tree {
  let step = begin
  let children: unknown
  let count = 0
  const values: unknown[] = []
  for (const name in props) {
    const value = props[name]
    step = step.to(name)
    if (step.kind === Kind.Value) values.push(value)
    else if (step.kind === Kind.Children) {
      children = value
      count = 1
    } else step = within(step, name, value, values)
  }
  if (count > 0 && begin.isVoid) {
    checkVoid(begin.element, children)
    count = 0
  } else if (count > 0 && isStatic && Array.isArray(children) && children.length <= MOST_CHILDREN) {
    count = children.length
    for (const child of children) values.push(child)
  } else if (count > 0) values.push(children)
  const { statics, bindings } = step.shape(count)
  checkHandlers(begin.element, bindings, values)
  // A copy has no room to spare, and the values are kept for as long as the component is shown.
  return new Tree(statics, values.slice(), key)
}

function checkHandlers(element: string, bindings: Shape['bindings'], values: readonly unknown[]): void {
  for (const [index, prop] of bindings) {
    if (typeof values[index] === 'function') throw functionForHandler(element, prop)
  }
}

/** The values of the prop `style`, `on` or `bool`. */
function within(begin: Step, name: string, value: unknown, values: unknown[]): Step {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (name === 'style') {
      values.push(value)
      return begin.asStyle()
    }
    if (value === undefined || value === null || value === false) return begin.end()
    throw mistake(
      name === 'on'
        ? `<${begin.element} on=…> expects handlers by event, as in on={{ 'keydown.enter': 'send' }}; one event alone is ` +
            'onKeydown="send"'
        : `<${begin.element} bool=…> expects conditions by attribute, as in bool={{ active: isActive }}`,
    )
  }
  let step = begin
  for (const key in value) {
    step = step.to(key)
    values.push((value as Record<string, unknown>)[key])
  }
  return step.end()
}
