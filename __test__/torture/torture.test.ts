import { join } from 'node:path'
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
