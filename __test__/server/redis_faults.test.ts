/** Faults of the network between processes and Redis, as a user sees them: answers that are cut, late, or never come. */

import {
  html,
  type Loom,
  type LoomOptions,
  type Message,
  peopleAfter,
  type Person,
  type PresenceMessage,
} from 'loom-live'
import { atEnd } from '../support/cleanup'
import type { LivePage, Outcome } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { RedisServer, withRedis } from '../support/redis'
import { type Fault, RedisProxy } from '../support/redis_proxy'
import { board, settled, sharedPage } from '../support/shared'
import { counter, Site } from '../support/site'
import { until, within } from '../support/until'

const FAULTS: readonly [string, Fault][] = [
  ['is cut', 'cut'],
  ['never comes', 'swallow'],
]

async function network(...options: string[]): Promise<{ redis: RedisServer; proxy: RedisProxy }> {
  const redis = await RedisServer.start(...options)
  atEnd(() => redis.end())
  return { redis, proxy: await RedisProxy.to(redis.port) }
}

/** States and topics, both by this way. */
const all = ({ url }: { url: string }, stored = true): LoomOptions => ({
  backplane: { redis: url },
  ...(stored && { store: { redis: url } }),
})

const outcomesOf = (page: LivePage): Outcome[] => {
  const outcomes: Outcome[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  return outcomes
}

/** Makes an event and gives what became of it. */
async function make(page: LivePage, handler: string, value?: string): Promise<Outcome | undefined> {
  const outcomes = outcomesOf(page)
  page.event(handler, value)
  await settled(page)
  return outcomes.at(-1)
}

/** The page of a component, which can be sent to another process. */
async function travelling(sites: readonly Site[], name: string): Promise<{ page: LivePage; to: (at: number) => void }> {
  let at = 0
  const page = await pageOf(sites[0] as Site, name, () => (sites[at] as Site).url())
  const to = (next: number): void => {
    at = next
    page.cut()
  }
  return { page, to }
}

const isBack = (site: Site): Promise<unknown> =>
  until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))

/** What was said to the operator of one loss: that it is lost, and that it is over. */
async function saidOnce(site: Site): Promise<void> {
  await isBack(site)
  expect(site.log.errors.filter((line) => line.includes('until it is back'))).toHaveLength(1)
  expect(site.log.warnings.filter((line) => line.includes('Redis is back'))).toHaveLength(1)
}

const reader = (loom: Loom): { name: string } =>
  loom.register('reader', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived')
    },
    handle: {},
    receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
    render: ({ got }) => html`${got.join(' ')}`,
  })

const room = (loom: Loom): { name: string } =>
  loom.register('room', {
    props: { people: [] as readonly Person[], told: [] as string[] },
    connected(_, ctx) {
      ctx.presence('room', 'people')
    },
    handle: {
      track(props, { value = '' }, ctx) {
        ctx.track('room', null, { key: value })
        return { ...props }
      },
    },
    receive: {
      people: (props, { data }: PresenceMessage) => ({
        people: peopleAfter(props.people, data),
        told: [...props.told, ...(data.joined ?? []).map(({ key }) => `+${key}`)],
      }),
    },
    render: ({ people, told }) => html`${people.map(({ key }) => key).join(' ')} | ${told.join(' ')}`,
  })

