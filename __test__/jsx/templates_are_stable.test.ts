// Without the compile step, too, an element has the same template at each render: what changes is its values.

import { createElement, type Tree } from 'loom-live'
import { Child } from '../support/child'
import { pageOf } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'
import { run } from './modes'

const shown = (tree: unknown): Tree => tree as Tree

test.each(['swc', 'esbuild, for development', 'the compile step and swc'])(
  'the same element has the same template: %s',
  (mode) => {
    const { page } = run<{ page: (name: string, isOpen: boolean) => Tree }>(
      mode,
      `export const page = (name, isOpen) => <p class={name}>{isOpen && <b>{name}</b>}</p>`,
    )
    const first = page('a', true)
    const second = page('b', false)
    expect(second.statics).toBe(first.statics)
    expect(shown(page('c', true).dynamics.at(-1)).statics).toBe(shown(first.dynamics.at(-1)).statics)
  },
)

test('what is not the same by name, props, their order or the number of children has another template', () => {
  const trees = [
    createElement('p', { class: 'a' }),
    createElement('p', { id: 'a' }),
    createElement('b', { class: 'a' }),
    createElement('p', { class: 'a', id: 'b' }),
    createElement('p', { id: 'b', class: 'a' }),
    createElement('p', { class: 'a' }, 1),
    createElement('p', { class: 'a' }, 1, 2),
    createElement('p', { style: { color: 'red' } }),
    createElement('p', { style: { margin: 'red' } }),
    createElement('p', { style: 'red' }),
    createElement('p', { on: { click: 'a' } }),
    createElement('p', { onClick: 'a' }),
  ]
  expect(new Set(trees.map(({ statics }) => statics)).size).toBe(trees.length)
  expect(createElement('p', { className: 'b' }).statics).not.toBe(trees[0]?.statics)
  expect(createElement('p', { class: 'b' }).statics).toBe(trees[0]?.statics)
})

test('a change sends what has changed', async () => {
  const { render } = run<{ render: (props: { rows: { id: number; name: string }[]; error: string }) => Tree }>(
    'swc',
    `export const render = ({ rows, error }) => <form onSubmit="save">
      {error && <p role="alert">{error}</p>}
      <input name="a" value="b"/>
      <ul>{rows.map((row) => <li key={row.id} class="row"><b>{row.id}</b> {row.name}</li>)}</ul>
    </form>`,
  )
  const site = await Site.start()
  const rows = Array.from({ length: 50 }, (_, id) => ({ id, name: `row ${id}` }))
  site.loom.register('form', {
    props: { rows, error: '' },
    handle: {
      fail: (props) => ({ ...props, error: 'no' }),
      rename: (props) => ({
        ...props,
        rows: props.rows.map((row) => (row.id === 7 ? { ...row, name: 'seven' } : row)),
      }),
      turn: (props) => ({ ...props, rows: [...props.rows.slice(1), ...props.rows.slice(0, 1)] }),
    },
    render,
  })
  const page = await pageOf(site, 'form')
  const sizes: number[] = []
  let size = 0
  page.onFrame = (frame) => {
    // Without checkpoints, which hold all of the props.
    size += frame.toString('utf8').replace(/\["c",[^\]]*\]/g, '').length
  }
  for (const handler of ['fail', 'rename', 'turn']) {
    size = 0
    page.event(handler)
    await until('the answer', () => page.isSettled)
    sizes.push(size)
  }
  for (const one of sizes) expect([sizes, one < 300]).toEqual([sizes, true])
})

test('names that come from data stop growing, and what there was goes on', async () => {
  const child = Child.start(`
    const { createElement, createLoom, html } = require('loom-live')
    const before = createElement('p', { title: 'a' })
    let said
    let count = 0
    for (; count < 100_000 && said === undefined; count++) {
      try { createElement('p', { ['data-' + count]: 1 }) } catch (error) { said = error.message }
    }
    const after = createElement('p', { title: 'b' })
    console.log(JSON.stringify({ count, said, isSame: before.statics === after.statics }))`)
  const { count, said, isSame } = JSON.parse(await child.line()) as { count: number; said: string; isSame: boolean }
  expect(count).toBeLessThan(60_000)
  expect(said).toMatch(/Take names of elements, attributes and styles from your own code, never from data/)
  expect(isSame).toBe(true)
})
