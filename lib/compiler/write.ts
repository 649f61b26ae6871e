// Writes the template of one element of JSX. Expressions stay at their places in the source, and the text between them
// is overwritten: so source maps lead to each expression, and each stays in its line.

import type * as t from '@babel/types'
import type { Editor } from './parser'
import {
  checkElement,
  eventOf,
  functionForHandler,
  Names,
  noChildren,
  presenceOf,
  propertyOf,
  spellingOf,
} from '../jsx/attributes'
import { isVoid } from '../jsx/elements'
import { escapeHtml, escapeLiteral, textOf } from './text'

/** The names under which the functions of the runtime are imported. */
export interface Imported {
  readonly template: string
  readonly jsx: string
  readonly keyed: string
}

/** A mistake, and the node that has it. */
export class Found extends Error {
  constructor(
    readonly node: t.Node,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

type Element = t.JSXElement | t.JSXFragment
type Child = t.JSXElement['children'][number]

/**
 * For these attributes the meaning of `true` is known: the attribute is there, and any text means the same. For all
 * other attributes Rust knows the meaning (`src/template/presence.rs`), so `true` goes into a slot.
 */
const THERE: ReadonlySet<string> = new Set(
  (
    'allowfullscreen alpha async autofocus autoplay checked compact controls credentialless default defer disabled ' +
    'disablepictureinpicture disableremoteplayback formnovalidate inert ismap itemscope loop multiple muted nohref nomodule ' +
    'noresize noshade novalidate nowrap open playsinline readonly required reversed selected shadowrootclonable ' +
    'shadowrootdelegatesfocus shadowrootserializable webkitdirectory'
  ).split(' '),
)

/** Whose text no reference can stand in. */
const RAW: ReadonlySet<string> = new Set(['script', 'style'])

/** Whose first line feed a parser drops. */
const DROPS_NEWLINE: ReadonlySet<string> = new Set(['pre', 'textarea', 'listing'])

export class ElementWriter {
  /** Written and not in the file yet: it goes before the next expression. */
  private pending = ''
  /** The source before this position is done. */
  private at: number

  /** `root`: the outermost element. `inner`: called with each expression that stays. */
  constructor(
    private readonly code: string,
    private readonly file: Editor,
    private readonly imported: Imported,
    private readonly root: Element,
    private readonly inner: (expression: t.Expression) => void,
  ) {
    this.at = root.start as number
  }

  write(): void {
    this.tree(this.root)
    this.overwrite(this.root.end as number)
  }

  /**
   * Replaces the source before `to` with the pending text. All of it ends outside of a literal, where lines may end.
   */
  private overwrite(to: number): void {
    const lines = this.code.slice(this.at, to).split('\n').length - 1
    this.file.overwrite(this.at, to, this.pending + '\n'.repeat(lines))
    this.pending = ''
    this.at = to
  }

  /** Leaves an expression at its place. */
  private keep(expression: t.Expression): void {
    // The source's own parentheses are overwritten, and others are written if they are needed.
    this.overwrite(expression.start as number)
    this.at = expression.end as number
    this.inner(expression)
  }

  /** An element in code. */
  private tree(element: Element): void {
    const key = keyOf(element)
    if (element.type === 'JSXElement' && this.isCall(element)) {
      this.call(element, key)
      return
    }
    if (key !== undefined) this.pending += `${this.imported.keyed}(`
    this.pending += `${this.imported.template}\``
    this.inline(element)
    this.pending += '`'
    if (key !== undefined) this.pending += `, (${this.textOf(key)}))`
  }

  /** An element in a template. */
  private inline(element: Element): void {
    if (element.type === 'JSXFragment') {
      this.children(element.children, undefined)
      return
    }
    const name = nameOf(element)
    this.located(element, () => checkElement(name))
    this.literal(`<${name}`)
    this.attributes(name, element.openingElement.attributes as t.JSXAttribute[])
    this.literal('>')
    const shown = shownOf(element.children)
    if (isVoid(name)) {
      if (shown.length > 0) this.located(shown[0] as Child, () => noChildren(name))
      return
    }
    this.children(shown, name)
    this.literal(`</${name}>`)
  }

  private children(children: readonly Child[], parent: string | undefined): void {
    let isFirst = true
    for (const child of shownOf(children)) {
      const text = staticTextOf(child, this.code)
      if (text !== undefined) {
        const first = isFirst && parent !== undefined && DROPS_NEWLINE.has(parent) && text.startsWith('\n') ? '\n' : ''
        this.literal(
          first + (parent !== undefined && RAW.has(parent) ? this.rawText(child, parent, text) : escapeHtml(text)),
        )
      } else if (child.type === 'JSXElement' || child.type === 'JSXFragment') {
        // A key, or a call, makes it a tree of its own.
        if (keyOf(child) === undefined && !(child.type === 'JSXElement' && this.isCall(child))) this.inline(child)
        else {
          this.pending += '${'
          this.tree(child)
          this.pending += '}'
        }
      } else if (child.type === 'JSXSpreadChild') {
        throw new Found(child, 'JSX has no {...children} here: write {children}, a list is shown as it is')
      } else {
        this.slot((child as t.JSXExpressionContainer).expression as t.Expression)
      }
      isFirst = false
    }
  }

  private rawText(child: Child, parent: string, text: string): string {
    if (!/<[/!]|\0/.test(text)) return text
    throw new Found(
      child,
      `The text of <${parent}> holds "</" or "<!", which would end it: write <\\/ in a string of a script`,
    )
  }

  private attributes(element: string, attributes: readonly t.JSXAttribute[]): void {
    const names = new Names(element)
    for (const attribute of attributes) {
      const prop = propOf(attribute)
      if (prop === 'key') continue
      const spelling = this.located(attribute, () => spellingOf(element, prop))
      const value = valueOf(attribute)
      switch (spelling.kind) {
        case 'children':
          throw new Found(attribute, `<${element} children=…>: write the children between the tags`)
        case 'on':
          for (const { key, value: handler } of pairsOf(value as t.ObjectExpression)) {
            const event = this.located(attribute, () => eventOf(element, key))
            this.located(attribute, () => names.add(`@${event}`, prop))
            this.handler(element, `@${event}`, handler, prop)
          }
          break
        case 'bool':
          for (const { key, value: condition } of pairsOf(value as t.ObjectExpression)) {
            const presence = this.located(attribute, () => presenceOf(element, key))
            this.located(attribute, () => names.add(presence, prop))
            this.value(`?${presence}`, condition)
          }
          break
        case 'style': {
          this.located(attribute, () => names.add('style', prop))
          if (value?.type !== 'ObjectExpression') {
            this.attribute('style', value)
            break
          }
          const pairs = pairsOf(value)
          if (pairs.length === 0) break
          // If one value is refused, Rust leaves all of them out. So all values are a part of the template, or none is.
          const isStatic = pairs.every(({ value: one }) => /^[\w\s.#%,+-]+$/.test(staticOf(one) ?? ''))
          pairs.forEach(({ key, value: one }, index) => {
            const property = this.located(attribute, () => propertyOf(element, key))
            this.literal(`${index === 0 ? ' style="' : '; '}${property}: `)
            if (isStatic) this.literal(staticOf(one) ?? '')
            else this.slot(one)
          })
          this.literal('"')
          break
        }
        case 'binding':
          this.located(attribute, () => names.add(`@${spelling.name}`, prop))
          this.handler(element, `@${spelling.name}`, value, prop)
          break
        case 'attribute':
          this.located(attribute, () => names.add(spelling.name, prop))
          this.attribute(spelling.name, value)
      }
    }
  }

  private handler(element: string, name: string, value: t.Expression | undefined, prop: string): void {
    if (value?.type === 'ArrowFunctionExpression' || value?.type === 'FunctionExpression') {
      throw new Found(value, functionForHandler(element, prop).message)
    }
    const text = value === undefined ? undefined : staticOf(value)
    if (text !== undefined && text !== '') this.literal(` ${name}="${escapeHtml(text)}"`)
    else this.value(name, value)
  }

  private attribute(name: string, value: t.Expression | undefined): void {
    const lower = name.toLowerCase()
    if (THERE.has(lower)) {
      if (value === undefined || (value.type === 'BooleanLiteral' && value.value)) this.literal(` ${name}=""`)
      else this.value(name, value)
      return
    }
    const text = value === undefined ? undefined : staticOf(value)
    // A text that a slot would refuse is refused in a literal, too.
    if (text === undefined || /^\s*(?:javascript|vbscript|data):/i.test(text)) this.value(name, value)
    else this.literal(` ${name}="${escapeHtml(text)}"`)
  }

  /** An attribute with a slot. `undefined`: it was written without a value, which is `true`. */
  private value(name: string, value: t.Expression | undefined): void {
    this.literal(` ${name}="`)
    if (value === undefined) this.pending += '${true}'
    else this.slot(value)
    this.literal('"')
  }

  private slot(expression: t.Expression): void {
    this.pending += '${'
    if (isJsx(expression)) this.tree(expression)
    else if (isStringLiteral(expression)) this.pending += JSON.stringify(expression.value)
    else this.keep(expression)
    this.pending += '}'
  }

  /** Has the runtime make an element: a component, or an element whose attributes only the runtime knows. */
  private call(element: t.JSXElement, key: t.Expression | undefined): void {
    const { name, attributes } = element.openingElement
    const isComponent = isComponentName(name)
    const intrinsic = isComponent ? undefined : nameOf(element)
    if (intrinsic !== undefined) this.located(element, () => checkElement(intrinsic))
    this.pending += `${this.imported.jsx}(${intrinsic === undefined ? this.textOf(name) : JSON.stringify(intrinsic)}, { `
    for (const attribute of attributes) {
      if (attribute.type === 'JSXSpreadAttribute') {
        this.pending += '...('
        this.keep(attribute.argument)
        this.pending += '), '
        continue
      }
      const prop = propOf(attribute)
      if (prop === 'key') continue
      if (intrinsic !== undefined) this.located(attribute, () => spellingOf(intrinsic, prop))
      this.pending += `${prop === '__proto__' ? '["__proto__"]' : JSON.stringify(prop)}: `
      this.argument(valueOf(attribute))
      this.pending += ', '
    }
    const children = shownOf(element.children)
    const [only] = children
    if (only !== undefined) {
      this.pending += 'children: '
      if (children.length > 1) {
        this.pending += `${this.imported.template}\``
        this.children(children, undefined)
        this.pending += '`'
      } else if (only.type === 'JSXText')
        this.pending += JSON.stringify(textOf(this.code.slice(only.start as number, only.end as number)))
      else if (only.type === 'JSXElement' || only.type === 'JSXFragment') this.tree(only)
      else if (only.type === 'JSXSpreadChild') {
        throw new Found(only, 'JSX has no {...children} here: write {children}, a list is shown as it is')
      } else this.argument(only.expression as t.Expression)
      this.pending += ', '
    }
    this.pending += key === undefined ? '})' : `}, (${this.textOf(key)}))`
  }

  private argument(value: t.Expression | undefined): void {
    if (value === undefined) this.pending += 'true'
    else if (isJsx(value)) this.tree(value)
    else if (isStringLiteral(value)) this.pending += JSON.stringify(value.value)
    else {
      this.pending += '('
      this.keep(value)
      this.pending += ')'
    }
  }

  private literal(text: string): void {
    this.pending += escapeLiteral(text)
  }

  private textOf(node: t.Node): string {
    return this.code.slice(node.start as number, node.end as number)
  }

  private isCall(element: t.JSXElement): boolean {
    const { name, attributes } = element.openingElement
    return (
      isComponentName(name) ||
      attributes.some((attribute) => attribute.type === 'JSXSpreadAttribute' || isForTheRuntime(attribute))
    )
  }

  /** Says of an error at which node it is. */
  private located<Result>(node: t.Node, call: () => Result): Result {
    try {
      return call()
    } catch (error) {
      throw new Found(node, (error as Error).message, { cause: error })
    }
  }
}

function isJsx(node: t.Node): node is Element {
  return node.type === 'JSXElement' || node.type === 'JSXFragment'
}

/** A text of an attribute has no escapes and may hold line feeds, so it is not a literal of the language. */
function isStringLiteral(node: t.Node): node is t.StringLiteral {
  return node.type === 'StringLiteral'
}

function isComponentName(name: t.JSXOpeningElement['name']): boolean {
  if (name.type === 'JSXMemberExpression') return true
  return name.type === 'JSXIdentifier' && !name.name.includes('-') && !/^[a-z]/.test(name.name)
}

function nameOf(element: t.JSXElement): string {
  const { name } = element.openingElement
  if (name.type === 'JSXIdentifier') return name.name
  throw new Found(name, 'The names of elements have no colon: SVG is written <svg><circle/></svg>')
}

function propOf(attribute: t.JSXAttribute): string {
  const { name } = attribute
  return name.type === 'JSXIdentifier' ? name.name : `${name.namespace.name}:${name.name.name}`
}

/** `undefined` if the attribute is written without a value. */
function valueOf({ value }: t.JSXAttribute): t.Expression | undefined {
  if (value === null || value === undefined) return undefined
  if (value.type !== 'JSXExpressionContainer') return value
  if (value.expression.type === 'JSXEmptyExpression')
    throw new Found(value, 'An attribute has no value between its braces')
  return value.expression
}

/** The expression of the key. The key is written behind the element, so no element may be in it. */
function keyOf(element: Element): t.Expression | undefined {
  if (element.type === 'JSXFragment') return undefined
  for (const attribute of element.openingElement.attributes) {
    if (attribute.type !== 'JSXAttribute' || propOf(attribute) !== 'key') continue
    const value = valueOf(attribute)
    if (value === undefined) throw new Found(attribute, 'key has no value: it is what identifies the row, key={row.id}')
    if (holdsJsx(value)) throw new Found(attribute, 'A key is a text or a number, as in key={row.id}')
    return value
  }
  return undefined
}

function holdsJsx(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  if (Array.isArray(node)) return node.some(holdsJsx)
  const { type } = node as { type?: unknown }
  if (typeof type !== 'string') return false
  if (type === 'JSXElement' || type === 'JSXFragment') return true
  return Object.entries(node).some(([name, value]) => name !== 'loc' && holdsJsx(value))
}

/** `style={styles}` may be an object or a text; `on={handlers}` and `bool={conditions}` have names that the source does not show. */
function isForTheRuntime(attribute: t.JSXAttribute): boolean {
  const prop = propOf(attribute)
  if (prop === 'children') return true
  if (prop !== 'style' && prop !== 'on' && prop !== 'bool') return false
  const value = valueOf(attribute)
  if (value === undefined) return prop !== 'style'
  if (value.type === 'ObjectExpression') return !value.properties.every(isPlainPair)
  return prop !== 'style' || !isText(value)
}

/** Whether the expression gives a text, whatever is in it. */
function isText(value: t.Expression): boolean {
  return (
    value.type === 'StringLiteral' ||
    value.type === 'TemplateLiteral' ||
    (value.type === 'BinaryExpression' &&
      value.operator === '+' &&
      ((value.left.type !== 'PrivateName' && isText(value.left)) || isText(value.right)))
  )
}

function isPlainPair(property: t.ObjectExpression['properties'][number]): boolean {
  return (
    property.type === 'ObjectProperty' &&
    !property.computed &&
    !property.shorthand &&
    (property.key.type === 'Identifier' || property.key.type === 'StringLiteral')
  )
}

/** The properties of an object. Each has to be a plain pair. */
function pairsOf(object: t.ObjectExpression): { key: string; value: t.Expression }[] {
  return object.properties.map((property) => {
    const { key, value } = property as t.ObjectProperty
    return { key: key.type === 'Identifier' ? key.name : (key as t.StringLiteral).value, value: value as t.Expression }
  })
}

/** The children without comments and without blanks at the ends of lines. */
function shownOf(children: readonly Child[]): Child[] {
  return children.filter((child) =>
    child.type === 'JSXText'
      ? textOf(rawOf(child)) !== ''
      : !(child.type === 'JSXExpressionContainer' && child.expression.type === 'JSXEmptyExpression'),
  )
}

function rawOf(text: t.JSXText): string {
  return (text.extra?.['raw'] as string | undefined) ?? text.value
}

/** The text of a child that is always the same. */
function staticTextOf(child: Child, code: string): string | undefined {
  if (child.type === 'JSXText') return textOf(code.slice(child.start as number, child.end as number))
  if (child.type !== 'JSXExpressionContainer' || child.expression.type === 'JSXEmptyExpression') return undefined
  const { expression } = child
  if (expression.type === 'NullLiteral') return ''
  if (expression.type === 'BooleanLiteral') return expression.value ? 'true' : ''
  return staticOf(expression)
}

/** The text of an expression that is always the same text or number. */
function staticOf(expression: t.Expression): string | undefined {
  if (expression.type === 'StringLiteral') return expression.value
  if (expression.type === 'NumericLiteral') return String(expression.value)
  if (expression.type === 'TemplateLiteral' && expression.expressions.length === 0) {
    return expression.quasis[0]?.value.cooked ?? undefined
  }
  return undefined
}
