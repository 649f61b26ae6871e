/** A subscription or timer whose receiver a new version lacks is dropped and logged once; `upgrade` gets it. */

import { type Dropped, html, type Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { Site } from '../support/site'
import { shows } from '../support/pages'
import { until } from '../support/until'

function old(loom: Loom): void {
  loom.register('board', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'told')
      await ctx.subscribe('prices', 'priced')
      ctx.every('ticked', 60_000)
      ctx.every('stays', 60_000)
      ctx.after('reminded', 60_000, { of: 'lunch' })
      ctx.after('null', 60_000, null)
      ctx.after('bare', 60_000)
    },
    handle: {},
    receive: {
      told: ({ got }, { data }) => ({ got: [...got, data] }),
      priced: (props) => props,
      ticked: (props) => props,
      stays: (props) => props,
      reminded: (props) => props,
      null: (props) => props,
      bare: (props) => props,
    },
    render: ({ got }) => html`${got.join(' ')}`,
  })
}

/** A page of the old version that comes back to a process with the new one. */
async function deployed(next: (loom: Loom) => void) {
  const [before, after] = [await Site.start(), await Site.start()]
  old(before.loom)
  next(after.loom)
  let url = before.url()
  const page = new LivePage({ url: () => url, module: 'board', token: await before.token('board') })
  atEnd(() => {
    page.end()
  })
  await before.loom.publish('news', 'a')
  await until('a checkpoint', () => page.isLive && page.memory.checkpoint !== undefined)
  url = after.url()
  page.cut()
  await until('the page to be there', () => page.joins === 2 && page.isLive)
  return { after, page }
}

test('upgrade gets what is dropped, and connected may begin others in their place', async () => {
  const got: (readonly Dropped[])[] = []
  const topics: (readonly string[])[] = []
  const { after, page } = await deployed((loom) => {
    loom.register('board', {
      version: 2,
      props: { got: [] as unknown[], topics: [] as string[] },
      upgrade(_, from, dropped) {
        expect(from).toBe(1)
        got.push(dropped)
        return { got: [], topics: dropped.flatMap(({ topic = [] }) => topic) }
      },
      async connected(props, ctx) {
        topics.push(ctx.topics)
        for (const topic of props.topics) await ctx.subscribe(topic, 'arrived', { from: 'now' })
      },
      handle: {},
      receive: {
        priced: (props) => props,
        stays: (props) => props,
        arrived: (props, { data }) => ({ ...props, got: [...props.got, data] }),
      },
      render: ({ got }) => html`${got.join(' ')}`,
    })
  })
  // Strictly: what is not given is not there.
  expect(got).toStrictEqual([
    [
      { receiver: 'bare' },
      { receiver: 'null', data: null },
      { receiver: 'reminded', data: { of: 'lunch' } },
      { receiver: 'ticked', every: 60_000 },
      { receiver: 'told', topic: 'news' },
    ],
  ])
  // What has ended is no subscription any more.
  expect(topics).toEqual([['prices']])
  await after.loom.publish('news', 'b')
  await shows(page, 'b')
  await after.log.says('dropped')
  const lines = after.log.warnings.filter((line) => line.includes('dropped'))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('bare, null, reminded, ticked, told')
})

test('of the same version it is dropped and logged, too', async () => {
  const { after, page } = await deployed((loom) => {
    loom.register('board', {
      props: { got: [] as unknown[] },
      handle: { say: ({ got }, { value }) => ({ got: [...got, value] }) },
      receive: { priced: (props) => props, stays: (props) => props },
      render: ({ got }) => html`${got.join(' ')}`,
    })
  })
  await after.loom.publish('news', 'never')
  page.event('say', 'on')
  await until('the answer', () => page.isSettled)
  expect(page.text).toMatch(/on$/)
  expect(page.text).not.toContain('never')
  await after.log.says('dropped')
  expect(after.log.warnings.filter((line) => line.includes('dropped'))).toHaveLength(1)
  // Once: the state that is revived next has none of it.
  page.cut()
  await until('the page to be back', () => page.resumes === 1 && page.isLive)
  expect(after.log.warnings.filter((line) => line.includes('dropped'))).toHaveLength(1)
})

test('an upgrade of a state that has lost nothing gets an empty list', async () => {
  const got: unknown[] = []
  await deployed((loom) => {
    loom.register('board', {
      version: 2,
      props: { got: [] as unknown[] },
      upgrade(props, _, dropped) {
        got.push(dropped)
        return props as { got: unknown[] }
      },
      handle: {},
      receive: Object.fromEntries(
        ['told', 'priced', 'ticked', 'stays', 'reminded', 'null', 'bare'].map((name) => [name, () => undefined]),
      ),
      render: () => html`x`,
    })
  })
  expect(got).toEqual([[]])
})
