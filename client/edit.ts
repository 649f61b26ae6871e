/** A keyed list's edit: rows out, rows moved, rows in. */

import { readIndex, readPairs, refuse, type Inner } from './tree'

export interface Edited<Row> {
  /** All rows, in their order. */
  rows: Row[]
  gone: Row[]
  /** The indexes in `rows` of those that were put in, ascending. */
  placed: number[]
}

export function edit<Row>(old: readonly Row[], { r, m, i }: Inner, read: (tree: unknown) => Row): Edited<Row> {
  const rows: Row[] = []
  const gone: Row[] = []
  const out: number[] = []
  const put: [number, Row][] = []
  const take = (at: unknown) => {
    const row = readIndex(at, old.length)
    out.push(row)
    return old[row] as Row
  }
  readPairs(r, (at, count) => {
    const end = (at as number) + readIndex(count, old.length + 1)
    for (let row = at as number; row < end; row++) gone.push(take(row))
  })
  readPairs(m, (from, to) => put.push([readIndex(to, Infinity), take(from)]))
  readPairs(i, (to, tree) => put.push([readIndex(to, Infinity), read(tree)]))
  const ascending = (a: number, b: number) => a - b
  out.sort(ascending)
  put.sort(([a], [b]) => ascending(a, b))
  if (out.some((row, at) => row === out[at + 1])) refuse()
  let from = 0
  let skip = 0
  const keepUpTo = (length: number) => {
    for (; rows.length < length && from < old.length; from++) {
      if (out[skip] === from) skip++
      else rows.push(old[from] as Row)
    }
  }
  for (const [to, row] of put) {
    keepUpTo(to)
    if (rows.push(row) !== to + 1) refuse()
  }
  keepUpTo(Infinity)
  return { rows, gone, placed: put.map(([to]) => to) }
}
