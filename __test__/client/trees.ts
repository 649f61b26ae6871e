/** What components show, as tests write it; as HTML, and as the server of the dialect `loom.2` says it. */

import type { Json, Wire } from './fake_server'

export interface Raw {
  h: string
}

/** `s`: n+1 statics around n slots. */
export interface Tree {
  s: string[]
  d: Slot[]
}

/** Text, a boolean attribute, HTML, a subtree, a list. */
export type Slot = string | number | Raw | Tree | Tree[]

export type Changes = Record<number, Change>

export interface Inside {
  p?: Changes
  r?: [at: number, count: number][]
  m?: [from: number, to: number][]
  i?: [to: number, tree: Tree][]
  c?: Record<number, Changes>
}

/** What a slot is now, or what changed inside it. */
export type Change = Slot | Inside | Kept

/** Beside a slot below zero: how many UTF-16 code units of the text stay, and what follows. */
export type Kept = [stays: number, follows: string]

/** A tree without slots. */
export function plain(html: string): Tree {
  return { s: [html], d: [] }
}

export function tree(s: string[], ...d: Slot[]): Tree {
  return { s, d }
}

/** One letter for each slot, by where it stands. */
export function kindsOf({ s, d }: Tree): string {
  let before = ''
  return d
    .map((value, slot) => {
      before += s[slot] ?? ''
      const tag = before.slice(before.lastIndexOf('<'))
      if (typeof value === 'number') return 'b'
      if (/^<(textarea|title)[^>]*>[^<]*$/.test(tag)) return 'r'
      return tag.startsWith('<') && !tag.includes('>') ? 'a' : 't'
    })
    .join('')
}

const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')

function slotHtml(value: Slot): string {
  if (typeof value === 'string') return escape(value)
  if (Array.isArray(value)) return value.map(htmlOf).join('')
  return typeof value === 'number' ? '' : 's' in value ? htmlOf(value) : value.h
}

/** As the server renders it into the page. */
export function htmlOf({ s, d }: Tree): string {
  let html = s[0] ?? ''
  d.forEach((value, slot) => {
    const next = s[slot + 1] ?? ''
    if (value === 0) html = html.replace(/ [^\s"]+="$/, '') + next.slice(1)
    else html += slotHtml(value) + next
  })
  return html
}

function wireTree(content: Tree, wire: Wire): Json[] {
  const values = content.d.map((value) => wireValue(value, wire))
  return [wire.template(content.s, kindsOf(content)), ...values]
}

export function wireValue(value: Slot, wire: Wire): Json {
  if (Array.isArray(value)) return { l: value.map((row) => wireTree(row, wire)) }
  if (typeof value === 'object') return 's' in value ? wireTree(value, wire) : { h: value.h }
  return value
}

export function wireChanges(changes: Changes, wire: Wire): Json[] {
  return Object.entries(changes).flatMap(([slot, change]) => [
    Number(slot),
    // What follows a text is as it is on the wire.
    Number(slot) < 0 ? (change as string | Kept) : wireChange(change as Exclude<Change, Kept>, wire),
  ])
}

function wireChange(change: Exclude<Change, Kept>, wire: Wire): Json {
  if (typeof change !== 'object' || Array.isArray(change) || 's' in change || 'h' in change)
    return wireValue(change, wire)
  const { p, r, m, i, c } = change
  const rows = Object.entries(c ?? {}).flatMap(([at, inside]) => [Number(at), wireChanges(inside, wire)])
  return {
    ...(p && { p: wireChanges(p, wire) }),
    ...(r && { r: r.flat() }),
    ...(m && { m: m.flat() }),
    ...(i && { i: i.flatMap(([to, row]) => [to, wireTree(row, wire)]) }),
    ...(c && { c: rows }),
  }
}

const keyOf = (row: Tree) => JSON.stringify([row.s, row.d[0]])

/** The edit that makes one list of the other; a row is known by its template and its first value. */
export function editOf(old: Tree[], rows: Tree[]): Inside {
  const before = new Map(old.map((row, at) => [keyOf(row), at]))
  const after = new Map(rows.map((row, at) => [keyOf(row), at]))
  const edit: Required<Pick<Inside, 'r' | 'm' | 'i' | 'c'>> = { r: [], m: [], i: [], c: {} }
  old.forEach((row, at) => {
    if (after.has(keyOf(row))) return
    const last = edit.r[edit.r.length - 1]
    if (last && last[0] + last[1] === at) last[1] += 1
    else edit.r.push([at, 1])
  })
  const kept = rows.flatMap((row) => before.get(keyOf(row)) ?? [])
  const staying = longestRise(kept)
  rows.forEach((row, to) => {
    const from = before.get(keyOf(row))
    if (from === undefined) return edit.i.push([to, row])
    if (!staying.has(from)) edit.m.push([from, to])
    const changes = Object.entries(row.d).filter(([slot, value]) => value !== old[from]?.d[Number(slot)])
    if (changes.length) edit.c[to] = Object.fromEntries(changes)
  })
  return Object.fromEntries(Object.entries(edit).filter(([, part]) => Object.keys(part).length))
}

function longestRise(values: number[]): Set<number> {
  const best: number[][] = []
  for (const value of values) {
    const before =
      best.filter((run) => (run[run.length - 1] ?? -1) < value).sort((a, b) => b.length - a.length)[0] ?? []
    best.push([...before, value])
  }
  return new Set(best.sort((a, b) => b.length - a.length)[0])
}
