/** Tables whose parts come and go: what was typed in their rows stays, at the join and afterwards. */

import { each, html, type Tree } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  head: boolean
  a: number[]
  b: number[]
  foot: boolean
}

const row = (id: number): Tree => html`<tr><td>${id}</td><td><input name="r${id}"></td></tr>`
const list = (rows: number[]) => each(rows, (id) => id, row)

const LAYOUTS: Record<string, (props: Props) => Tree> = {
  'two lists': ({ a, b }) => html`<table>${list(a)}${list(b)}</table>`,
  'two lists, with white space': ({ a, b }) => html`<table>
      ${list(a)}
      ${list(b)}
    </table>`,
  'a head, rows, a foot': ({ head, a, b, foot }) =>
    html`<table>${head ? html`<thead><tr><th>h</th></tr></thead>` : ''}${list(a)}${list(b)}${foot ? html`<tfoot><tr><td>f</td></tr></tfoot>` : ''}</table>`,
  'rows before a row': ({ a, b }) =>
    html`<table>${list(a)}<tr><td>0</td><td><input name="r0"></td></tr>${list(b)}</table>`,
  'rows before a body': ({ a, b }) =>
    html`<table><caption>c</caption>${list(a)}<tbody><tr><td>0</td><td><input name="r0"></td></tr>${list(b)}</tbody></table>`,
  'a body that comes between': ({ head, a, b }) =>
    html`<table>${list(a)}${head ? html`<tbody><tr><td>m</td></tr></tbody>` : ''}${list(b)}</table>`,
}

const layout = (name: string, props: Props) => ({
  props,
  handle: {
    more: (props: Props) => ({ ...props, a: [...props.a, 10 + props.a.length], b: [20 + props.b.length, ...props.b] }),
    clear: (props: Props) => ({ ...props, a: [], b: [] }),
    head: (props: Props) => ({ ...props, head: !props.head }),
    foot: (props: Props) => ({ ...props, foot: !props.foot }),
  },
  render: (props: Props) => html`<p>
      ${['more', 'clear', 'head', 'foot'].map((one) => html`<button id="${one}" @click=${one}>${one}</button>`)}
    </p>${(LAYOUTS[name] as (props: Props) => Tree)(props)}`,
})

/** The first cells, with what is typed beside them. */
const seen = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('table tr')].map((row) => {
      const { value } = row.querySelector('input') ?? { value: '' }
      const { localName } = row.parentElement as Element
      return `${localName} ${row.querySelector('td,th')?.textContent} ${value}`.trim()
    }),
  )

/** What is typed before the client is there stays at the join only if the rows are the same elements. */
const MARK = `<script>for (const input of document.querySelectorAll('input')) input.value = input.name + '!'</script>`

for (const name of Object.keys(LAYOUTS)) {
  eachBrowser(`${name}: rows stay what they are`, async (page) => {
    const { url } = await livePage(layout(name, { head: true, a: [1, 2], b: [3], foot: true }), {
      around: (component) => component + MARK,
    })
    await page.goto(url)
    const before = await seen(page)
    expect(before.filter((line) => line.endsWith('!')).length).toBeGreaterThan(2)
    await page.settled()
    expect(await seen(page)).toEqual(before)
    for (const button of ['#more', '#head', '#foot', '#head', '#more', '#foot']) {
      await page.click(button)
      await page.settled()
      const now = await seen(page)
      expect(now.filter((line) => line.endsWith('!'))).toEqual(before.filter((line) => line.endsWith('!')))
    }
    const shown = await seen(page)
    // A page that is loaded now shows the same.
    const fresh = await livePage(layout(name, { head: true, a: [1, 2, 12, 13], b: [22, 21, 3], foot: true }))
    await page.goto(fresh.url)
    expect(await seen(page)).toEqual(shown.map((line) => line.replace(/ r\d+!$/, '')))
  })

  eachBrowser(`${name}: empty at mount`, async (page) => {
    const { url } = await livePage(layout(name, { head: false, a: [], b: [], foot: false }))
    await page.goto(url)
    await page.settled()
    const before = await seen(page)
    for (const button of ['#more', '#head', '#foot', '#more', '#clear', '#more']) {
      await page.click(button)
      await page.settled()
    }
    const shown = await seen(page)
    const fresh = await livePage(layout(name, { head: true, a: [10], b: [20], foot: true }))
    await page.goto(fresh.url)
    expect(await seen(page)).toEqual(shown)
    expect(before.length).toBeLessThan(shown.length)
  })
}

eachBrowser('a component of rows, of cells, of items', async (page) => {
  const add = ({ rows }: { rows: number[] }) => ({ rows: [...rows, rows.length + 1] })
  const first = { props: { rows: [1] }, handle: { add } }
  const rows = await livePage(
    {
      ...first,
      render: ({ rows }) => html`<tr><th><button @click="add">add</button></th></tr>${list(rows)}`,
    },
    {
      as: 'tbody',
      around: (component) => `<table><caption>c</caption>${component}<tfoot><tr><td>f</td></tr></tfoot></table>${MARK}`,
    },
  )
  await page.goto(rows.url)
  await page.settled()
  await page.click('button')
  await page.settled()
  expect(await seen(page)).toEqual(['tbody add', 'tbody 1 r1!', 'tbody 2', 'tfoot f'])
  expect(await page.evaluate(() => document.querySelectorAll('[data-l-live], tbody').length)).toBe(1)
  const cells = await livePage(
    {
      ...first,
      render: ({ rows }) => html`<th><button @click="add">add</button></th>${rows.map((id) => html`<td>${id}</td>`)}`,
    },
    { as: 'tr', around: (component) => `<table><tbody>${component}</tbody></table>` },
  )
  await page.goto(cells.url)
  await page.settled()
  await page.click('button')
  await page.shows('tr', 'add12')
  const items = await livePage(
    { ...first, render: ({ rows }) => html`${rows.map((id) => html`<li @click="add">${id}</li>`)}` },
    { as: 'ol' },
  )
  await page.goto(items.url)
  await page.settled()
  await page.click('ol > li')
  await page.shows('ol', '12')
  const whole = await livePage(
    { ...first, render: ({ rows }) => html`<caption @click="add">c</caption><tbody>${list(rows)}</tbody>` },
    { as: 'table' },
  )
  await page.goto(whole.url)
  await page.settled()
  await page.click('caption')
  await page.settled()
  expect(await seen(page)).toEqual(['tbody 1', 'tbody 2'])
})
