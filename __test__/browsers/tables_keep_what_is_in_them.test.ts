/** Tables whose parts come and go: what was typed in their rows stays, at the join and afterwards. */

import { each, html, raw, type Tree } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  head: boolean
  a: number[]
  b: number[]
  foot: boolean
}

const row = (id: number): Tree => html`<tr><td>${id}</td><td><input name="r${id}"></td></tr>`
const list = (rows: number[]) => each(rows, (id) => id, row)

const HEAD = html`<thead><tr><th>h</th></tr></thead>`
const FOOT = html`<tfoot><tr><td>f</td></tr></tfoot>`

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
  'a fragment of a head and rows': ({ head, a, b, foot }) =>
    html`<table>${html`${head ? HEAD : ''}${list(a)}`}${list(b)}${foot ? FOOT : ''}</table>`,
  'a fragment that begins with a head': ({ a, b, foot }) =>
    html`<table>
      ${html`<caption>c</caption><thead><tr><th>h</th></tr></thead>
        ${list(a)}`}
      ${list(b)} ${foot ? FOOT : ''}
    </table>`,
  'a fragment of a head and a row': ({ head, a, b }) =>
    html`<table>${html`<thead><tr><th>h</th></tr></thead><tr><td>0</td><td><input name="r0"></td></tr>`}${list(a)}${head ? FOOT : ''}${list(b)}</table>`,
  'fragments in fragments': ({ head, a, b, foot }) =>
    html`<table>${html`${html`${head ? HEAD : ''}${html`${list(a)}`}`}${html`<tr><td>0</td><td><input name="r0"></td></tr>${html`${list(b)}${foot ? FOOT : ''}`}`}`}</table>`,
  'a foot between rows': ({ head, a, b, foot }) =>
    html`<table><tr><td>0</td><td><input name="r0"></td></tr>${foot ? FOOT : ''}${list(a)}${head ? HEAD : ''}${list(b)}</table>`,
  'bodies among rows': ({ head, a, b }) =>
    html`<table>${list(a)}${(head ? [7, 8] : [8]).map((id) => html`<tbody class="g"><tr><td>${id}</td></tr></tbody>`)}${list(b)}</table>`,
  'a row, groups and a body': ({ head, a, b }) =>
    html`<table><tr><td>0</td><td><input name="r0"></td></tr>${each(
      a,
      (id) => id,
      (id) => html`<tbody class="g">${row(id)}</tbody>`,
    )}<tbody>${list(b)}</tbody>${head ? FOOT : ''}</table>`,
  'a row, a part and a body': ({ head, a, b, foot }) =>
    html`<table title="<tbody>"><tr><td>0</td><td><input name="r0"></td></tr> ${head ? HEAD : list(a)}<tbody>${list(b)}<tr><td>5</td><td><input name="r5"></td></tr></tbody>${foot ? FOOT : ''}<tr><td>4</td></tr></table>`,
  'a table in a table': ({ head, a, b }) =>
    html`<table>${head ? HEAD : ''}<tr><td><table>${html`${head ? HEAD : ''}${list(a)}`}</table></td></tr>${list(b)}</table>`,
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

/** The tables' parts, and then the first cells, with what is typed beside them. */
const seen = (page: Page): Promise<string[]> =>
  page.evaluate(() => [
    ...[...document.querySelectorAll('table')].map((table) =>
      [...table.children].map(({ localName, children }) => `${localName} ${children.length}`).join(),
    ),
    ...[...document.querySelectorAll('table tr')].map((row) => {
      const { value } = row.querySelector<HTMLInputElement>(':scope > td > input') ?? { value: '' }
      const cell = row.querySelector('td,th')
      const { localName } = row.parentElement as Element
      return `${localName} ${cell?.querySelector('table') ? 'table' : cell?.textContent} ${value}`.trim()
    }),
  ])

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
  expect(await seen(page)).toEqual(['caption 0,tbody 3,tfoot 1', 'tbody add', 'tbody 1 r1!', 'tbody 2', 'tfoot f'])
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
  expect(await seen(page)).toEqual(['caption 0,tbody 2', 'tbody 1', 'tbody 2'])
})

/** A list of a table, whose items are rows or bodies. */
type Kinds = [id: number, isBody: boolean][]

eachBrowser('a list of rows and of bodies', async (page) => {
  const steps: Kinds[] = [
    [[1, false], [7, true], [2, false]],
    [[7, true], [2, false]],
    [[3, false], [7, true], [2, false]],
    [[7, true], [3, false], [2, false]],
    [[3, false], [2, false]],
    [[8, true], [9, true], [3, false], [2, false]],
    [[8, true], [3, false], [9, true], [2, false]],
    [],
    [[2, false], [9, true]],
  ] // prettier-ignore
  const table = (at: number) =>
    html`<table>${each(
      steps[at] as Kinds,
      ([id]) => id,
      ([id, isBody]) => (isBody ? html`<tbody class="g">${row(id)}</tbody>` : row(id)),
    )}</table>`
  const { url } = await livePage({
    props: { at: 0 },
    handle: { next: ({ at }) => ({ at: at + 1 }) },
    render: ({ at }) => html`<button @click="next">next</button><output>${at}</output>${table(at)}`,
  })
  await page.goto(url)
  await page.settled()
  for (let at = 0; at < steps.length; at++) {
    if (at) await page.click('button')
    await page.shows('output', `${at}`)
    const plain = (steps[at] as Kinds).map(([id, isBody], index, all) => {
      const follows = !isBody && all[index - 1]?.[1] === false
      return `${follows ? '' : ' '}${isBody ? `g${id}` : id}`
    })
    const shown = await page.evaluate(() =>
      [...document.querySelectorAll('tbody')].map((body) => ` ${body.className}${body.textContent}`).join(''),
    )
    expect([at, shown]).toEqual([at, plain.join('')])
  }
})

