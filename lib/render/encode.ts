import type { Key } from '../../index'
import { typeOf } from '../check'
import { AttributeText } from './attribute_text'
import { Bound, RowStep, TreeOp } from '../codec'
import { Each } from './each'
import { LoomError } from '../errors'
import { describeSlot, RawHtml, type Template, templateOf } from './html'
import { Tree } from './tree'
import { ADD, KEEP, MOVE } from './steps'
import { Writer } from './writer'

// Writes the compact form of a rendered tree. src/tree/compact.rs reads the result and documents the operations.

/** The template with one slot and nothing around it. */
const BARE = 0
/**
 * Stands in a memo for a value that is not kept. No rendered value equals it, so such a value always counts as changed.
 */
const NOT_KEPT = Symbol('not kept')

/**
 * The parts of a render that are kept, so that the next render can leave out what is unchanged: the values of the root
 * and of templates nested in it, and the items of keyed lists. Rows are not kept.
 */
export interface Memo {
  readonly statics: TemplateStringsArray
  readonly values: readonly unknown[]
  /** The memos of nested templates, by the index of the value; `undefined` if there are no nested templates. */
  readonly nested: ReadonlyMap<number, Memo> | undefined
}

/** Checks that development makes while a tree is written. */
export interface TreeCheck {
  /** Called for a list whose unchanged rows are not rendered. */
  rows(list: Each, last: Each, template: Template, index: number): void
  /** Called for each tree, before its values are written. */
  tree(tree: Tree): void
  /** Called for an array whose items are not all keyed. */
  list(items: readonly unknown[], template: Template, index: number): void
}

/** Writes the tree of a raw module, which is JSON already. */
export function encodeJson(writer: Writer, text: string): void {
  leaf(writer, TreeOp.JSON, text)
}

function leaf(writer: Writer, kind: number, text: string): void {
  writer.op((writer.append(text) << TreeOp.SHIFT) | kind)
}

/** Writes a tree relative to the last one. Returns the memo that the next one is compared with. */
export function encodeRoot(writer: Writer, tree: Tree, last: Memo | undefined, check?: TreeCheck): Memo {
  return new Encoder(writer, check).node(tree, last, 1)
}

class Encoder {
  constructor(
    private readonly writer: Writer,
    private readonly check: TreeCheck | undefined,
  ) {}

  /** Writes a tree. Returns the memo that the next render is compared with. */
  node(tree: Tree, last: Memo | undefined, depth: number): Memo {
    const { statics, dynamics } = tree
    const memo = last?.statics === statics ? last : undefined
    if (memo !== undefined && sameValues(dynamics, memo.values)) {
      this.writer.op(TreeOp.SAME)
      return memo
    }
    const template = this.begin(tree, depth)
    let values: unknown[] | undefined
    let nested: Map<number, Memo> | undefined
    for (let index = 0; index < dynamics.length; index++) {
      const value = dynamics[index]
      if (value instanceof Tree) {
        nested ??= new Map()
        nested.set(index, this.node(value, memo?.nested?.get(index), depth + 1))
      } else if (value instanceof Each) {
        const before = memo?.values[index]
        this.each(value, before instanceof Each ? before : undefined, template, index, depth)
      } else {
        this.value(value, template, index, depth)
      }
      if (value instanceof Tree || Array.isArray(value)) {
        // Nested trees have a memo of their own. Rows are not kept: they would take more memory than their props.
        values ??= [...dynamics]
        values[index] = NOT_KEPT
      }
    }
    return { statics, values: values ?? dynamics, nested }
  }

  private begin(tree: Tree, depth: number): Template {
    if (depth > Bound.TREE_DEPTH) throw tooDeep()
    const template = templateOf(tree.statics)
    this.check?.tree(tree)
    this.writer.op((template.id << TreeOp.SHIFT) | TreeOp.TREE)
    return template
  }

  /** Writes a complete tree and makes no memo: a row, or a tree inside a row. */
  private treeOfRow(tree: Tree, depth: number): void {
    const template = this.begin(tree, depth)
    const { dynamics } = tree
    for (let index = 0; index < dynamics.length; index++) this.value(dynamics[index], template, index, depth)
  }

  private value(value: unknown, template: Template, index: number, depth: number): void {
    const { writer } = this
    const said = template.says[index]?.(value)
    if (said !== undefined) {
      leaf(writer, TreeOp.TEXT, said)
    } else if (typeof value === 'string') {
      leaf(writer, TreeOp.TEXT, value)
    } else if (value === null || value === undefined || value === false) {
      writer.op(TreeOp.TEXT)
    } else if (typeof value === 'number') {
      writer.op((writer.number(value) << TreeOp.SHIFT) | TreeOp.TEXT)
    } else if (typeof value === 'bigint' || value === true) {
      leaf(writer, TreeOp.TEXT, String(value))
    } else if (value instanceof Tree) {
      this.treeOfRow(value, depth + 1)
    } else if (value instanceof RawHtml) {
      leaf(writer, value.isUsers ? TreeOp.SANITIZED : TreeOp.HTML, value.html)
    } else if (value instanceof Each) {
      this.each(value, undefined, template, index, depth)
    } else if (Array.isArray(value)) {
      this.list(value, template, index, depth)
    } else if (value instanceof AttributeText) {
      leaf(writer, TreeOp.TEXT, value.toString())
    } else {
      throw misfit(value, template, index)
    }
  }

