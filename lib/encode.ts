import { typeOf } from './check'
import { LoomError } from './errors'
import { native } from './native'
import { RawHtml, type Template, Tree, templateOf } from './html'

// The compact form of a rendered tree; src/tree/compact.rs reads it and says what it means.
const TEXT = 0
const HTML = 1
const TREE = 2
const LIST = 3
const JSON_TREE = 4
const SHIFT = 3
/** The template with one slot and nothing around it. */
const BARE = 0
/** As MAX_DEPTH in src/tree/mod.rs: stops an endless nesting before the stack does. */
const MAX_DEPTH = 64

/** Numbers and text on their way to Rust. */
export class Writer {
  ops = new Uint32Array(1024)
  length = 0
  text = ''

  op(number: number): void {
    if (this.length === this.ops.length) {
      const grown = new Uint32Array(this.ops.length * 2)
      grown.set(this.ops)
      this.ops = grown
    }
    this.ops[this.length++] = number
  }

  private leaf(kind: number, text: string): void {
    this.op((text.length << SHIFT) | kind)
    this.text += text
  }

  /** A whole tree as the JSON of a raw module. */
  json(text: string): void {
    this.leaf(JSON_TREE, text)
  }

  tree(tree: Tree, depth = 1): void {
    if (depth > MAX_DEPTH) {
      throw new LoomError('LOOM_TEMPLATE', `templates may nest at most ${MAX_DEPTH} levels deep`)
    }
    const template = templateOf(tree.statics)
    this.op((template.id << SHIFT) | TREE)
    const { dynamics } = tree
    for (let index = 0; index < dynamics.length; index++) {
      const value = dynamics[index]
      if (typeof value === 'string') this.leaf(TEXT, value)
      else if (template.booleans[index] === true) this.leaf(TEXT, value ? '1' : '')
      else this.value(value, template, index, depth)
    }
  }

  private value(value: unknown, template: Template, index: number, depth: number): void {
    if (value === null || value === undefined || value === false) {
      this.op(TEXT)
    } else if (typeof value === 'string') {
      this.leaf(TEXT, value)
    } else if (typeof value === 'number' || typeof value === 'bigint' || value === true) {
      this.leaf(TEXT, String(value))
    } else if (value instanceof Tree) {
      this.tree(value, depth + 1)
    } else if (value instanceof RawHtml) {
      this.leaf(HTML, value.html)
    } else if (Array.isArray(value)) {
      this.op((value.length << SHIFT) | LIST)
      for (const item of value as unknown[]) {
        if (item instanceof Tree) {
          this.tree(item, depth + 1)
        } else {
          if (depth >= MAX_DEPTH) throw misfit(value, template, index)
          this.op((BARE << SHIFT) | TREE)
          this.value(item, template, index, depth + 1)
        }
      }
    } else {
      throw misfit(value, template, index)
    }
  }
}

function misfit(value: unknown, template: Template, index: number): LoomError {
  const hint =
    value instanceof Promise
      ? '; await it in the handler and keep the result in the props'
      : typeof value === 'function'
        ? '; name a handler instead, or call it'
        : ''
  return new LoomError(
    'LOOM_TEMPLATE',
    `Expected text, a number, html\`…\`, raw() or an array of them but received ${typeOf(value)} ` +
      `for ${native.describeValue(template.id, index)}${hint}`,
  )
}
