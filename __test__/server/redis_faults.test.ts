/** Faults of the network between processes and Redis, as a user sees them: answers that are cut, late, or never come. */

import type { LoomOptions } from 'loom-live'
import { atEnd } from '../support/cleanup'
import type { LivePage } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { RedisServer, withRedis } from '../support/redis'
import { type Fault, RedisProxy } from '../support/redis_proxy'
import { all, isBack, make, reader, room, saidOnce } from '../support/redis_trouble'
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
      for (const one of [page, far]) await shows(one, ' | all')
      const lost = proxy.fault('loom:presence:', fault)
      page.event('track', 'ann')
      await lost
      for (const one of [page, far]) await shows(one, 'ann | all +ann')
    })

    test.each([false, true])(
      'of a claim (with a store: %s): the component goes where its page goes, and each event counts once',
      async (stored) => {
        const { proxy } = await network()
        const sites = [await Site.start(all(proxy, stored)), await Site.start(all(proxy, stored))]
        const [name = ''] = sites.map(({ loom }) => counter(loom).name)
        const { page, to } = await travelling(sites, name)
        const moves = async (at: number, clicks: number): Promise<void> => {
          const { joins } = page
          to(at)
          await until('the page to be back', () => page.joins > joins && page.isSettled)
          expect([page.text, page.resets, page.lost]).toEqual([`<b>${clicks}</b>`, 0, 0])
        }
        expect(await make(page, 'increment')).toBe('applied')
        // The answer may come or not before the page goes.
        page.event('increment')
        const lost = proxy.fault('loom:home:', fault)
        await moves(1, 2)
        await lost
        expect(await make(page, 'increment')).toBe('applied')
        await moves(0, 3)
        expect(await make(page, 'increment')).toBe('applied')
        expect(page.text).toBe('<b>4</b>')
      },
    )
  })

  test('while no answer comes an event fails, which can be made again, and is never applied twice', async () => {
    const { redis, proxy } = await network()
    const options: LoomOptions = { store: { redis: proxy.url } }
    const sites = [await Site.start(options), await Site.start(options)] as const
    const [name = ''] = sites.map(({ loom }) => counter(loom).name)
    const { page, to } = await travelling(sites, name)
    expect(await make(page, 'increment')).toBe('applied')
    proxy.hold('commands')
    expect(await make(page, 'increment')).toBe('failed')
    expect(await make(page, 'increment')).toBe('failed')
    expect([page.isLive, page.text]).toEqual([true, '<b>1</b>'])
    const key = redis.ask('KEYS', 'loom:state:*')
    const saved = Number(redis.ask('HGET', key, 'save'))
    // The click that was said to have failed is there: its answer was lost.
    expect(saved).toBe(2)
    proxy.release()
    await isBack(sites[0])
    // Redis may have the state of what has failed, until it has the committed one.
    await until('the committed state to be there', () => Number(redis.ask('HGET', key, 'save')) > saved)
    const { joins } = page
    to(1)
    await until('the page to be back', () => page.joins > joins && page.isSettled)
    expect(page.text).toBe('<b>1</b>')
    expect(await make(page, 'increment')).toBe('applied')
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
    expect(said(site.log.errors, 'until Redis is back')).toBe(2)
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
    proxy.delay = 60
    for (let round = 1; round <= 2; round++) {
      page.event('increment')
      await sites[round % 2 === 0 ? 0 : 1].loom.publish('news', round)
      const { joins } = page
      to(round % 2)
      page.event('increment')
      await until('the page to be back', () => page.joins > joins && page.isSettled)
      expect([page.text, page.resets, page.lost]).toEqual([`<b>${round * 2}</b>`, 0, 0])
    }
    await shows(news, '1 2')
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
