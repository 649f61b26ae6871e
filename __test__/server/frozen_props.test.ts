// Props that a handler returned frozen, as immer does, are frozen from then on, however old JavaScript's copy of them is.

import { html, type Message, raw } from 'loom-live'
import type { LivePage } from '../support/live_page'
import { pageOf } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'

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

describe.each([true, false])('of a module with receivers, with development %s,', (development) => {
  /** Where props come from: parsed from the page's token, JavaScript's copy, or parsed anew. */
  test.each([
    ['a copy is kept', { propsCacheBytes: 1 << 20 }],
    ['they are parsed anew each time', { propsCacheBytes: 1 }],
  ])('props are frozen at any depth in connected, handlers and receivers, if %s', async (_, limits) => {
    const frozen: [where: string, frozen: boolean][] = []
    const look = (where: string, props: Readonly<Props>): void => {
      const parts = [props, props.rows, props.rows[0], props.rows[0]?.tags]
      frozen.push([where, parts.every((part) => Object.isFrozen(part))])
    }
    const site = await Site.start({ limits, development })
    const { name } = site.loom.register<Props>('receives', {
      props: { count: 0, rows: [] },
      // Loaded again at the join, so that connected gets props that were never parsed.
      private: ['rows'],
      mount: () => ({ rows: [{ tags: ['a'] }] }),
      async connected(props, ctx) {
        look('connected', props)
        await ctx.subscribe('news', 'heard')
      },
      handle: {
        add: (props) => {
          look('handle', props)
          return change(props)
        },
        deep: (props) => {
          props.rows[0]?.tags.push('b')
        },
        top: (props) => {
          props.count += 1
        },
      },
      receive: {
        heard: (props) => {
          look('receive', props)
          return { ...props, count: props.count + 1 }
        },
      },
      render: (props) => html`${raw(JSON.stringify(props))}`,
    })
    const page = await pageOf(site, name)
    const outcomes: string[] = []
    page.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
    for (let round = 0; round < 2; round++) {
      page.event('add')
      await until('the answer', () => page.isSettled)
      await site.loom.publish('news', 1)
      page.event('deep')
      page.event('top')
      await until('the answers', () => page.isSettled)
    }
    await until('both messages', () => page.text.includes('"count":4'))
    expect(JSON.parse(page.text)).toEqual({ count: 4, rows: [{ tags: ['a'] }] })
    expect(outcomes.slice(0, 3)).toEqual(['add applied', 'deep failed', 'top failed'])
    expect(frozen.map(([where]) => where).sort()).toEqual(['connected', 'handle', 'handle', 'receive', 'receive'])
    expect(frozen.filter(([, isFrozen]) => !isFrozen)).toEqual([])
  })

  test('a message of a topic is one object for all its receivers, and data is frozen at any depth, wherever it is from', async () => {
    const seen: Message[] = []
    const addresses: string[] = []
    const site = await Site.start({ development })
    const { name } = site.loom.register('gets', {
      props: { count: 0 },
      async connected(_, ctx) {
        addresses.push(ctx.self)
        await ctx.subscribe('news', 'got')
      },
      handle: {
        ask: (props, _, ctx) => {
          ctx.task('got', () => Promise.resolve({ list: [{ from: 'task' }] }))
          ctx.send(ctx.self, 'got', { list: [{ from: 'component' }] })
          return { ...props }
        },
        later: (props, _, ctx) => {
          ctx.after('got', 0, { list: [{ from: 'timer' }] })
          return { ...props }
        },
      },
      receive: {
        got: ({ count }, message) => {
          seen.push(message)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    const pages: LivePage[] = []
    for (let count = 0; count < 3; count++) pages.push(await pageOf(site, name))
    await site.loom.publish('news', { list: [{ from: 'topic' }] })
    await until('the topic’s message', () => seen.length === 3)
    const [first] = seen
    for (const message of seen) expect(message).toBe(first)
    const [page] = pages
    page?.event('ask')
    await until('a task’s value, and what was sent', () => seen.length === 5)
    page?.event('later')
    await site.loom.send(addresses[0] ?? '', 'got', { list: [{ from: 'server' }] })
    await until('all', () => seen.length === 7)
    const sources = new Set(seen.map(({ from }) => from))
    expect([...sources].sort()).toEqual(['component', 'server', 'task', 'timer', 'topic'])
    for (const message of seen) {
      const { list } = message.data as { list: object[] }
      for (const part of [message, message.data, list, list[0]])
        expect([message.from, Object.isFrozen(part)]).toEqual([message.from, true])
    }
  })
})