interface Away {
  rows: number[]
  /** The row of a body that the template has itself. */
  body: number
}

/** The state changes while the page is away. */
const AWAY: Record<string, [before: Away, after: Away]> = {
  'rows come before a body': [
    { rows: [], body: 7 },
    { rows: [1], body: 7 },
  ],
  'rows come before a body, which says something else': [
    { rows: [], body: 7 },
    { rows: [1], body: 8 },
  ],
  'rows before a body go': [
    { rows: [1], body: 7 },
    { rows: [], body: 8 },
  ],
}

for (const name of Object.keys(AWAY))
  for (const attribute of ['', 'class="g"'])
    eachBrowser(`a page that was away: ${name} ${attribute}`, async (page) => {
      const [before, after] = AWAY[name] as [Away, Away]
      let now = before
      const { url } = await livePage(
        {
          props: { step: 0 },
          handle: { more: ({ step }) => ({ step: step + 1 }) },
          render: ({ step }) =>
            html`<button @click="more">${step}</button><table>${list(now.rows)}${
              attribute ? html`<tbody class="g">${row(now.body)}</tbody>` : html`<tbody>${row(now.body)}</tbody>`
            }</table>`,
        },
        { options: NOT_PARKED },
      )
      const shown = () =>
        page.evaluate(() =>
          [...document.querySelectorAll('tbody')].map((body) => `${body.className}${body.textContent}`),
        )
      const g = attribute ? 'g' : ''
      await page.goto(url)
      await page.settled()
      now = after
      await rejoin(page)
      await page.settled()
      expect(await shown()).toEqual([...after.rows.map(String), `${g}${after.body}`])
      // Rows that come afterwards stand in a body of their own.
      now = { rows: [1, 2], body: after.body }
      await page.click('button')
      await page.settled()
      expect(await shown()).toEqual(['12', `${g}${after.body}`])
    })

/** What one slot of a table shows by turns, and what stands behind it. */
const TURNS: Record<string, Tree | ReturnType<typeof list>> = {
  'nothing': html``,
  'rows': list([1, 2]),
  'other rows': html`<tr><td>5</td></tr>`,
  'a head': HEAD,
  'a head and rows': html`<thead><tr><th>h</th></tr></thead>${list([3, 4])}`,
  'rows and a foot': html`${list([1, 2])}<tfoot><tr><td>f</td></tr></tfoot>`,
  'a body': html`<tbody><tr><td>b</td></tr></tbody>`,
  'HTML of rows': html`${raw('<tr><td>6</td></tr>')}`,
  'HTML of parts': html`${raw('<thead><tr><th>h</th></tr></thead><tr><td>6</td></tr>')}`,
  'HTML of a foot': html`${raw('<tfoot><tr><td>f</td></tr></tfoot>')}`,
}

const PLAIN: Record<string, string> = {
  'nothing': '',
  'rows': '<tr><td>1</td></tr><tr><td>2</td></tr>',
  'other rows': '<tr><td>5</td></tr>',
  'a head': '<thead><tr><th>h</th></tr></thead>',
  'a head and rows': '<thead><tr><th>h</th></tr></thead><tr><td>3</td></tr><tr><td>4</td></tr>',
  'rows and a foot': '<tr><td>1</td></tr><tr><td>2</td></tr><tfoot><tr><td>f</td></tr></tfoot>',
  'a body': '<tbody><tr><td>b</td></tr></tbody>',
  'HTML of rows': '<tr><td>6</td></tr>',
  'HTML of parts': '<thead><tr><th>h</th></tr></thead><tr><td>6</td></tr>',
  'HTML of a foot': '<tfoot><tr><td>f</td></tr></tfoot>',
}

for (const behind of ['', 'rows'])
  eachBrowser(
    `a slot of a table shows one thing after the other, before ${behind || 'nothing'}`,
    async (page) => {
      const names = Object.keys(TURNS)
      // Each follows each other one once.
      const turns = names.flatMap((one, at) => names.slice(at + 1).flatMap((other) => [one, other]))
      const turning = (at: number) => ({
        props: { at },
        handle: { next: ({ at }: { at: number }) => ({ at: at + 1 }) },
        render: ({ at }: { at: number }) =>
          html`<button @click="next">next</button><output>${at}</output><table>${TURNS[turns[at] as string]}${list(behind ? [9] : [])}</table>`,
      })
      const { url } = await livePage(turning(0))
      // A parser shows what the same is on a plain page.
      const plain = (at: number) =>
        page.evaluate(
          (tables) => {
            const whole = document.createElement('div')
            whole.innerHTML = tables
            return [...(whole.querySelector('table') as Element).children].map(
              ({ localName, textContent }) => `${localName} ${textContent}`,
            )
          },
          `<table>${PLAIN[turns[at] as string]}${behind ? '<tr><td>9</td></tr>' : ''}</table>`,
        )
      const shown = () =>
        page.evaluate(() =>
          [...(document.querySelector('table') as Element).children].map(
            ({ localName, textContent }) => `${localName} ${textContent}`,
          ),
        )
      await page.goto(url)
      await page.settled()
      if (behind)
        await page.evaluate(() => document.querySelector<HTMLInputElement>('[name=r9]')?.setRangeText('typed'))
      for (let at = 0; at < turns.length; at++) {
        if (at) {
          await page.evaluate(() => document.querySelector('button')?.click())
          await page.shows('output', `${at}`)
        }
        expect([turns[at], await shown()]).toEqual([turns[at], await plain(at)])
        if (behind) expect(await page.property('[name=r9]', 'value')).toBe('typed')
      }
    },
    { timeout: 120_000 },
  )