withRedis('a network with faults between Node and Redis', () => {
  describe.each(FAULTS)('an answer that %s', (_, fault) => {
    test.each(['memory', 'fsync'] as const)(
      'of a save: with durability %s the click is applied once',
      async (durability) => {
        const { proxy } = await network('--appendonly', 'yes', '--appendfsync', 'always')
        const options: LoomOptions = { store: { redis: proxy.url, durability } }
        const sites = [await Site.start(options), await Site.start(options)]
        const [name = ''] = sites.map(({ loom }) => counter(loom).name)
        const { page, to } = await travelling(sites, name)
        expect(await make(page, 'increment')).toBe('applied')
        const lost = proxy.fault('loom:state:', fault)
        expect(await make(page, 'increment')).toBe('applied')
        await lost
        expect(page.text).toBe('<b>2</b>')
        // And so another process finds it.
        const { joins } = page
        to(1)
        await until('the page to be back', () => page.joins > joins && page.isSettled)
        expect(page.text).toBe('<b>2</b>')
        expect(await make(page, 'increment')).toBe('applied')
        expect([page.text, page.resets]).toEqual(['<b>3</b>', 0])
      },
    )

    test('of a publish: the message comes once, and those after it behind it', async () => {
      const { redis, proxy } = await network()
      const site = await Site.start({ backplane: { redis: proxy.url } })
      const other = await Site.start({ backplane: { redis: redis.url } })
      const page = await pageOf(other, reader(other.loom).name)
      await site.loom.publish('news', 1)
      const lost = proxy.fault('loom:channel:{news}', fault)
      await Promise.all([2, 3, 4].map((number) => site.loom.publish('news', number)))
      await lost
      await site.loom.publish('news', 5)
      await shows(page, '1 2 3 4 5')
      await saidOnce(site)
    })

    test.each(['loom:channel:{news}', 'loom:messages:{news}'])(
      'of a subscription, to %s: the page joins and misses nothing from then on',
      async (text) => {
        const { redis, proxy } = await network()
        const site = await Site.start({ backplane: { redis: proxy.url } })
        const other = await Site.start({ backplane: { redis: redis.url } })
        const lost = proxy.fault(text, fault)
        const page = await pageOf(site, reader(site.loom).name)
        await lost
        for (const number of [1, 2, 3]) await other.loom.publish('news', number)
        await shows(page, '1 2 3')
        expect(page.refused).toBeUndefined()
      },
    )

    test.each([false, true])(
      "of a shared component's commit (with a store: %s): the event is applied once, and all pages show it",
      async (stored) => {
        const { redis, proxy } = await network()
        const site = await Site.start(all(proxy, stored))
        const other = await Site.start(all(redis, stored))
        const [module] = [board(site.loom), board(other.loom)]
        const [page, far] = [await sharedPage(site, module), await sharedPage(other, module)]
        expect(await make(page, 'add')).toBe('applied')
        await shows(far, '1 board-7')
        const lost = proxy.fault(stored ? 'loom:state:' : 'loom:owner:', fault)
        expect(await make(far, 'add')).toBe('applied')
        await lost
        expect(await make(page, 'add')).toBe('applied')
        for (const one of [page, far]) {
          await shows(one, '3 board-7')
          expect([one.resets, one.lost]).toEqual([0, 0])
        }
      },
    )

    test('of what says who is there: others are told once', async () => {
      const { redis, proxy } = await network()
      const site = await Site.start({ backplane: { redis: proxy.url } })
      const other = await Site.start({ backplane: { redis: redis.url } })
      const [{ name }] = [room(site.loom), room(other.loom)]
      const [page, far] = [await pageOf(site, name), await pageOf(other, name)]
      const lost = proxy.fault('loom:presence:', fault)
      page.event('track', 'ann')
      await lost
      await shows(far, 'ann | +ann')
      await shows(page, 'ann | +ann')
    })

    test.each([false, true])(
      'of a claim (with a store: %s): the component goes where its page goes, and each event counts once',
      async (stored) => {
        const { proxy } = await network()
        const sites = [await Site.start(all(proxy, stored)), await Site.start(all(proxy, stored))]
        const [name = ''] = sites.map(({ loom }) => counter(loom).name)
        const { page, to } = await travelling(sites, name)
        for (let round = 1; round <= 3; round++) {
          page.event('increment')
          page.event('increment')
          if (round > 1) await settled(page)
          const lost = proxy.fault('loom:home:', fault)
          const { joins } = page
          to(round % 2)
          await until('the page to be back', () => page.joins > joins && page.isSettled)
          await lost
          expect([page.text, page.resets, page.lost]).toEqual([`<b>${round * 2}</b>`, 0, 0])
        }
        await until('one component', () => sites.reduce((sum, { loom }) => sum + loom.stats().components, 0) === 1)
      },
    )
  })

  test('while no answer comes an event fails, which can be made again, and is never applied twice', async () => {
    const { proxy } = await network()
    const options: LoomOptions = { store: { redis: proxy.url } }
    const sites = [await Site.start(options), await Site.start(options)] as const
    const [name = ''] = sites.map(({ loom }) => counter(loom).name)
    const { page, to } = await travelling(sites, name)
    expect(await make(page, 'increment')).toBe('applied')
    proxy.hold('commands')
    expect(await make(page, 'increment')).toBe('failed')
    expect(await make(page, 'increment')).toBe('failed')
    expect([page.isLive, page.text]).toEqual([true, '<b>1</b>'])
    proxy.release()
    await isBack(sites[0])
    expect(await make(page, 'increment')).toBe('applied')
    const { joins } = page
    to(1)
    await until('the page to be back', () => page.joins > joins && page.isSettled)
    expect(page.text).toBe('<b>2</b>')
  })

  test('while no answer comes ready() and stats() say so, though nobody asks for anything, and the log says it once', async () => {
    const { proxy } = await network()
    const site = await Site.start(all(proxy))
    await until('Redis to be there', () => site.loom.ready().ready)
    proxy.hold('commands', 'channels')
    await until('both to be away', () => site.loom.ready().why.length === 2)
    expect(site.loom.stats().redis.map(({ usedFor, isUp, losses }) => [usedFor, isUp, losses])).toEqual([
      ['store', false, 1],
      ['backplane', false, 1],
    ])
    expect(site.loom.ready().why.join()).toMatch(/Redis at 127\.0\.0\.1:\d+, for the store, is away: .+/)
    expect(site.loom.ready({ redis: false }).ready).toBe(true)
    proxy.release()
    await until('both to be back', () => site.loom.ready().ready)
    const said = (lines: string[], text: string): number => lines.filter((line) => line.includes(text)).length
    await until('the log to say so', () => said(site.log.warnings, 'Redis is back') === 2)
    expect(said(site.log.errors, 'until it is back')).toBe(2)
  })

  test('while new connections are refused an event fails, and all goes on when they are not', async () => {
    const { proxy } = await network()
    const site = await Site.start(all(proxy))
    const page = await pageOf(site, counter(site.loom).name)
    expect(await make(page, 'increment')).toBe('applied')
    proxy.open = false
    proxy.cut()
    expect(await make(page, 'increment')).toBe('failed')
    await expect(site.loom.publish('news', 1)).rejects.toThrow(/Redis/)
    expect([page.isLive, site.loom.ready().ready]).toEqual([true, false])
    proxy.open = true
    await until('Redis to be back', () => site.loom.ready().ready)
    expect(await make(page, 'increment')).toBe('applied')
    expect(page.text).toBe('<b>2</b>')
  })

  test('what is published while nothing is told comes when it is found out, in order and without a gap', async () => {
    const { redis, proxy } = await network()
    const site = await Site.start({ backplane: { redis: proxy.url } })
    const other = await Site.start({ backplane: { redis: redis.url } })
    const page = await pageOf(site, reader(site.loom).name)
    await other.loom.publish('news', 0)
    await shows(page, '0')
    // Nobody says that the connection is of no use any more.
    proxy.silence('channels')
    for (let number = 1; number < 20; number++) await (number % 2 ? other : site).loom.publish('news', number)
    proxy.cut('commands')
    for (let number = 20; number < 30; number++) await (number % 2 ? other : site).loom.publish('news', number)
    await shows(page, Array.from({ length: 30 }, (_, number) => number).join(' '))
  })

  test('a slow network loses nothing: pages move, messages keep their order', async () => {
    const { proxy } = await network()
    const sites = [await Site.start(all(proxy)), await Site.start(all(proxy))] as const
    const names = sites.map(({ loom }) => [counter(loom).name, reader(loom).name])
    const [name = '', readers = ''] = names[0] ?? []
    const { page, to } = await travelling(sites, name)
    const news = await pageOf(sites[1], readers)
    proxy.delay = 150
    for (let round = 1; round <= 4; round++) {
      page.event('increment')
      await sites[round % 2 === 0 ? 0 : 1].loom.publish('news', round)
      const { joins } = page
      to(round % 2)
      page.event('increment')
      await until('the page to be back', () => page.joins > joins && page.isSettled)
      expect([page.text, page.resets, page.lost]).toEqual([`<b>${round * 2}</b>`, 0, 0])
    }
    await shows(news, '1 2 3 4')
  })

  test('a loom closes in bounded time although no answer comes', async () => {
    const { redis, proxy } = await network()
    const site = await Site.start(all(proxy))
    const other = await Site.start(all(redis))
    for (const { loom } of [site, other]) counter(loom)
    const [module, { name }] = [board(site.loom), room(site.loom)]
    const [page, shared] = [await pageOf(site, 'counter'), await sharedPage(site, module)]
    const tracked = await pageOf(site, name)
    for (const one of [page, shared, tracked]) one.retry = () => 2 ** 31 - 1
    tracked.event('track', 'ann')
    await settled(tracked)
    proxy.hold('commands', 'channels')
    page.event('increment')
    shared.event('add')
    await within('the loom to close', site.loom.close({ timeout: 500 }))
  })
})
