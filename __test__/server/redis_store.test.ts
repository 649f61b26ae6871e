/** A store in Redis: what it keeps, and what a page is told while Redis is away, stands still, is full or has changed. */

import { execFileSync } from 'node:child_process'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { html, type LoomOptions } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage, type Outcome } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { hasWaitAof, redis, RedisServer, withRedis } from '../support/redis'
import { counter, Site, type SiteOptions, testLoom } from '../support/site'
import { until } from '../support/until'

/** Writes every change to its disk before it answers. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

async function server(...options: string[]): Promise<RedisServer> {
  const started = await RedisServer.start(...options)
  atEnd(() => started.end())
  return started
}

const idle = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** A counter's page, and what became of its events. */
async function counting(options: SiteOptions) {
  const site = await Site.start(options)
  const page = await pageOf(site, counter(site.loom).name)
  const outcomes: Outcome[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  const click = async (): Promise<Outcome | undefined> => {
    page.event('increment')
    await idle(page)
    return outcomes.at(-1)
  }
  return { site, page, click }
}

/** A page that comes with what another one had. */
async function comesWith(site: Site, token: string, module = 'counter'): Promise<LivePage> {
  const page = new LivePage({ url: () => site.url(), module, token })
  atEnd(() => {
    page.end()
  })
  await until('the join', () => page.isLive)
  return page
}

/** A counter's page between two processes. */
async function betweenTwo(options: LoomOptions) {
  const sites = [await Site.start(options), await Site.start(options)] as const
  for (const { loom } of sites) counter(loom)
  let at = 0
  const token = await sites[0].token('counter')
  const page = new LivePage({ url: () => (sites[at] ?? sites[0]).url(), module: 'counter', token })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  const goesTo = async (site: number): Promise<void> => {
    const { joins } = page
    at = site
    page.cut()
    await until('the page to be back', () => page.joins > joins && page.isSettled)
  }
  return { sites, page, goesTo }
}

withRedis('a store in Redis', () => {
  test('an old checkpoint does not roll a state back in another process', async () => {
    const options = await redis()
    const { site, page, click } = await counting(options)
    await click()
    const old = page.memory.checkpoint ?? ''
    for (let count = 0; count < 20; count++) page.event('increment')
    await idle(page)
    await site.loom.close()
    const next = await Site.start(options)
    counter(next.loom)
    expect((await comesWith(next, old)).text).toBe('<b>21</b>')
  })

  test('a page that goes to and fro between two processes counts each event once', async () => {
    const { page, goesTo, sites } = await betweenTwo(await redis())
    for (let round = 0; round < 10; round++) {
      page.event('increment')
      await idle(page)
      await goesTo(round % 2 === 0 ? 1 : 0)
      page.event('increment')
      await idle(page)
    }
    expect(page.text).toBe('<b>20</b>')
    expect(sites.map(({ log }) => log.all)).toEqual(['', ''])
  })

  test('what is there does not say whose it is, nor what', async () => {
    const redis = await server()
    const site = await Site.start({ store: { redis: redis.url }, bind: () => 'alice@example.org' })
    const { name } = site.loom.register('secret', {
      props: { text: 'a secret of hers' },
      handle: { note: ({ text }) => ({ text: `${text}!` }) },
      render: ({ text }) => html`${text}`,
    })
    const request = new IncomingMessage(new Socket())
    const page = await comesWith(site, await site.token(name, {}, { request }), name)
    page.event('note')
    await shows(page, 'a secret of hers!')
    const keys = redis.ask('KEYS', '*').split('\n')
    expect(keys.filter((key) => key.startsWith('loom:state:'))).toHaveLength(1)
    const all = keys.map((key) => redis.ask('DUMP', key)).join('\n')
    for (const text of ['alice', 'secret of hers']) expect(keys.join('\n') + all).not.toContain(text)
    expect(site.loom.stats().stored).toBe(1)
  })

  test('a user has so many states there', async () => {
    const redis = await server()
    const site = await Site.start({ store: { redis: redis.url }, limits: { storedPerHolder: 2 } })
    const { name } = counter(site.loom)
    for (const count of [1, 2, 2, 2]) {
      const page = await pageOf(site, name)
      page.event('increment')
      await idle(page)
      expect(site.loom.stats().stored).toBe(count)
    }
    expect(redis.ask('KEYS', 'loom:state:*').split('\n')).toHaveLength(2)
  })

  test('applications that share a server have prefixes of their own', async () => {
    const { url } = await server()
    const [first, second] = [
      await counting({ store: { redis: url, prefix: 'a:' } }),
      await counting({ store: { redis: url, prefix: 'b:' } }),
    ]
    await first.click()
    await second.click()
    expect([first.page.text, second.page.text]).toEqual(['<b>1</b>', '<b>1</b>'])
  })

  test('a process that begins while Redis is away goes on as soon as it is there', async () => {
    const redis = await server()
    await redis.kill()
    const { site, page, click } = await counting({ store: { redis: redis.url } })
    await until('the log to say so', () => /Redis at 127\.0\.0\.1:\d+/.test(site.log.errors.join()))
    await redis.restart()
    expect(await click()).toBe('applied')
    expect(page.text).toBe('<b>1</b>')
    await until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))
  })

  test('while Redis is away an event fails, which is said, and can be made again', async () => {
    const redis = await server(...DURABLE)
    const { site, page, click } = await counting({ store: { redis: redis.url } })
    await click()
    await redis.kill()
    expect(await click()).toBe('failed')
    expect(await click()).toBe('failed')
    expect([page.isLive, page.text]).toEqual([true, '<b>1</b>'])
    const told = site.log.errors.filter((line) => line.includes('until Redis is back'))
    expect(told).toHaveLength(1)
    await redis.restart()
    await until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))
    expect(await click()).toBe('applied')
    expect(page.text).toBe('<b>2</b>')
  })

  test('while Redis stands still events wait', async () => {
    const redis = await server()
    const { page, click } = await counting({ store: { redis: redis.url } })
    await click()
    redis.signal('SIGSTOP')
    page.event('increment')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(page.text).toBe('<b>1</b>')
    redis.signal('SIGCONT')
    await shows(page, '<b>2</b>')
  })

  test('while Redis is full events fail, and nothing is lost', async () => {
    const redis = await server()
    const { site, page, click } = await counting({ store: { redis: redis.url } })
    await click()
    redis.ask('CONFIG', 'SET', 'maxmemory', '1')
    expect(await click()).toBe('failed')
    expect(site.log.errors.join()).toMatch(/OOM/)
    redis.ask('CONFIG', 'SET', 'maxmemory', '0')
    expect(await click()).toBe('applied')
    expect(page.text).toBe('<b>2</b>')
  })

  test('what was answered is there after Redis was killed, if it writes each change to its disk', async () => {
    const redis = await server(...DURABLE)
    const options = { store: { redis: redis.url } }
    const { site, page, click } = await counting(options)
    for (let count = 0; count < 5; count++) await click()
    const { checkpoint = '' } = page.memory
    await site.loom.close()
    await redis.kill()
    await redis.restart()
    const next = await Site.start(options)
    counter(next.loom)
    expect((await comesWith(next, checkpoint)).text).toBe('<b>5</b>')
  })

  test('with durability fsync what was answered is on the disk', async () => {
    const redis = await server('--appendonly', 'yes', '--appendfsync', hasWaitAof() ? 'everysec' : 'always')
    const options: LoomOptions = { store: { redis: redis.url, durability: 'fsync' } }
    const { site, page, click } = await counting(options)
    for (let count = 0; count < 5; count++) expect(await click()).toBe('applied')
    await redis.kill()
    await redis.restart()
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
    await site.loom.close()
    const next = await Site.start(options)
    counter(next.loom)
    expect((await comesWith(next, page.memory.checkpoint ?? '')).text).toBe('<b>5</b>')
  })

  test('with durability fsync a server that cannot say what is on its disk is an error', async () => {
    const redis = await server(...(hasWaitAof() ? [] : ['--appendonly', 'yes']))
    expect(() => testLoom({ store: { redis: redis.url, durability: 'fsync' } })).toThrow(/durability.*appendonly/)
  })

  test('with durability replicas an event is answered when a replica has its state, and fails if none has', async () => {
    const first = await server()
    const options: LoomOptions = { store: { redis: first.url, durability: 'replicas' } }
    const { site, page, click } = await counting(options)
    await until('the log to say that there is none', () => site.log.warnings.join().includes('replica'))
    expect(await click()).toBe('failed')
    await until('the log to say why', () => site.log.errors.join().includes('no replica has confirmed'))
    const replica = await server('--replicaof', '127.0.0.1', String(first.port))
    await until('the replica', () => replica.ask('INFO', 'replication').includes('master_link_status:up'))
    expect(await click()).toBe('applied')
    expect([page.text, page.joins]).toEqual(['<b>1</b>', 1])
    // The first one is gone for good.
    await first.kill()
    replica.ask('REPLICAOF', 'NO', 'ONE')
    const next = await Site.start({ store: { redis: replica.url } })
    counter(next.loom)
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
    const back = await comesWith(next, page.memory.checkpoint ?? '')
    expect(back.text).toBe('<b>1</b>')
    // What failed is not in the state; its revision is, if the committed state has taken the place of the failed one.
    expect(['1', '2']).toContain(replica.ask('HGET', replica.ask('KEYS', 'loom:state:*'), 'revision'))
  })

  test('a page that has a newer state than a server that lost its tail goes on with its own', async () => {
    const redis = await server()
    const options = { store: { redis: redis.url }, limits: { checkpointEvents: 1 } }
    const { page, goesTo } = await betweenTwo(options)
    for (let count = 0; count < 3; count++) page.event('increment')
    await idle(page)
    const [key = ''] = redis.ask('KEYS', 'loom:state:*').split('\n')
    const older = execFileSync('redis-cli', ['-p', String(redis.port), '--raw', 'DUMP', key]).subarray(0, -1)
    for (let count = 0; count < 3; count++) page.event('increment')
    await idle(page)
    // As after a failover to a replica that had not got the last states.
    redis.ask('DEL', key)
    execFileSync('redis-cli', ['-p', String(redis.port), '-x', 'RESTORE', key, '0'], { input: older })
    await goesTo(1)
    expect(page.text).toBe('<b>6</b>')
    page.event('increment')
    await shows(page, '<b>7</b>')
    // And so after a restart that has kept nothing.
    await redis.restart()
    page.event('increment')
    await shows(page, '<b>8</b>')
    await goesTo(0)
    page.event('increment')
    await shows(page, '<b>9</b>')
  })

  test('a server that cannot be used is an error at once, which shows no password', async () => {
    const closed = await server('--requirepass', 'pass word')
    const first = await server()
    const replica = await server('--replicaof', '127.0.0.1', String(first.port))
    const opened = (redis: unknown, prefix?: string) => () => testLoom({ store: { redis, prefix } as never })
    const message = (url: string): string => {
      try {
        opened(url)()
      } catch (error) {
        return (error as Error).message
      }
      return 'no error'
    }
    const wrong = message(closed.url.replace('//', '//:wr%20ong@'))
    expect(wrong).toMatch(/Redis at 127\.0\.0\.1:\d+ cannot be used/)
    expect(wrong).not.toContain('wr')
    expect(message(closed.url)).toMatch(/cannot be used/)
    expect(message(replica.url)).toMatch(/replica/)
    expect(message('localhost:6379')).toMatch(/^store.redis: this is no URL of Redis/)
    expect(message('redis://:hidden@localhost/a')).not.toContain('hidden')
    expect(opened([])).toThrow(/store\.redis/)
    expect(opened(6379)).toThrow(/store\.redis/)
    expect(opened(first.url, 'a b')).toThrow(/store\.prefix/)
    expect(() => testLoom({ store: { redis: first.url, sqlite: 'a' } as never })).toThrow(/one store/)
    expect(() => testLoom({ store: { redis: first.url, prefx: 'a' } as never })).toThrow(/prefix/)
    expect(() => testLoom({ store: { redis: first.url, durability: 'disk' } as never })).toThrow(/store\.durability/)
    expect(() => testLoom({ store: { sqlite: 'a', durability: 'fsync' } as never })).toThrow(/durability/)
    expect(opened(closed.url.replace('//', '//:pass%20word@'))).not.toThrow()
  })

  test('a server that would give states up is warned of', async () => {
    const { url } = await server('--maxmemory-policy', 'allkeys-lru')
    const { log } = testLoom({ store: { redis: url } })
    await until('the warning', () => /allkeys-lru.*noeviction/.test(log.warnings.join()))
  })
})
