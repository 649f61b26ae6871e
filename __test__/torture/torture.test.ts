import { join } from 'node:path'
import { withRedis } from '../support/redis'
import { torture } from './torture'

test('every event and every message is applied once, or a gap is said, whatever is cut, killed or thrown', async () => {
  const root = join(__dirname, '../..')
  const { wrong, events, resets, expired, kills, cuts, resumes, published, said, gaps } = await torture(
    { events: 20_000, messages: 6_000, pages: 10, killEvery: 700, root, seed: 20_000 },
    () => undefined,
  )
  expect(wrong).toEqual([])
  expect({ events, resets, expired }).toEqual({ events: 20_000, resets: 0, expired: 0 })
  // Not without what it is about.
  expect(Math.min(kills, cuts, resumes, gaps)).toBeGreaterThan(1)
  expect(Math.min(published, said)).toBeGreaterThan(1000)
}, 120_000)

withRedis('three processes with Redis', () => {
  test('every event and every message is applied once, whatever is cut or killed, and wherever a page comes back to', async () => {
    const root = join(__dirname, '../..')
    const { wrong, events, resets, gaps, expired, kills, cuts, joins, redisCuts } = await torture(
      { events: 8_000, messages: 2_400, pages: 12, killEvery: 900, processes: 3, root, seed: 11 },
      () => undefined,
    )
    expect(wrong).toEqual([])
    expect({ events, resets, gaps, expired }).toEqual({ events: 8_000, resets: 0, gaps: 0, expired: 0 })
    expect(Math.min(kills, cuts, joins, redisCuts)).toBeGreaterThan(0)
  }, 180_000)
  test('and so it is if Redis, which writes each change to its disk, is killed and started again', async () => {
    const root = join(__dirname, '../..')
    const { wrong, events, resets, gaps, expired, kills, cuts, joins, redisKills } = await torture(
      { events: 4_000, messages: 1_200, pages: 12, killEvery: 900, processes: 3, redisRestarts: true, root, seed: 12 },
      () => undefined,
    )
    expect(wrong).toEqual([])
    expect({ events, resets, gaps, expired }).toEqual({ events: 4_000, resets: 0, gaps: 0, expired: 0 })
    expect(Math.min(kills, cuts, joins, redisKills)).toBeGreaterThan(0)
  }, 180_000)
})
