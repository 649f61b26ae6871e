/** Whether a load balancer should send requests here, and how Redis is: `loom.ready()` and `loom.stats().redis`. */

import { createServer } from 'node:http'
import express from 'express'
import Fastify from 'fastify'
import type { Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { RedisServer, withRedis } from '../support/redis'
import { listen, testLoom } from '../support/site'
import { until } from '../support/until'

/** The routes of the README. */
async function routes(loom: Loom): Promise<string[]> {
  const app = express()
  app.get('/ready', (_, response) => {
    const { ready, why } = loom.ready()
    response.status(ready ? 200 : 503).json({ why })
  })
  const server = createServer(app)
  await listen(server)
  atEnd(() => server.close())
  const fastify = Fastify()
  fastify.get('/ready', (_, reply) => {
    const { ready, why } = loom.ready()
    return reply.code(ready ? 200 : 503).send({ why })
  })
  await fastify.listen({ port: 0, host: '127.0.0.1' })
  atEnd(() => fastify.close())
  return [server, fastify.server].map((one) => {
    const address = one.address()
    return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/ready`
  })
}

const answers = (urls: string[]): Promise<[number, unknown][]> =>
  Promise.all(
    urls.map(async (url): Promise<[number, unknown]> => {
      const response = await fetch(url)
      return [response.status, await response.json()]
    }),
  )

test('a loom is ready until it closes', async () => {
  const { loom } = testLoom()
  const urls = await routes(loom)
  expect(loom.ready()).toEqual({ ready: true, why: [] })
  expect(loom.stats().redis).toEqual([])
  expect(await answers(urls)).toEqual([
    [200, { why: [] }],
    [200, { why: [] }],
  ])
  const closed = loom.close()
  expect(loom.ready()).toEqual({ ready: false, why: ['The loom is closing.'] })
  await closed
  expect(loom.ready({ redis: false }).ready).toBe(false)
  expect((await answers(urls)).map(([status]) => status)).toEqual([503, 503])
})

test('options that do not exist are errors', () => {
  const { loom } = testLoom()
  expect(() => loom.ready({ reddis: false } as object)).toThrow(/option of ready.*reddis/)
  expect(() => loom.ready({ redis: 'no' as unknown as boolean })).toThrow(/true or false.*redis/)
})

withRedis('with Redis', () => {
  test('what needs it is said to be away, since when and how often', async () => {
    const server = await RedisServer.start()
    atEnd(() => server.end())
    const hosts = `127.0.0.1:${server.port}`
    const { loom } = testLoom({ store: { redis: server.url }, backplane: { redis: server.url } })
    const up = { hosts, isUp: true, away: 0, why: '', losses: 0 }
    expect(loom.stats().redis).toEqual([
      { usedFor: 'store', ...up },
      { usedFor: 'backplane', ...up },
    ])
    expect(loom.ready().ready).toBe(true)
    await server.kill()
    await until('both to be away', () => loom.ready().why.length === 2)
    expect(loom.ready()).toEqual({
      ready: false,
      why: ['store', 'backplane'].map((usedFor): unknown =>
        expect.stringMatching(new RegExp(`^Redis at ${hosts}, for the ${usedFor}, is away: .+\\.$`)),
      ),
    })
    expect(loom.ready({ redis: false })).toEqual({ ready: true, why: [] })
    const [store] = loom.stats().redis
    expect(store).toMatchObject({ usedFor: 'store', isUp: false, losses: 1 })
    await until('time to go on', () => (loom.stats().redis[0]?.away ?? 0) > (store?.away ?? 0))
    await server.restart()
    await until('both to be back', () => loom.ready().ready)
    expect(loom.stats().redis.map(({ isUp, away, losses }) => [isUp, away, losses])).toEqual([
      [true, 0, 1],
      [true, 0, 1],
    ])
  })
})
