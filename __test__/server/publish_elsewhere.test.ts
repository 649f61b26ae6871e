/** `loom-live/publish`: a process without a loom publishes over the Redis client that it has. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { html, type Message, type Topic } from 'loom-live'
import { createPublisher, type RedisClient } from 'loom-live/publish'
import IoRedis from 'ioredis'
import { createClient } from 'redis'
import { atEnd } from '../support/cleanup'
import { pageOf, shows } from '../support/pages'
import { RedisServer, withRedis } from '../support/redis'
import { Site } from '../support/site'

interface Price {
  price: number
}

/** A page that shows what comes in the topic `prices`. */
async function reader() {
  const server = await RedisServer.start()
  atEnd(() => server.end())
  const site = await Site.start({ backplane: { redis: server.url } })
  const { name } = site.loom.register('reader', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('prices', 'arrived', { from: 'history' })
    },
    handle: {},
    receive: {
      arrived: ({ got }, { id, data }: Message) => ({ got: [...got, `${JSON.stringify(data)} ${id.length}`] }),
    },
    render: ({ got }) => html`${got.join(' | ')}`,
  })
  return { server, site, name, page: await pageOf(site, name) }
}

const clients: [string, (url: string) => Promise<RedisClient>][] = [
  [
    'redis',
    async (url) => {
      const client = createClient({ url })
      await client.connect()
      atEnd(() => {
        client.destroy()
      })
      return client
    },
  ],
  [
    'ioredis',
    (url) => {
      const client = new IoRedis(url, { maxRetriesPerRequest: 0 })
      client.on('error', () => undefined)
      atEnd(() => {
        client.disconnect()
      })
      return Promise.resolve(client)
    },
  ],
]

withRedis('loom-live/publish', () => {
  test.each(clients)('what is published over %s reaches pages, in order and once', async (_, open) => {
    const { server, page } = await reader()
    const publisher = createPublisher(await open(server.url))
    const prices: Topic<Price> = { name: 'prices', publish: () => Promise.resolve() }
    await publisher.publish('prices', { price: 1 }, { id: 'x' })
    await publisher.publish('prices', { price: 2 }, { id: 'x' })
    await publisher.publish(prices, { price: 3 })
    // The server has forgotten the script.
    server.ask('SCRIPT', 'FLUSH')
    await publisher.publish('prices', undefined)
    await shows(page, '{"price":1} 1 | {"price":3} 36 | null 36')
  })

  test('names with braces, and prefixes, are those of the looms', async () => {
    const { server, site } = await reader()
    const publisher = createPublisher(await (clients[1] as (typeof clients)[0])[1](server.url), { prefix: 'loom:' })
    await site.loom.publish('a{b}%', 1)
    await publisher.publish('a{b}%', 2)
    expect(server.ask('HGET', 'loom:topic:{a%7Bb%7D%25}', 'last')).toBe('2')
  })

  test('what is wrong is an error that says so, and a client that is away rejects', async () => {
    const { server } = await reader()
    const client = await (clients[1] as (typeof clients)[0])[1](server.url)
    const publisher = createPublisher(client)
    await expect(publisher.publish('', 1)).rejects.toThrow(/topic of publish/)
    await expect(publisher.publish('\0own', 1)).rejects.toThrow(/U\+0000/)
    await expect(publisher.publish('a', NaN)).rejects.toThrow(/NaN/)
    await expect(publisher.publish('a', 1, { id: '' })).rejects.toThrow(/id/)
    await expect(publisher.publish('a', 1, { ids: 'x' } as never)).rejects.toThrow(/id/)
    expect(() => createPublisher({} as never)).toThrow(/redis or ioredis/)
    expect(() => createPublisher(client, { prefix: 'a b' })).toThrow(/prefix/)
    expect(() => createPublisher(client, { limits: { topicMessages: 0 } })).toThrow(/topicMessages/)
    expect(() => createPublisher(client, { limts: {} } as never)).toThrow(/limits/)
    await server.kill()
    await expect(publisher.publish('a', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  })
})

test('the limits have the defaults of the looms', () => {
  const limits = readFileSync(join(__dirname, '../../src/limits.rs'), 'utf8')
  const defaults: Record<string, unknown> = {}
  for (const name of ['messages', 'bytes', 'time', 'id_time', 'ids']) {
    const value = new RegExp(`topic_${name}: \\w+ = ([^;]+);`).exec(limits)?.[1]?.replaceAll('_', '') ?? ''
    const [number, shift] = value.split('<<').map(Number)
    defaults[name] = (number ?? 0) * 2 ** (shift ?? 0)
  }
  expect(defaults).toEqual({ messages: 256, bytes: 1 << 20, time: 60_000, id_time: 86_400_000, ids: 1_000_000 })
  const source = readFileSync(join(__dirname, '../../lib/publish.ts'), 'utf8')
  for (const line of [
    'topicMessages: 256',
    'topicBytes: 1 << 20',
    'topicTime: 60_000',
    'topicIdTime: 86_400_000',
    'topicIds: 1_000_000',
  ])
    expect(source).toContain(line)
})

test('it loads no addon', () => {
  expect(readFileSync(join(__dirname, '../../dist/publish.cjs'), 'utf8')).not.toMatch(/\.node\b/)
})
