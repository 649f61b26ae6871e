/** Trees of other template languages: their slots' places are unknown, so they are kept as data and shown as HTML. */

import { edit } from './edit'
import {
  isInner,
  isRows,
  isTree,
  readIndex,
  readPairs,
  readTree,
  readValue,
  refuse,
  type Inner,
  type Templates,
  type Tree,
  type Value,
} from './tree'

export function htmlOf(value: Value): string {
  if (typeof value !== 'object') return String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
  if (isTree(value)) return value[0].statics.reduce((html, text, at) => html + htmlOf(value[at] as Value) + text)
  return isRows(value) ? value.l.map(htmlOf).join('') : value.h
}

/** A changed copy: the old one is what the page still shows. */
export function changeTree(tree: Tree, changes: unknown, templates: Templates): Tree {
  if (!isTree(tree)) refuse()
  const copy: Tree = [...tree]
  readPairs(changes, (slot, change) => {
    const at = readIndex(slot, tree.length - 1) + 1
    copy[at] = isInner(change) ? changeInside(tree[at] as Value, change, templates) : readValue(change, 'o', templates)
  })
  return copy
}

function changeInside(value: Value, change: Inner, templates: Templates): Value {
  if (isTree(value) && change.p) return changeTree(value, change.p, templates)
  if (typeof value !== 'object' || change.p || !isRows(value)) return refuse()
  const { rows } = edit(value.l, change, (tree) => readTree(tree, templates))
  readPairs(change.c, (at, changes) => {
    const row = readIndex(at, rows.length)
    rows[row] = changeTree(rows[row] as Tree, changes, templates)
  })
  return { l: rows }
}
