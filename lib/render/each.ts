import type { EachWindow, Key, KeyedList, KeyedWindow } from '../../index'
import { checkFunction, checkNames, invalid, isObject, typeOf } from '../check'
import { LoomError } from '../errors'
import { describeSlot, type Template } from './html'
import { joinedAsText, Tree } from './tree'

/** A call of `each`. Its rows are rendered when the list is encoded. */
export class Each {
  constructor(
    readonly items: readonly unknown[],
    readonly key: (item: unknown) => Key,
    readonly row: (item: unknown) => Tree,
    readonly dependencies: readonly unknown[],
    /** The list's name in messages. */
    private readonly name = 'each()',
  ) {}

  /** Whether the dependencies are the same as in `last`: then rows of unchanged items are the same, too. */
  dependsOnTheSame(last: Each): boolean {
    const { dependencies } = this
    return (
      dependencies.length === last.dependencies.length &&
      dependencies.every((value, index) => Object.is(value, last.dependencies[index]))
    )
  }

  /** The key of an item, checked and added to `seen`. For messages, the list stands at value `index` of `template`. */
  keyOf(item: unknown, seen: Set<string>, template: Template, index: number): string {
    const key: unknown = this.key(item)
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
      throw new LoomError(
        'LOOM_TEMPLATE',
        `Expected a string or a number for a key of ${this.name === 'each()' ? this.name : 'a list'} but received ${typeOf(key)}, in the list of ${describeSlot(template, index)}`,
      )
    }
    const text = String(key)
    if (seen.has(text)) {
      const places = this.items.flatMap((item, at) => (String(this.key(item)) === text ? [at] : []))
      throw new LoomError(
        'LOOM_TEMPLATE',
        `${this.name} received two items with the key ${JSON.stringify(text)}; keys have to be unique. They are items ` +
          `${places.slice(0, 2).join(' and ')} of the list of ${describeSlot(template, index)}`,
      )
    }
    seen.add(text)
    return text
  }

  /** @throws LoomError always: a list cannot be joined as text. */
  toString(): string {
    throw joinedAsText('The result of each()', 'Put it into a template: html`<ul>${each(…)}</ul>`')
  }

  rowOf(item: unknown, template: Template, index: number): Tree {
    const tree: unknown = this.row(item)
    if (!(tree instanceof Tree)) {
      throw new LoomError(
        'LOOM_TEMPLATE',
        `Expected html\`…\` from a row of each() but received ${typeOf(tree)}, in the list of ${describeSlot(template, index)}`,
      )
    }
    return tree
  }
}

/** A part of a longer list, with the positions at which the parts before and after it begin. */
class Window extends Each implements KeyedWindow {
  constructor(
    items: readonly unknown[],
    key: (item: unknown) => Key,
    row: (item: unknown) => Tree,
    dependencies: readonly unknown[],
    readonly at: number,
    readonly earlier: number | undefined,
    readonly later: number | undefined,
  ) {
    super(items, key, row, dependencies)
  }
}

/** The most rows of a window. */
const MOST_ROWS = 10_000

const WINDOW: Record<keyof Required<EachWindow>, true> = { limit: true, at: true, dependencies: true }

export function each<Item>(
  items: readonly Item[],
  key: (item: Item) => Key,
  row: (item: Item) => Tree,
  more: readonly unknown[] | EachWindow = [],
): KeyedList {
  if (!Array.isArray(items)) throw invalid('an array', 'the items of each()', items)
  checkFunction(key, 'the key of each(items, key, row)')
  checkFunction(row, 'the row of each(items, key, row)')
  const [keyOf, rowOf] = [key as (item: unknown) => Key, row as (item: unknown) => Tree]
  const window = isObject(more) ? (more as object) : undefined
  if (window !== undefined) checkNames(window, WINDOW, 'the window of each()', 'an option of a window')
  const dependencies: unknown = window === undefined ? more : ((window as EachWindow).dependencies ?? [])
  if (!Array.isArray(dependencies)) throw invalid('an array', 'the dependencies of each()', dependencies)
  if (window === undefined) return new Each(items, keyOf, rowOf, dependencies)
  const { limit, at } = window as EachWindow
  if (!Number.isInteger(limit) || limit < 2 || limit > MOST_ROWS)
    throw invalid(`a whole number from 2 to ${MOST_ROWS}`, 'the limit of a window of each()', limit)
  if (!Number.isSafeInteger(at)) throw invalid('a whole number', 'the at of a window of each()', at)
  const last = Math.max(0, items.length - limit)
  const from = Math.min(Math.max(at, 0), last)
  const step = Math.floor(limit / 2)
  return new Window(
    items.slice(from, from + limit),
    keyOf,
    rowOf,
    dependencies,
    from,
    from > 0 ? Math.max(from - step, 0) : undefined,
    from < last ? Math.min(from + step, last) : undefined,
  )
}
