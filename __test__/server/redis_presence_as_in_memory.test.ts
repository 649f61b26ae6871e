/** What holds for presence in memory holds for presence in Redis: the same tests. */

import { beside } from '../support/backplane'
import { redis, withRedis } from '../support/redis'

withRedis('presence in Redis', () => {
  beside.options = async () => ({ backplane: (await redis()).store as { redis: string; prefix: string } })
  // Its tests are registered here.
  jest.requireActual('./presence.test')
})
