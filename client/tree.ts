/** What the server says of a slot, read strictly, so that a malformed message is refused as a whole. */

import type { Template } from './template'

/** The template, and a value for each of its slots. On the wire its id stands in its place. */
export type Tree = [Template, ...Value[]]

export type Value = string | number | Tree | { h: string } | Rows

export interface Rows {
  l: Tree[]
}

/** What changed inside a slot. */
export type Inner = Record<'p' | 'r' | 'm' | 'i' | 'c', unknown>

/** By the ids of one connection. */
export type Templates = Map<unknown, Template>

export function refuse(): never {
  throw new TypeError('malformed message')
}

export function isTree(value: unknown): value is Tree {
  return Array.isArray(value)
}

export function isRows(value: object): value is Rows {
  return 'l' in value
}

export function readArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : refuse()
}

/** `value` where it is a whole number under `limit`. */
export function readIndex(value: unknown, limit: number): number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit ? (value as number) : refuse()
}

/** Calls `each` for the pairs of a flat list; none where it is missing. */
export function readPairs(list: unknown, each: (first: unknown, second: unknown) => void): void {
  const items = readArray(list ?? [])
  if (items.length % 2) refuse()
  for (let at = 0; at < items.length; at += 2) each(items[at], items[at + 1])
}

export function readTree(value: unknown, templates: Templates): Tree {
  const tree = readArray(value) as Tree
  const template = templates.get(tree[0]) ?? refuse()
  const { kinds } = template
  if (tree.length !== kinds.length + 1) refuse()
  tree[0] = template
  for (let slot = 0; slot < kinds.length; slot++) readValue(tree[slot + 1], kinds[slot], templates)
  return tree
}

export function readValue(value: unknown, kind: string | undefined, templates: Templates): Value {
  if (kind === 'b' ? value === 0 || value === 1 : typeof value === 'string') return value as Value
  if ((kind === 't' || kind === 'o') && value && typeof value === 'object') {
    if (isTree(value)) return readTree(value, templates)
    if (isRows(value)) {
      for (const row of readArray(value.l)) readTree(row, templates)
      return value
    }
    if (typeof (value as { h?: unknown }).h === 'string') return value as Value
  }
  return refuse()
}

export function isInner(change: unknown): change is Inner {
  return typeof change === 'object' && ['p', 'r', 'm', 'i', 'c'].some((name) => name in (change ?? {}))
}
