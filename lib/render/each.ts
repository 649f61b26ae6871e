import type { Key, KeyedList } from '../../index'
import { checkFunction, invalid, typeOf } from '../check'
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
        `Expected a string or a number for a key of each() but received ${typeOf(key)}, in the list of ${describeSlot(template, index)}`,
      )
    }
    const text = String(key)
    if (seen.has(text)) {
      const places = this.items.flatMap((item, at) => (String(this.key(item)) === text ? [at] : []))
      throw new LoomError(
        'LOOM_TEMPLATE',
        `each() received two items with the key ${JSON.stringify(text)}; keys have to be unique. They are items ` +
          `${places.slice(0, 2).join(' and ')} of the list of ${describeSlot(template, index)}`,
      )
    }
    seen.add(text)
    return text
  }

  /** @throws LoomError always: a list cannot be joined as text. */
  toString(): string {
    throw joinedAsText('What each() gave', 'Put it into a template: html`<ul>${each(…)}</ul>`')
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

export function each<Item>(
  items: readonly Item[],
  key: (item: Item) => Key,
  row: (item: Item) => Tree,
  dependencies: readonly unknown[] = [],
): KeyedList {
  if (!Array.isArray(items)) throw invalid('an array', 'the items of each()', items)
  checkFunction(key, 'the key of each()')
  checkFunction(row, 'the row of each()')
  if (!Array.isArray(dependencies)) throw invalid('an array', 'the dependencies of each()', dependencies)
  return new Each(items, key as (item: unknown) => Key, row as (item: unknown) => Tree, dependencies)
}
