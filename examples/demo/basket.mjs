// The same page twice: once its component is rendered by a template of `html`, and once by JSX. All else is one code.

import { basket } from './basket_html.mjs'
import { framed } from './frame.mjs'
import { importJsx } from './jsx.mjs'
import { loom } from './loom.mjs'

const { Basket } = await importJsx(new URL('basket_jsx.jsx', import.meta.url))

/** @typedef {{ id: number, name: string, count: number, price: string }} Line */
/** @typedef {{ id: string, lines: readonly Line[], error: string, total: string }} Shown */

const MOST_LINES = 20
const MOST = 99

const euros = new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR' })

/**
 * What a thing costs follows from its name, in cents.
 * @param {string} name
 */
const centsOf = (name) => 100 + ([...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 40) * 25

/** @type {(id: number, name: string, count?: number) => Line} */
const lineOf = (id, name, count = 1) => ({ id, name, count, price: euros.format((count * centsOf(name)) / 100) })

/** @param {(shown: Shown) => import('loom-live').Tree} render */
const moduleOf = (render) => ({
  props: { id: '', lines: [lineOf(1, 'Bread'), lineOf(2, 'Salt & pepper', 2)], nextId: 3, error: '' },
  handle: {
    add: (props, { form }) => {
      const name = String(form?.name ?? '').trim()
      if (name === '') return { ...props, error: 'Say what it is.' }
      if (props.lines.length >= MOST_LINES) return { ...props, error: 'The basket is full.' }
      return { ...props, error: '', lines: [...props.lines, lineOf(props.nextId, name)], nextId: props.nextId + 1 }
    },
    change: (props, { args }) => {
      const counted = ({ count }) => Math.min(Math.max(count + (args?.by === 1 ? 1 : -1), 1), MOST)
      return {
        ...props,
        lines: props.lines.map((line) => (line.id === args?.id ? lineOf(line.id, line.name, counted(line)) : line)),
      }
    },
    remove: (props, { args }) => ({ ...props, lines: props.lines.filter(({ id }) => id !== args?.id) }),
  },
  render: ({ id, lines, error }) => {
    const cents = lines.reduce((sum, { name, count }) => sum + count * centsOf(name), 0)
    return render({ id, lines, error, total: euros.format(cents / 100) })
  },
})

const inHtml = loom.register('basket-html', moduleOf(basket))
const inJsx = loom.register('basket-jsx', moduleOf(Basket))

/** @param {import('express').Request} request */
export async function basketPage(request) {
  return framed(
    { path: '/basket', title: 'Basket', styles: ['forms.css', 'basket.css'] },
    `<header>
      <h1>Basket</h1>
      <p>The same component twice: as a template of <code>html</code>, and in JSX, which the compile step turns into one. Handlers, props and what the browser gets are the same.</p>
    </header>
    <main class="baskets">
      <section class="card" aria-labelledby="in-html">
        <h2 id="in-html">In html <code>basket_html.mjs</code></h2>
        ${await loom.mount(inHtml, { id: 'html' }, { request })}
      </section>
      <section class="card" aria-labelledby="in-jsx">
        <h2 id="in-jsx">In JSX <code>basket_jsx.jsx</code></h2>
        ${await loom.mount(inJsx, { id: 'jsx' }, { request })}
      </section>
    </main>`,
  )
}
