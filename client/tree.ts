/**
 * What the server says of a slot. It is not looked through before it is used: what is malformed fails there, and the
 * component joins anew.
 */

import { htmlTemplate, type Template } from './template'

/** The template, and a value for each of its slots. On the wire its id stands in its place. */
export type Tree = [Template, ...Value[]]

/** HTML is a template of its own, without slots; on the wire it is an object. */
export type Value = string | number | Tree | Rows

export interface Rows {
  l: Tree[]
}

/** Slots, and what each is now or what changed inside it, by turns. */
export type Changes = unknown[]

/** What changed inside a slot: in a tree `p`, in a list the others. */
export interface Inner {
  p?: Changes
  r?: number[]
  m?: number[]
  i?: unknown[]
  c?: (number | Changes)[]
}

/** By the ids of one connection. */
export type Templates = Map<unknown, Template>

export function refuse(): never {
  throw new TypeError('malformed message')
}

export function isTree(value: unknown): value is Tree {
  return Array.isArray(value)
}

export function isInner(change: unknown): change is Inner {
  return typeof change === 'object' && !isTree(change) && !['h', 'l'].some((name) => name in (change as object))
}

export function readTree(value: unknown, templates: Templates): Tree {
  const [id, ...values] = value as unknown[]
  const template = templates.get(id) ?? refuse()
  if (values.length !== template.kinds.length) refuse()
  return [template, ...values.map((inner) => readValue(inner, templates))]
}

export function readValue(value: unknown, templates: Templates): Value {
  if (isTree(value)) return readTree(value, templates)
  if (typeof value !== 'object') return (value as string | undefined) ?? refuse()
  const { h, l } = value as { h: string; l?: unknown[] }
  return l ? { l: l.map((row) => readTree(row, templates)) } : [htmlTemplate(h)]
}

/** Calls `each` for the pairs of a flat list; none where it is missing. */
export function pairs<Second>(list: readonly (number | Second)[] | undefined, each: (first: number, second: Second) => void): void {
  for (let at = 0; at < (list?.length ?? 0); at += 2) each(list?.[at] as number, list?.[at + 1] as Second)
}