  private list(items: readonly unknown[], template: Template, index: number, depth: number): void {
    if (isKeyed(items)) {
      this.each(new Each(items, keyOfItem, itemItself, [], 'A list'), undefined, template, index, depth)
      return
    }
    this.check?.list(items, template, index)
    this.writer.op((items.length << TreeOp.SHIFT) | TreeOp.LIST)
    for (const item of items) {
      if (item instanceof Tree) {
        this.treeOfRow(item, depth + 1)
      } else {
        if (depth >= Bound.TREE_DEPTH) throw tooDeep()
        this.writer.op((BARE << TreeOp.SHIFT) | TreeOp.TREE)
        this.value(item, template, index, depth + 1)
      }
    }
  }

  private each(list: Each, last: Each | undefined, template: Template, index: number, depth: number): void {
    const { writer } = this
    const start = writer.length
    writer.op(0)
    let count = 0
    const seen = new Set<string>()
    const add = (item: unknown): void => {
      const key = list.keyOf(item, seen, template, index)
      writer.op((writer.append(key) << TreeOp.SHIFT) | RowStep.ROW)
      this.treeOfRow(list.rowOf(item, template, index), depth + 1)
      count++
    }
    if (last === undefined || !list.dependsOnTheSame(last)) {
      // Not `forEach`: it skips the holes of an array, which the steps count.
      for (const item of list.items) add(item)
    } else {
      this.check?.rows(list, last, template, index)
      if (list.items === last.items) {
        writer.ops[start] = TreeOp.SAME
        return
      }
      const steps = writer.comparisons.steps(last.items, list.items)
      let to = 0
      for (let at = 0; at < steps.length; at += 2) {
        const kind = steps[at] as number
        const argument = steps[at + 1] as number
        if (kind === ADD) {
          for (const end = to + argument; to < end; to++) add(list.items[to])
          continue
        }
        writer.op((argument << TreeOp.SHIFT) | kind)
        count++
        if (kind === KEEP) to += argument
        else if (kind === MOVE) to++
      }
    }
    writer.ops[start] = (count << TreeOp.SHIFT) | TreeOp.EACH
  }
}

/** Whether all items are trees with a key, as rows of JSX have. */
function isKeyed(items: readonly unknown[]): boolean {
  if (items.length === 0) return false
  for (const item of items) if (!(item instanceof Tree) || item.key === undefined) return false
  return true
}

const keyOfItem = (item: unknown): Key => (item as Tree).key as Key
const itemItself = (item: unknown): Tree => item as Tree

/**
 * Whether every value is the same as before. An object always counts as changed, because a part of it may have changed;
 * a text cannot change.
 */
function sameValues(values: readonly unknown[], last: readonly unknown[]): boolean {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]
    if (value !== last[index] || typeof value === 'object') {
      const before = last[index]
      if (value === null && before === null) continue
      if (value instanceof AttributeText && before instanceof AttributeText && value.toString() === before.toString())
        continue
      return false
    }
  }
  return true
}

function tooDeep(): LoomError {
  return new LoomError('LOOM_TEMPLATE', `templates and arrays may nest at most ${Bound.TREE_DEPTH} levels deep`)
}

function misfit(value: unknown, template: Template, index: number): LoomError {
  const slot = describeSlot(template, index)
  return new LoomError(
    'LOOM_TEMPLATE',
    `Expected text, a number, html\`…\`, each(), raw(), sanitized() or an array of them but received ${typeOf(value)} ` +
      `for ${slot}${mendOf(value, slot)}`,
  )
}

/** What to write instead, if it is known. */
function mendOf(value: unknown, slot: string): string {
  if (typeof value === 'function') {
    return /^slot \d+, attribute data-l-/.test(slot)
      ? '; the browser cannot call a function: write the function into handle of the module and name it here, as in @click="save" or onClick="save"'
      : '; name a handler instead, or call it'
  }
  if (typeof value !== 'object' || value === null) return ''
  if (value instanceof Promise) return '; await the promise in the handler and keep the result in the props'
  if ('$$typeof' in value) return '; it is an element of React: set jsxImportSource to "loom-live" for its file'
  if (value instanceof Date) return '; make a text of it, as in date.toISOString()'
  return '; show a member of it, as in user.name, or make a text of it'
}
