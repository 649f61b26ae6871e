// JavaScript and Rust hand each other numbers and bytes: nothing gets lost or mixed up between them.

import { each, html, type LiveEvent } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { inside, Site, testLoom } from '../support/site'
import { until } from '../support/until'

async function shown(values: unknown[]): Promise<string[]> {
  const { loom } = testLoom()
  const render = () => html`<ul>${values.map((value) => html`<li>${value as string}</li>`)}</ul>`
  loom.register('page', { props: {}, handle: {}, render })
  return inside(await loom.mount('page'))
    .split(/<ul>|<li>|<\/li>|<\/ul>/)
    .filter((part) => part !== '')
}

test('numbers are shown as JavaScript writes them', async () => {
  const numbers = [0, -0, 7, -12, 1e7, 1e21, -5e-324, NaN, Infinity, 0.1 + 0.2, 0.005, 9999999.99, 9999999.995]
  for (let hundredths = 1; hundredths < 1e10; hundredths = Math.ceil(hundredths * 1.07)) {
    numbers.push(hundredths / 100, -hundredths / 100, hundredths / 1000)
    numbers.push(hundredths / 100 + Number.EPSILON, (hundredths / 100) * (1 + Number.EPSILON))
  }
  expect(await shown(numbers)).toEqual(numbers.map(String))
})

test('texts of any length and alphabet come whole, and half a surrogate pair as U+FFFD', async () => {
  const texts: string[] = []
  for (const length of [1, 2, 12, 23, 24, 25, 26, 100, 5000]) {
    for (const odd of ['a', 'é', '€', '😀', '\ud83d', '\ude00']) {
      for (const at of [0, length >> 1, length - 1]) texts.push('x'.repeat(at) + odd + 'y'.repeat(length - 1 - at))
    }
  }
  const expected = texts.map((text) => text.replace(/\p{Surrogate}/gu, '\ufffd'))
  expect(await shown(texts)).toEqual(expected)
})

test('half a surrogate pair that is typed so far comes as U+FFFD, and the other half later', async () => {
  const site = await Site.start()
  const said: (string | undefined)[] = []
  const echo = site.loom.register('echo', {
    props: { text: '' },
    handle: (_, event) => {
      said.push(event.value, event.key)
      return { text: event.value ?? '' }
    },
    render: ({ text }) => html`<p>${text}</p>`,
  })
  const classic = await site.live(echo)
  expect(await classic.shows('c0', 'say', { value: 'a\ud83d', key: '\ude00' })).toContain('<p>a\ufffd</p>')
  expect(await classic.shows('c0', 'say', { value: 'a\ud83d\ude00' })).toContain('<p>a😀</p>')
  const page = new LivePage({ url: () => site.url(), module: 'echo', token: await site.token(echo) })
  atEnd(() => {
    page.end()
  })
  page.event('say', '\\ud83d\ud83d')
  await until('an answer', () => page.isSettled)
  expect(page.text).toContain('\\ud83d\ufffd')
  expect(said).toEqual(['a\ufffd', '\ufffd', 'a😀', undefined, '\\ud83d\ufffd', undefined])
})

test('handlers are found by name, whatever they are called and whatever kind of event it is', async () => {
  const site = await Site.start()
  const called: string[] = []
  const moduleOf = (name: string, handlers: string[]) => {
    const handle = Object.fromEntries(
      handlers.map((handler) => [
        handler,
        (_: object, event: LiveEvent) => void called.push(`${name} ${handler} ${event.handler} ${event.type}`),
      ]),
    )
    return site.loom.register(name, { props: {}, handle, render: () => html`<p></p>` })
  }
  const first = moduleOf('first', ['click', 'go', 'toString'])
  const second = moduleOf('second', ['go', 'blur', 'stop', '__proto__x'])
  const expected: string[] = []
  for (const module of [first, second]) {
    const client = await site.live(module)
    const handlers = module === first ? ['click', 'go', 'toString'] : ['go', 'blur', 'stop', '__proto__x']
    for (const handler of handlers) {
      for (const type of ['click', 'blur', 'keydown', 'a type of its own', 'submit']) {
        for (const vars of [{}, { value: 'x' }]) {
          await client.event('c0', handler, vars, type)
          expected.push(`${module.name} ${handler} ${handler} ${type}`)
        }
      }
    }
  }
  expect(called).toEqual(expected)
})

test('a render that sorts its own props shows them sorted', async () => {
  const site = await Site.start({ development: false })
  interface Props {
    rows: { id: number; rank: number }[]
  }
  const sorting = site.loom.register<Props>('sorting', {
    props: { rows: Array.from({ length: 9 }, (_, id) => ({ id, rank: id })) },
    handle: (props, { value = '' }) => {
      const index = Number(value)
      return { rows: props.rows.map((row, at) => (at === index ? { ...row, rank: 10 - row.rank } : row)) }
    },
    render: (props) =>
      html`<ol>${each(
        props.rows.sort((a, b) => a.rank - b.rank),
        (row) => row.id,
        (row) => html`<li>${row.rank}</li>`,
      )}</ol>`,
  })
  const client = await site.live(sorting)
  for (let event = 0; event < 20; event++) {
    const page = await client.shows('c0', 'turn', { value: String((event * 5) % 9) })
    const ranks = [...page.matchAll(/<li>(\d+)/g)].map(([, rank]) => Number(rank))
    expect(ranks).toHaveLength(9)
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
  }
})

test.each([[undefined], [null], [false], [''], [0]])(
  '%p follows a template and a list, and they follow it',
  async (other) => {
    const site = await Site.start()
    const module = site.loom.register('places', {
      props: { open: true },
      handle: { toggle: ({ open }) => ({ open: !open }) },
      render: ({ open }) => html`<i>${open ? html`<p>x</p>` : other}</i><b>${open ? ['y', html`<u>z</u>`] : other}</b>`,
    })
    const client = await site.live(module)
    const [opened, shut] = ['<i><p>x</p></i><b>y<u>z</u></b>', other === 0 ? '<i>0</i><b>0</b>' : '<i></i><b></b>']
    expect(client.html('c0')).toBe(opened)
    for (const shown of [shut, opened, shut]) expect(await client.shows('c0', 'toggle')).toBe(shown)
  },
)

test('a hole in the items of each is an item that is undefined, at every render', async () => {
  const site = await Site.start()
  const module = site.loom.register('places', {
    props: { last: 0 },
    handle: { next: ({ last }) => ({ last: last + 1 }) },
    render({ last }) {
      const items: (string | undefined)[] = []
      items[0] = 'first'
      items[2] = `last ${last}`
      return html`<ul>${each(
        items,
        (item) => String(item),
        (item) => html`<li>${item}</li>`,
      )}</ul>`
    },
  })
  const client = await site.live(module)
  for (let last = 0; last < 3; last++) {
    expect(client.html('c0')).toBe(`<ul><li>first</li><li></li><li>last ${last}</li></ul>`)
    await client.shows('c0', 'next')
  }
})
