// Props that a handler returned frozen, as immer does, are frozen from then on, however old JavaScript's copy of them is.

import { html, raw } from 'loom-live'
import { Site } from '../support/site'

interface Props {
  count: number
  rows: { tags: string[] }[]
}

const change = (props: Props): Props => ({ ...props, count: props.count + 1 })

/** Ways in which a handler returns something frozen. */
const ways: [string, (props: Props) => Props][] = [
  ['the whole', (props) => Object.freeze(change(props))],
  ['a part', (props) => ({ ...change(props), rows: Object.freeze([...props.rows]) as unknown as Props['rows'] })],
  [
    'something deep in it',
    (props) => ({ ...change(props), rows: [{ tags: Object.freeze(['x']) as unknown as string[] }] }),
  ],
  [
    'what was there',
    (props) => ({ ...props, count: props.count, rows: Object.freeze(props.rows) as unknown as Props['rows'] }),
  ],
  ['each row that was there', (props) => ({ ...props, rows: props.rows.map((row) => Object.freeze(row)) })],
]

/** Changes in place: at the top, in a part, deep in it. */
const changes = ['top', 'part', 'deep'] as const

/** A copy in JavaScript, and none: as after a while without use, or beside larger ones. */
const caches = [{ propsCacheBytes: 1 << 20 }, { propsCacheBytes: 1 }]

async function page(limits: { propsCacheBytes: number }, freeze: (props: Props) => Props, development: boolean) {
  const site = await Site.start({ limits, development })
  const module = site.loom.register<Props>('page', {
    props: { count: 0, rows: [{ tags: ['a'] }] },
    handle: {
      freeze,
      next: change,
      top: (props) => {
        props.count += 1
      },
      part: (props) => {
        props.rows.push({ tags: [] })
      },
      deep: (props) => {
        props.rows[0]?.tags.push('b')
      },
    },
    render: (props) => html`${raw(JSON.stringify(props))}`,
  })
  return site.live(module)
}

describe.each([true, false])('with development %s', (development) => {
  describe.each(ways)('a handler that returns %s frozen', (_, freeze) => {
    test.each(changes)('makes a later change in place fail, whatever the cache does (%s)', async (handler) => {
      for (const limits of caches) {
        const client = await page(limits, freeze, development)
        // Before, it may be done.
        expect((await client.event('c0', handler)).type).toBe('patch')
        await client.shows('c0', 'freeze')
        const shown = client.html('c0')
        await client.fails('c0', handler)
        expect(client.html('c0')).toBe(shown)
        // Also after props that are not frozen themselves.
        await client.shows('c0', 'next')
        await client.fails('c0', handler)
        const before = JSON.parse(client.html('c0')) as Props
        const after = JSON.parse(await client.shows('c0', 'next')) as Props
        expect(after).toEqual({ ...before, count: before.count + 1 })
      }
    })
  })

  test('a component that returns nothing frozen may be changed in place, whatever the cache does', async () => {
    for (const limits of caches) {
      const client = await page(limits, change, development)
      for (const handler of [...changes, 'freeze', ...changes]) {
        expect((await client.event('c0', handler)).type).toBe('patch')
      }
    }
  })
})

test('frozen props of one component, or of a module, freeze those of no other', async () => {
  const site = await Site.start()
  const module = (props: object) => ({
    props,
    handle: { add: (own: { list: number[] }) => void own.list.push(1) },
    render: ({ list }: { list: number[] }) => html`${list.length}`,
  })
  site.loom.register('first', module({ list: [] }) as never)
  const client = await site.connect()
  await client.joined('c0', 'first', await site.token('first'))
  // Looked at between two calls, and frozen.
  const frozen = Object.freeze({ list: Object.freeze([]) as unknown as number[] })
  site.loom.register('second', module(frozen) as never)
  await client.joined('c1', 'second', await site.token('second', frozen))
  for (const count of ['1', '2']) {
    expect(await client.shows('c0', 'add')).toBe(count)
    expect(await client.shows('c1', 'add')).toBe(count)
  }
})
