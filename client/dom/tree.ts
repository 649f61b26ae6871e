/**
 * The values of slots, as the server says them and as the page has them. A message is not checked before it is used: a
 * malformed one fails at its use, and the component joins anew.
 */

import { htmlTemplate, type Model, type Part, type Template } from './template'

/** A template with a value for each of its slots. On the wire it is an array, with the template's id in front. */
export interface Tree {
  template: Template
  values: Value[]
  /** `model`, `nodes` and `tops` are set when the tree is in the page. */
  model: Model | undefined
  /** By slot: the element that it belongs to; or, between nodes, a text of its own behind all that the slot shows. */
  nodes: Node[]
  /** The nodes that are in no other element of the same template; slots among them as their numbers. */
  tops: (Node | number)[]
}

/** A number says whether a boolean attribute is there. */
export type Value = string | number | Tree | Rows

export interface Rows {
  rows: Tree[]
}

/**
 * By turns: a slot, and its new value or the change inside it. A slot below zero, `~slot`, says that the text there
 * keeps its beginning: beside it is the text that follows the whole old one, or `Kept`.
 */
export type Changes = unknown[]

/** How many UTF-16 code units of a text stay, and the text that follows them. */
export type Kept = [stays: number, follows: string]

/** A change inside a slot: `p` in a tree, the other members in a list. */
export interface Inner {
  p?: Changes
  r?: number[]
  m?: number[]
  i?: unknown[]
  c?: (number | Changes)[]
}

/** Templates by their ids, which count for one connection. */
export type Templates = Map<unknown, Template>

export function refuse(): never {
  throw new TypeError('malformed message')
}

export function treeOf(template: Template, values: Value[]): Tree {
  return { template, values, model: undefined, nodes: [], tops: [] }
}

export function readTree(value: unknown, templates: Templates): Tree {
  const [id, ...values] = value as unknown[]
  const template = templates.get(id) ?? refuse()
  if (values.length !== template.kinds.length) refuse()
  return treeOf(
    template,
    values.map((inner) => readValue(inner, templates)),
  )
}

/** HTML is a template of its own, without slots. On the wire it is an object, as a list is. */
export function readValue(value: unknown, templates: Templates): Value {
  if (Array.isArray(value)) return readTree(value, templates)
  if (typeof value !== 'object') return (value as string | undefined) ?? refuse()
  const { h, l } = value as { h: string; l?: unknown[] }
  return l ? { rows: l.map((row) => readTree(row, templates)) } : treeOf(htmlTemplate(h), [])
}

/** Calls `each` for the pairs of a flat list; none if there is no list. */
export function pairs<Second>(
  list: readonly (number | Second)[] = [],
  each: (first: number, second: Second) => void,
): void {
  for (let at = 0; at < list.length; at += 2) each(list[at] as number, list[at + 1] as Second)
}

/** The trees that stand in a slot between nodes: one, or the rows of a list. */
export function treesIn(value: Value | undefined): Tree[] {
  return typeof value === 'object' ? ((value as Partial<Rows>).rows ?? [value as Tree]) : []
}

/** All nodes at the top of the value's trees, in their order. */
export function nodesOf(value: Value, found: Node[] = []): Node[] {
  for (const { tops, values, nodes } of treesIn(value)) {
    for (const top of tops) {
      if (typeof top === 'number') nodesOf(values[top] as Value, found)
      found.push(typeof top === 'number' ? (nodes[top] as Node) : top)
    }
  }
  return found
}

/** An attribute's value or a text; null if the attribute is not there. */
export function textOf({ strings, slots }: Part, { values }: Tree): string | null {
  const first = values[slots[0] as number]
  if (typeof first === 'number') return first ? '' : null
  return strings.reduce((text, next, at) => text + (values[slots[at - 1] as number] as string) + next)
}
