/** Radio buttons and options: what was chosen stays chosen when names and rows move, until the server says another. */

import { each, html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Row {
  id: string
  pick: string
}

interface Rows {
  rows: Row[]
  count: number
}

const questions: Row[] = ['a', 'b', 'c'].map((id) => ({ id, pick: 'x' }))

/** Each row is a group of radio buttons, named by its place. `isServers`: the server keeps what was chosen. */
const groups = (isServers: boolean, isKeyed: boolean): LiveModule<Rows> => {
  const row = ({ id, pick }: Row, at: number) => {
    const radio = (value: string) =>
      html`<input type="radio" name="q${at}" value="${value}" ?checked="${isServers ? pick === value : value === 'x'}" data-l-value="${id} ${value}" data-l-change="${isServers ? 'pick' : ''}">`
    return html`<li id="${id}">${radio('x')}${radio('y')}${radio('z')}</li>`
  }
  return {
    props: { rows: questions, count: 0 },
    handle: {
      pick: ({ rows, count }, { value = '' }) => {
        const [id = '', pick = ''] = value.split(' ')
        return { rows: rows.map((one) => (one.id === id ? { id, pick } : one)), count: count + 1 }
      },
      turn: ({ rows, count }) => ({ rows: [...rows.slice(-1), ...rows.slice(0, -1)], count: count + 1 }),
      flip: ({ rows, count }) => ({ rows: [...rows].reverse(), count: count + 1 }),
      front: ({ rows, count }) => ({ rows: [{ id: `n${count}`, pick: 'y' }, ...rows], count: count + 1 }),
      drop: ({ rows, count }) => ({ rows: rows.slice(1), count: count + 1 }),
      all: ({ rows, count }) => ({ rows: rows.map(({ id }) => ({ id, pick: 'z' })), count: count + 1 }),
    },
    render: ({ rows, count }) =>
      html`<ul>${
        isKeyed
          ? each(
              rows.map((one, at) => ({ ...one, at })),
              ({ id }) => id,
              (one) => row(one, one.at),
            )
          : rows.map(row)
      }</ul>${['turn', 'flip', 'front', 'drop', 'all'].map((name) => html`<button id="${name}" @click="${name}">${name}</button>`)}<output>${count}</output>`,
  }
}

/** What is chosen, by row. */
const picks = async (page: Page): Promise<string> => {
  await page.settled()
  return page.evaluate(() =>
    Array.from(document.querySelectorAll('li'), (row) => {
      const chosen = Array.from(row.querySelectorAll<HTMLInputElement>(':checked'), ({ value }) => value)
      return `${row.id}:${chosen.join()}`
    }).join(' '),
  )
}

eachBrowser('the choice of a group stays when rows move and names change', async (page) => {
  const { url } = await livePage(groups(false, true), { options: NOT_PARKED })
  await page.goto(url)
  await page.settled()
  await page.click('#a [value=y]')
  await page.click('#b [value=z]')
  expect(await picks(page)).toBe('a:y b:z c:x')
  await page.click('#turn')
  expect(await picks(page)).toBe('c:x a:y b:z')
  await page.click('#flip')
  expect(await picks(page)).toBe('b:z a:y c:x')
  await page.click('#front')
  expect(await picks(page)).toBe('n2:x b:z a:y c:x')
  await page.click('#drop')
  expect(await picks(page)).toBe('b:z a:y c:x')
  await rejoin(page)
  expect(await picks(page)).toBe('b:z a:y c:x')
})

for (const isKeyed of [true, false])
  eachBrowser(`the choice that the server keeps stays, too, ${isKeyed ? 'keyed' : 'not keyed'}`, async (page) => {
    const { url } = await livePage(groups(true, isKeyed), { options: NOT_PARKED })
    await page.goto(url)
    await page.settled()
    expect(await picks(page)).toBe('a:x b:x c:x')
    await page.click('#a [value=y]')
    await page.click('#b [value=z]')
    expect(await picks(page)).toBe('a:y b:z c:x')
    await page.click('#turn')
    expect(await picks(page)).toBe('c:x a:y b:z')
    await page.click('#flip')
    expect(await picks(page)).toBe('b:z a:y c:x')
    await page.click('#front')
    expect(await picks(page)).toBe('n4:y b:z a:y c:x')
    await rejoin(page)
    expect(await picks(page)).toBe('n4:y b:z a:y c:x')
    await page.click('#drop')
    await page.click('#flip')
    expect(await picks(page)).toBe('c:x a:y b:z')
    await page.click('#all')
    expect(await picks(page)).toBe('c:z a:z b:z')
  })

interface Options {
  options: { id: string; value: string }[]
  marked: string
}

/** Two options of the same value; `kind`: attributes of the select. */
const select = (kind: string, options = ['p 1', 'q 1', 'r 2']): LiveModule<Options> => ({
  props: { options: options.map((one) => ({ id: one[0] as string, value: one.slice(2) })), marked: '' },
  handle: {
    front: (props) => ({ ...props, options: [{ id: 'n', value: '9' }, ...props.options] }),
    twin: (props) => ({ ...props, options: [{ id: 't', value: '1' }, ...props.options] }),
    end: (props) => ({ ...props, options: [...props.options, { id: 'e', value: '8' }] }),
    flip: (props) => ({ ...props, options: [...props.options].reverse() }),
    drop: (props) => ({ ...props, options: props.options.slice(1) }),
    empty: (props) => ({ ...props, options: [] }),
    mark: (props) => ({ ...props, marked: 'q' }),
  },
  render: ({ options: all, marked }) =>
    html`${
      kind === 'multiple'
        ? html`<select multiple>${rows(all, marked)}</select>`
        : kind === 'size'
          ? html`<select size="4">${rows(all, marked)}</select>`
          : html`<select>${rows(all, marked)}</select>`
    }${['front', 'twin', 'end', 'flip', 'drop', 'empty', 'mark'].map((name) => html`<button id="${name}" @click="${name}">${name}</button>`)}`,
})

const rows = (all: Options['options'], marked: string) =>
  each(
    all,
    ({ id }) => id,
    ({ id, value }) => html`<option id="${id}" value="${value}" ?selected="${id === marked}">${id}</option>`,
    [marked],
  )

const chosen = async (page: Page): Promise<string> => {
  await page.settled()
  return page.evaluate(() =>
    Array.from((document.querySelector('select') as HTMLSelectElement).selectedOptions, ({ id }) => id).join(),
  )
}

const choose = (page: Page, ...ids: string[]) =>
  page.evaluate((wanted) => {
    const list = document.querySelector('select') as HTMLSelectElement
    list.selectedIndex = -1
    for (const option of list.options) if (wanted.includes(option.id)) option.selected = true
    for (const type of ['input', 'change']) list.dispatchEvent(new Event(type, { bubbles: true }))
  }, ids)

eachBrowser('of two options of the same value the one that was chosen stays chosen', async (page) => {
  const { url } = await livePage(select(''), { options: NOT_PARKED })
  await page.goto(url)
  await page.settled()
  await choose(page, 'q')
  for (const name of ['front', 'end', 'twin', 'flip', 'drop']) {
    await page.click(`#${name}`)
    expect([name, await chosen(page)]).toEqual([name, 'q'])
  }
  await rejoin(page)
  expect(await chosen(page)).toBe('q')
  await choose(page, 'p')
  await page.click('#mark')
  expect(await chosen(page)).toBe('q')
})

eachBrowser('a multiple select chooses no twin', async (page) => {
  const { url } = await livePage(select('multiple'), { options: NOT_PARKED })
  await page.goto(url)
  await page.settled()
  expect(await chosen(page)).toBe('')
  await page.click('#front')
  expect(await chosen(page)).toBe('')
  await choose(page, 'q', 'r')
  for (const name of ['end', 'twin', 'drop']) {
    await page.click(`#${name}`)
    expect([name, await chosen(page)]).toEqual([name, 'q,r'])
  }
  await page.click('#flip')
  expect(await chosen(page)).toBe('r,q')
  await rejoin(page)
  expect(await chosen(page)).toBe('r,q')
})

for (const kind of ['', 'size'])
  eachBrowser(`where nothing is chosen nothing is chosen for the user (${kind || 'a menu'})`, async (page) => {
    const { url } = await livePage(select(kind))
    await page.goto(url)
    await page.settled()
    expect(await chosen(page)).toBe(kind ? '' : 'p')
    await choose(page)
    expect(await chosen(page)).toBe('')
    for (const name of ['front', 'end', 'flip', 'drop']) {
      await page.click(`#${name}`)
      expect([name, await chosen(page)]).toEqual([name, ''])
    }
    await page.click('#mark')
    expect(await chosen(page)).toBe('q')
  })

eachBrowser('a select that gets its options shows what a fresh one shows', async (page) => {
  const { url } = await livePage(select('', []))
  await page.goto(url)
  await page.settled()
  await page.click('#front')
  expect(await chosen(page)).toBe('n')
  await page.click('#twin')
  expect(await chosen(page)).toBe('n')
  await page.click('#empty')
  await page.click('#end')
  expect(await chosen(page)).toBe('e')
})
