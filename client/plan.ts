/** A message's changes, checked as a whole before anything is touched, as steps that cannot fail. */

import { edit, type Edited } from './edit'
import { isInstance, isList, type Instance, type List } from './instance'
import { changeTree } from './opaque'
import {
  isInner,
  isTree,
  readArray,
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

/** Rows that are in the page, and such as have to be built. */
export type Rows = Edited<Instance | Tree>

/** An instance, a slot, and what becomes of it: in one flat list, since there can be many. */
export type Steps = (Instance | number | Value | Rows)[]

export function plan(instance: Instance, changes: unknown, templates: Templates, steps: Steps): void {
  const { kinds } = instance.model.template
  readPairs(changes, (at, change) => {
    const slot = readIndex(at, kinds.length)
    const shown = instance.values[slot]
    if (!isInner(change)) steps.push(instance, slot, readValue(change, kinds[slot], templates))
    else if (isList(shown)) planRows(instance, slot, shown, change, templates, steps)
    else if (!(isInstance(shown) && change.p)) refuse()
    else if (!shown.source) plan(shown, change.p, templates, steps)
    else if (readArray(change.p).length) steps.push(instance, slot, changeTree(shown.source as Tree, change.p, templates))
  })
}

function planRows(instance: Instance, slot: number, list: List, change: Inner, templates: Templates, steps: Steps): void {
  if (change.p) refuse()
  let rows: readonly (Instance | Tree)[] = list.rows
  if (change.r || change.m || change.i) {
    const edited: Rows = edit(rows, change, (tree) => readTree(tree, templates))
    steps.push(instance, slot, edited)
    ;({ rows } = edited)
  }
  readPairs(change.c, (at, changes) => {
    const row = rows[readIndex(at, rows.length)]
    if (isTree(row) || !row) refuse()
    else plan(row, changes, templates, steps)
  })
}
