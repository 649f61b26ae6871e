/** The engines that are compared. Each gets the text of a frame; the page is up to date when `receive` returns. */

import { html, nothing, render, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import morphdom from 'morphdom'
import { intern } from '../../client/dom/template'
import type { Templates } from '../../client/dom/tree'
import { createView } from '../../client/dom/view'
import { keepFocus } from '../../client/input/focus'
import { atRest } from '../../client/input/loading'
import { messagesOf } from '../../client/live/wire'
import { row, ROW, TABLE, type RowTree } from './workload'

export interface Engine {
  receive(frame: string): void
}

export type MakeEngine = (container: HTMLElement, rows: RowTree[]) => Engine

const templates = (): Templates => new Map([TABLE, ROW].map(({ id, statics, kinds }) => [id, intern(statics, kinds)]))

function adopt(container: HTMLElement, rows: RowTree[]): Engine {
  const known = templates()
  const view = createView(container, (change) => atRest(() => keepFocus(container, change)))
  view.join([TABLE.id, { l: rows.map((row) => [...row]) }], known, 0, false)
  return {
    receive(frame) {
      for (const [, ...changes] of messagesOf(frame)) view.change(0, { p: changes }, known)
    },
  }
}

function own(container: HTMLElement, rows: RowTree[]): Engine {
  container.innerHTML = pageOf(rows)
  return adopt(container, rows)
}

interface Change {
  r?: number[]
  m?: number[]
  i?: (number | RowTree)[]
  c?: (number | (number | string)[])[]
}

/** The rows after a message, for engines that compare the page with the rows that it should show. */
function edited(old: RowTree[], frame: string): RowTree[] {
  const { r = [], m = [], i = [], c = [] } = (JSON.parse(frame) as [number, number, Change])[2]
  const out = new Set<number>()
  const put = new Map<number, RowTree>()
  for (let at = 0; at < r.length; at += 2)
    for (let n = 0; n < (r[at + 1] as number); n++) out.add((r[at] as number) + n)
  for (let at = 0; at < m.length; at += 2) {
    out.add(m[at] as number)
    put.set(m[at + 1] as number, old[m[at] as number] as RowTree)
  }
  for (let at = 0; at < i.length; at += 2) put.set(i[at] as number, i[at + 1] as RowTree)
  let rows = old
  if (out.size || put.size) {
    rows = []
    const kept = out.size ? old.filter((_, at) => !out.has(at)) : old
    let next = 0
    while (next < kept.length || put.has(rows.length)) rows.push(put.get(rows.length) ?? (kept[next++] as RowTree))
  }
  for (let at = 0; at < c.length; at += 2) {
    const row = rows[c[at] as number] as RowTree
    const changes = c[at + 1] as (number | string)[]
    for (let slot = 0; slot < changes.length; slot += 2)
      row[(changes[slot] as number) + 1] = changes[slot + 1] as string
  }
  return rows
}

export function pageOf(rows: RowTree[]): string {
  const { statics } = ROW
  let text = ''
  for (const row of rows) {
    text += statics[0] ?? ''
    for (let slot = 1; slot < statics.length; slot++) text += (row[slot] as string) + (statics[slot] as string)
  }
  return (TABLE.statics[0] ?? '') + text + (TABLE.statics[1] ?? '')
}

function morph(container: HTMLElement, rows: RowTree[]): Engine {
  let shown = rows
  container.innerHTML = `<div>${pageOf(rows)}</div>`
  return {
    receive(frame) {
      shown = edited(shown, frame)
      morphdom(container.firstElementChild as Element, `<div>${pageOf(shown)}</div>`, {
        getNodeKey: (node) => (node instanceof Element ? (node.getAttribute('data-l-key') ?? node.id) : undefined),
      })
    },
  }
}

/**
 * This client's engine, tried on lit-html: the server's templates become lit's, and each message is a render of
 * everything, which lit compares slot by slot.
 */
function lit(container: HTMLElement, rows: RowTree[]): Engine {
  const strings = new Map([TABLE, ROW].map(({ id, statics }) => [id, Object.assign([...statics], { raw: statics })]))
  const result = (id: number, values: unknown[]): TemplateResult =>
    html(strings.get(id) as unknown as TemplateStringsArray, ...values)
  const show = () =>
    render(
      result(TABLE.id, [
        repeat(
          shown,
          (row) => row[1],
          ([id, ...values]) =>
            result(
              id,
              values.map((value) => value || nothing),
            ),
        ),
      ]),
      container,
    )
  let shown = rows
  show()
  return {
    receive(frame) {
      shown = edited(shown, frame)
      show()
    },
  }
}

export const engines: Record<string, MakeEngine> = {
  'loom-live': own,
  'lit-html with repeat': lit,
  'morphdom over rebuilt HTML': morph,
}

/** The ways to make a page that the server rendered live. */
export const joiners: Record<string, (container: HTMLElement, rows: RowTree[]) => void> = {
  'loom-live, found in place': adopt,
  'loom-live, compared since there is another row': (container, rows) => {
    adopt(container, [row(rows.length), ...rows])
  },
  'lit-html, rendered again': (container, rows) => {
    container.textContent = ''
    lit(container, rows)
  },
  'morphdom, compared with the same HTML': (container, rows) => {
    morphdom(container, `<div>${pageOf(rows)}</div>`, { childrenOnly: true })
  },
}
