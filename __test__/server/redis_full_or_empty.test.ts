/** Redis is there, and is full, has lost everything, or may only be read: what a page is told, and that all goes on. */

import { atEnd } from '../support/cleanup'
import type { LivePage } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { RedisServer, withRedis } from '../support/redis'
import { all, make, reader, room } from '../support/redis_trouble'
import { board, sharedPage } from '../support/shared'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

/** Two processes, with a page of each kind of component: in the first one, and one of the second that follows. */
async function house() {
  const redis = await RedisServer.start()
  atEnd(() => redis.end())
  const [site, other] = [await Site.start(all(redis)), await Site.start(all(redis))]
  let at = site
  const [module] = [site, other].map(({ loom }) => {
    counter(loom)
    reader(loom)
    room(loom)
    return board(loom)
  })
  const url = (): string => at.url()
  const counting = await pageOf(site, 'counter', url)
  const shared = await sharedPage(site, module as { name: string })
  const follower = await sharedPage(other, module as { name: string })
  const news = await pageOf(other, 'reader')
  const [tracked, watcher] = [await pageOf(site, 'room'), await pageOf(other, 'room')]
  for (const page of [tracked, watcher]) await shows(page, ' | all')
  // All of it works.
  expect(await make(counting, 'increment')).toBe('applied')
  expect(await make(follower, 'add')).toBe('applied')
  await shows(shared, '1 board-7')
  await site.loom.publish('news', 1)
  await shows(news, '1')
  expect(await make(tracked, 'track', 'ann')).toBe('applied')
  await shows(watcher, 'ann | all +ann')
  const pages = [counting, shared, follower, news, tracked, watcher]
  const goes = async (): Promise<void> => {
    const { joins } = counting
    at = other
    counting.cut()
    await until('the page to be back', () => counting.joins > joins && counting.isSettled)
  }
  return { redis, site, other, pages, counting, shared, follower, news, tracked, watcher, goes }
}

const untouched = (pages: LivePage[]): void => {
  for (const page of pages) expect([page.isLive, page.resets, page.lost, page.refused]).toEqual([true, 0, 0, undefined])
}

withRedis('a Redis that is there', () => {
  test('and full: events fail and can be made again, publishing rejects, nothing is lost, and then all go on', async () => {
    const { redis, site, pages, counting, shared, follower, news, tracked, watcher, goes } = await house()
    redis.ask('CONFIG', 'SET', 'maxmemory', '1')
    expect(await make(counting, 'increment')).toBe('failed')
    expect(await make(shared, 'add')).toBe('failed')
    await site.log.says('OOM')
    await expect(site.loom.publish('news', 2)).rejects.toThrow(/OOM/)
    untouched(pages)
    expect([counting.text, shared.text, news.text]).toEqual(['<b>1</b>', '1 board-7', '1'])
    redis.ask('CONFIG', 'SET', 'maxmemory', '0')
    expect(await make(counting, 'increment')).toBe('applied')
    await until('the shared component to go on', async () => (await make(follower, 'add')) === 'applied')
    await shows(shared, '2 board-7')
    await site.loom.publish('news', 3)
    await shows(news, '1 3')
    expect(await make(tracked, 'track', 'ben')).toBe('applied')
    await until('ben to be there', () => watcher.text.includes('+ben'))
    await goes()
    expect(counting.text).toBe('<b>2</b>')
    untouched(pages)
  }, 60_000)

  test('and restarted empty: states go on, what was published meanwhile is a gap that is said, and nobody has left', async () => {
    const { redis, site, other, pages, counting, shared, follower, news, watcher, goes } = await house()
    await redis.restart()
    for (const { log } of [site, other])
      await until('the log to say that it is over', () => log.warnings.join().includes('Redis is back'))
    await site.loom.publish('news', 2)
    await until('the gap', () => news.text.startsWith('1 gap'))
    await site.loom.publish('news', 3)
    // The gap may stand for the first message after it, too.
    await until('what comes after the gap', () => /^1 gap (2 )?3$/.test(news.text))
    expect(await make(counting, 'increment')).toBe('applied')
    expect(await make(follower, 'add')).toBe('applied')
    // The owner goes on, or, if others were faster, the component begins anew, and its pages are told.
    const seen = ({ text, resets }: LivePage): string => `${text} after ${resets} resets`
    await until('both pages to show the same', () => shared.isSettled && seen(shared) === seen(follower))
    for (const page of [shared, follower]) expect(page.text).toBe(page.resets > 0 ? '1 board-7' : '2 board-7')
    await goes()
    expect(counting.text).toBe('<b>2</b>')
    expect(await make(counting, 'increment')).toBe('applied')
    expect(counting.text).toBe('<b>3</b>')
    expect(watcher.text).toBe('ann | all +ann')
    untouched(pages.filter((page) => !page.isShared))
  }, 60_000)

  test('and may only be read: it is as away, which is said once and shown by ready(), and then all go on', async () => {
    const { redis, site, pages, counting, shared, follower, news, goes } = await house()
    // The replica of a server that is not there keeps what it has.
    redis.ask('REPLICAOF', '127.0.0.1', '1')
    expect(await make(counting, 'increment')).toBe('failed')
    expect(await make(shared, 'add')).toBe('failed')
    await expect(site.loom.publish('news', 2)).rejects.toThrow(/Redis/)
    await until('ready() to say so', () => site.loom.ready().why.length === 2)
    expect(site.loom.ready().why.join()).toMatch(/for the store, is away: it is a read-only replica/)
    await site.log.says('until Redis is back', 2)
    expect(site.log.errors.filter((line) => line.includes('until Redis is back'))).toHaveLength(2)
    untouched(pages)
    redis.ask('REPLICAOF', 'NO', 'ONE')
    await until('Redis to be back', () => site.loom.ready().ready)
    await site.loom.publish('news', 3)
    await shows(news, '1 3')
    expect(await make(counting, 'increment')).toBe('applied')
    await until('the shared component to go on', async () => (await make(follower, 'add')) === 'applied')
    await shows(shared, '2 board-7')
    await goes()
    expect(counting.text).toBe('<b>2</b>')
    untouched(pages)
  }, 60_000)
})
