/** Topics that processes share: what is published in one reaches the pages of all, once and in order, whatever happens to Redis. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { redis, RedisServer, withRedis } from '../support/redis'
import { Site, testLoom } from '../support/site'
import { until } from '../support/until'

async function server(...options: string[]): Promise<RedisServer> {
  const started = await RedisServer.start(...options)
  atEnd(() => started.end())
  return started
}

/** Processes that share topics and states. */
async function processes(count: number, options?: LoomOptions): Promise<Site[]> {
  const { store } = (await redis()) as { store: { redis: string; prefix: string } }
  const sites: Site[] = []
  const all = { backplane: store, store, ...options }
  for (let number = 0; number < count; number++) sites.push(await Site.start(all))
  return sites
}

const first = (sites: Site[]): Site => sites[0] as Site
const second = (sites: Site[]): Site => sites[1] as Site

/** Shows what it got of a topic. */
const reader = (loom: Loom, from?: 'history'): { name: string } =>
  loom.register('reader', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived', from === undefined ? {} : { from })
    },
    handle: {
      say(_, { value }, ctx) {
        ctx.publish('news', value)
      },
    },
    receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
    render: ({ got }) => html`${got.join(' ')}`,
  })

withRedis('topics in Redis', () => {
  test('what is published in one process reaches the pages of all, in order', async () => {
    const sites = await processes(3)
    const pages: LivePage[] = []
    for (const site of sites) pages.push(await pageOf(site, reader(site.loom).name))
    for (let number = 0; number < 30; number++) await (sites[number % 3] as Site).loom.publish('news', number)
    const all = Array.from({ length: 30 }, (_, number) => number).join(' ')
    for (const page of pages) await shows(page, all)
    pages[0]?.event('say', 'hello')
    for (const page of pages) await shows(page, `${all} hello`)
  })

  test('a page that comes to another process goes on without a gap, and has each message once', async () => {
    const sites = await processes(2)
    for (const { loom } of sites) reader(loom)
    let at = 0
    const token = await first(sites).token('reader')
    const page = new LivePage({ url: () => (sites[at] as Site).url(), module: 'reader', token })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    for (let number = 0; number < 40; number++) {
      await (sites[number % 2] as Site).loom.publish('news', number)
      if (number % 10 !== 9) continue
      const { joins, resumes } = page
      at = 1 - at
      page.cut()
      // What is published while the page is away comes when it is back.
      await first(sites).loom.publish('news', 'away')
      await until('the page to be back', () => page.isLive && page.joins + page.resumes > joins + resumes)
    }
    await first(sites).loom.publish('news', 'end')
    await until('the last message', () => page.text.endsWith('end'))
    const rounds = [0, 10, 20, 30].map((from) => Array.from({ length: 10 }, (_, number) => from + number).join(' '))
    expect(page.text).toBe(`${rounds.map((round) => `${round} away`).join(' ')} end`)
  })

  test('whoever wants the history gets what other processes have published before', async () => {
    const sites = await processes(2)
    for (const number of [1, 2, 3]) await first(sites).loom.publish('news', number)
    const page = await pageOf(second(sites), reader(second(sites).loom, 'history').name)
    await shows(page, '1 2 3')
  })

  test('what is published under an id is published once, by whatever process', async () => {
    const sites = await processes(2)
    const page = await pageOf(first(sites), reader(first(sites).loom).name)
    await first(sites).loom.publish('news', 'a', { id: 'x' })
    await second(sites).loom.publish('news', 'b', { id: 'x' })
    await second(sites).loom.publish('news', 'c')
    await shows(page, 'a c')
  })

  test('a component is sent messages by its address from another process', async () => {
    const sites = await processes(2)
    let address = ''
    const { name } = first(sites).loom.register('inbox', {
      props: { got: [] as unknown[] },
      connected(_, ctx) {
        address = ctx.self
      },
      handle: {},
      receive: { got: ({ got }, { data }) => ({ got: [...got, data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    })
    const page = await pageOf(first(sites), name)
    for (const number of [1, 2, 3]) await second(sites).loom.send(address, 'got', number)
    await shows(page, '1 2 3')
    await expect(second(sites).loom.send('forged', 'got', 1)).rejects.toThrow(/address/)
  })

  test('from ctx.subscribe on nothing is missed, whether it is waited for or not', async () => {
    const sites = await processes(2)
    const { name } = first(sites).loom.register('joiner', {
      props: { got: [] as unknown[] },
      handle: {
        async waits(_, { value = '' }, ctx) {
          await ctx.subscribe(value, 'arrived')
          await second(sites).loom.publish(value, 'waited')
        },
        asks(_, { value = '' }, ctx) {
          void ctx.subscribe(value, 'arrived')
          ctx.push('asked', value)
        },
      },
      receive: { arrived: ({ got }, { data }: Message) => ({ got: [...got, data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    })
    const page = await pageOf(first(sites), name)
    page.event('waits', 'a')
    await shows(page, 'waited')
    page.event('asks', 'b')
    await until('the answer', () => page.isSettled)
    expect(page.pushes).toEqual([['asked', 'b']])
    await second(sites).loom.publish('b', 'asked')
    await shows(page, 'waited asked')
  })

  test('a step whose subscription fails, and that does not wait for it, fails', async () => {
    const sites = await processes(1, { limits: { topics: 1 } })
    const { loom, log } = first(sites)
    const { name } = loom.register('joiner', {
      props: { count: 0 },
      handle: {
        async asks({ count }, { value = '' }, ctx) {
          void ctx.subscribe(value, 'arrived')
          await Promise.resolve()
          return { count: count + 1 }
        },
        async catches({ count }, { value = '' }, ctx) {
          await ctx.subscribe(value, 'arrived').catch(() => undefined)
          return { count: count + 1 }
        },
      },
      receive: { arrived: () => undefined },
      render: ({ count }) => html`${count}`,
    })
    const page = await pageOf(first(sites), name)
    page.event('asks', 'a')
    await shows(page, '1')
    page.event('asks', 'b')
    await until('the answer', () => page.isSettled)
    expect(page.text).toBe('1')
    await log.says('limits.topics')
    page.event('catches', 'c')
    await shows(page, '2')
  })

  test('each message crosses once for each process, however many pages show it', async () => {
    const redis = await server()
    const site = await Site.start({ backplane: { redis: redis.url } })
    const { name } = reader(site.loom)
    const pages = [await pageOf(site, name), await pageOf(site, name), await pageOf(site, name)]
    expect(redis.ask('PUBSUB', 'NUMSUB', 'loom:channel:{news}').split('\n')[1]).toBe('1')
    await site.loom.publish('news', 1)
    for (const page of pages) await shows(page, '1')
  })

  test('while Redis is away pages stay open, publishing rejects, and then all catch up', async () => {
    const redis = await server('--appendonly', 'yes', '--appendfsync', 'always')
    const site = await Site.start({ backplane: { redis: redis.url } })
    const page = await pageOf(site, reader(site.loom).name)
    const still = site.loom.register('still', {
      props: { count: 0 },
      handle: { increment: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
    const other = await pageOf(site, still.name)
    await site.loom.publish('news', 1)
    await shows(page, '1')
    await redis.kill()
    await expect(site.loom.publish('news', 2)).rejects.toThrow(/Redis/)
    // Who needs nothing of it goes on, and whoever joins now, too.
    other.event('increment')
    await shows(other, '1')
    await pageOf(site, still.name)
    expect(page.isLive).toBe(true)
    await redis.restart()
    await until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))
    await site.loom.publish('news', 3)
    await shows(page, '1 3')
  })

  test('what a step publishes while Redis is away is published when it is back, in order, without a further step', async () => {
    const redis = await server('--appendonly', 'yes', '--appendfsync', 'always')
    const backplane = { redis: redis.url }
    const site = await Site.start({ backplane })
    const page = await pageOf(site, reader(site.loom).name)
    const other = await Site.start({ backplane })
    const listener = await pageOf(other, reader(other.loom).name)
    page.event('say', 'a')
    await shows(listener, 'a')
    await redis.kill()
    for (const value of ['b', 'c', 'd']) page.event('say', value)
    await until('the answers', () => page.isSettled)
    expect(site.log.errors.join()).not.toMatch(/is lost/)
    await redis.restart()
    await shows(listener, 'a b c d')
    await shows(page, 'a b c d')
    page.event('say', 'e')
    await shows(listener, 'a b c d e')
  })

  test('if too many wait, a step that publishes fails before it commits', async () => {
    const redis = await server('--appendonly', 'yes', '--appendfsync', 'always')
    const site = await Site.start({ backplane: { redis: redis.url } })
    const { name } = site.loom.register('speaker', {
      props: { count: 0 },
      handle: {
        say({ count }, _, ctx) {
          for (let number = 0; number < 60; number++) ctx.publish('news', number)
          return { count: count + 1 }
        },
        still: ({ count }) => ({ count: count + 1 }),
      },
      render: ({ count }) => html`${count}`,
    })
    const page = await pageOf(site, name)
    await redis.kill()
    for (let event = 0; event < 3; event++) page.event('say')
    page.event('still')
    await until('the answers', () => page.isSettled)
    expect(page.text).toBe('3')
    await site.log.says('120 messages of the component wait')
    await redis.restart()
    await until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))
    const listener = await pageOf(site, reader(site.loom, 'history').name)
    const numbers = Array.from({ length: 60 }, (_, number) => number).join(' ')
    await shows(listener, `${numbers} ${numbers}`)
    page.event('say')
    await shows(page, '4')
  })

  test('a page whose component cannot subscribe while Redis is away comes again by itself, until it can', async () => {
    const redis = await server()
    const site = await Site.start({ backplane: { redis: redis.url } })
    const { name } = reader(site.loom)
    const token = await site.token(name)
    await redis.kill()
    const page = new LivePage({ url: () => site.url(), module: name, token, comesBack: true })
    atEnd(() => {
      page.end()
    })
    await until('the log to say so', () => site.log.errors.some((line) => line.includes('ctx.subscribe')))
    expect([page.isLive, page.refused]).toEqual([false, undefined])
    await redis.restart()
    await until('the page to be live', () => page.isLive)
    await site.loom.publish('news', 1)
    await shows(page, '1')
  })

  test('a user of Redis that may do no more than SECURITY.md says is enough', async () => {
    const redis = await server()
    const rules = /`(~loom:[^`]+)`/.exec(readFileSync(join(__dirname, '../../SECURITY.md'), 'utf8'))?.[1] ?? ''
    redis.ask('ACL', 'SETUSER', 'loom', 'on', '>secret', ...rules.split(' '))
    const url = redis.url.replace('//', '//loom:secret@')
    const site = await Site.start({ store: { redis: url }, backplane: { redis: url } })
    const page = await pageOf(site, reader(site.loom).name)
    page.event('say', 'hello')
    await shows(page, 'hello')
    expect([site.log.all, site.loom.stats().stored]).toEqual(['', 1])
    // And it is not too much: the keys of others are closed to it.
    expect(redis.ask('--user', 'loom', '--pass', 'secret', 'GET', 'other')).toMatch(/NOPERM/)
  })

  test('what is wrong is an error at once', async () => {
    const { url } = await server()
    const opened = (backplane: unknown) => () => testLoom({ backplane } as LoomOptions)
    expect(opened('x')).toThrow(/backplane/)
    expect(opened({})).toThrow(/backplane\.redis/)
    expect(opened({ redis: url, prefx: 'a' })).toThrow(/prefix/)
    expect(opened({ redis: 'localhost' })).toThrow(/^backplane.redis: this is no URL of Redis/)
    expect(opened({ redis: url })).not.toThrow()
  })
})
