// What development finds in keyed lists of which only what changed is rendered.

import { each, type EachWindow, html, type KeyedWindow } from 'loom-live'
import { pageOf } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'

interface Props {
  rows: { id: number; name: string }[]
  selected: number
}

async function table(dependencies: (props: Props) => unknown[]) {
  const site = await Site.start({ development: true })
  const module = site.loom.register<Props>('table', {
    props: { rows: [1, 2, 3].map((id) => ({ id, name: `row ${id}` })), selected: 1 },
    handle: {
      add: (props, { value }) => ({ ...props, rows: [...props.rows, { id: Number(value), name: 'new' }] }),
      select: (props, { value }) => ({ ...props, selected: Number(value) }),
    },
    render: (props) =>
      html`${each(
        props.rows,
        ({ id }) => id,
        ({ id, name }) => html`<li>${id === props.selected ? '*' : ''}${name}</li>`,
        dependencies(props),
      )}`,
  })
  return { site, client: await site.live(module) }
}

test('a new row with the key of one that stays is an error, as in a list that is rendered whole', async () => {
  const { client } = await table(({ selected }) => [selected])
  expect(await client.fails('c0', 'add', { value: '2' })).toMatch(/two items with the key "2"; keys have to be unique/)
  expect(await client.shows('c0', 'add', { value: '4' })).toMatch(/<li>new<\/li>$/)
})

test('rows that read what is not among their dependencies are warned of', async () => {
  const { site, client } = await table(() => [])
  await client.event('c0', 'select', { value: '2' })
  expect(site.log.all).toMatch(/table: the row "1" of each\(\) reads more than its item: slot 1 of the row would/)
})

test('rows are rendered again where a dependency changed, and nothing is warned of', async () => {
  const { site, client } = await table(({ selected }) => [selected])
  expect(await client.shows('c0', 'select', { value: '3' })).toBe('<li>row 1</li><li>row 2</li><li>*row 3</li>')
  expect(site.log.all).toBe('')
})

describe('a window on a list', () => {
  const items = Array.from({ length: 1_000 }, (_, id) => ({ id }))
  const of = (window: EachWindow, list = items): KeyedWindow =>
    each(
      list,
      ({ id }) => id,
      ({ id }) => html`<li>${id}</li>`,
      window,
    )

  test.each([
    [0, 0, undefined, 50],
    [-7, 0, undefined, 50],
    [30, 30, 0, 80],
    [100, 100, 50, 150],
    [880, 880, 830, 900],
    [900, 900, 850, undefined],
    [5_000, 900, 850, undefined],
  ])('at %d begins at %d, and its neighbours at %p and %p', (at, from, earlier, later) => {
    const window = of({ limit: 100, at })
    expect([window.at, window.earlier, window.later]).toEqual([from, earlier, later])
    expect(window.items).toEqual(items.slice(from, from + 100))
  })

  test('is all of a short list', () => {
    const window = of({ limit: 100, at: 3 }, items.slice(0, 5))
    expect([window.at, window.earlier, window.later, window.items.length]).toEqual([0, undefined, undefined, 5])
  })

  test.each([
    [{ limit: 1, at: 0 }, 'a whole number from 2 to 10000'],
    [{ limit: 10_001, at: 0 }, 'a whole number from 2 to 10000'],
    [{ limit: 2.5, at: 0 }, 'a whole number from 2 to 10000'],
    [{ at: 0 }, 'a whole number from 2 to 10000'],
    [{ limit: 100 }, 'a whole number'],
    [{ limit: 100, at: NaN }, 'a whole number'],
    [{ limit: 100, at: '7' }, 'a whole number'],
    [{ limit: 100, at: 0, from: 7 }, 'one of limit, at, dependencies'],
    [{ limit: 100, at: 0, dependencies: 7 }, 'an array'],
    ['window', 'an array'],
  ])('that is none is an error: %j', (window, message) => {
    expect(() => of(window as EachWindow)).toThrow(message)
  })

  test('that moves sends the rows that are new in it, and no others', async () => {
    const site = await Site.start({ development: false })
    const list = site.loom.register('list', {
      props: { at: 0 },
      handle: { show: (_, { value }) => ({ at: Number(value) }) },
      render: ({ at }) => html`<ul>${of({ limit: 100, at })}</ul>`,
    })
    const page = await pageOf(site, list.name)
    let said = ''
    page.onFrame = (frame) => (said += frame.toString())
    page.event('show', '50')
    await until('the answer', () => page.isSettled)
    const rows = [...said.matchAll(/"(\d+)"/g)].map(([, id]) => Number(id)).filter((id) => id < 1_000)
    expect(new Set(rows)).toEqual(new Set(items.slice(100, 150).map(({ id }) => id)))
  })
})
