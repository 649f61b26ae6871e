/** Shared components of several processes: one process has the actor, and the pages of all show the same. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { Child } from '../support/child'
import { LivePage } from '../support/live_page'
import { away, comeBack, shows } from '../support/pages'
import { redis, RedisServer, withRedis } from '../support/redis'
import { board, byHeader, KEY, settled, sharedPage, sharedToken, type Seen } from '../support/shared'
import { Site } from '../support/site'
import { until } from '../support/until'

interface RedisOptions {
  redis: string
  prefix: string
}

type Register = (loom: Loom, seen: Seen) => { name: string }

interface House {
  sites: [Site, Site, ...Site[]]
  seen: Seen[]
  module: { name: string }
  store: RedisOptions
}

const STORES = ['without a store', 'with a store'] as const

/** Processes that have one backplane. */
async function house(
  stored: boolean,
  { count = 2, register = board as Register, ...options }: LoomOptions & { count?: number; register?: Register } = {},
): Promise<House> {
  const { store } = (await redis()) as { store: RedisOptions }
  const all = { backplane: store, ...(stored ? { store } : {}), ...options }
  const sites: Site[] = []
  for (let number = 0; number < count; number++) sites.push(await Site.start(all))
  const seen = sites.map((): Seen => ({ renders: 0, mounts: [] }))
  const [module] = sites.map(({ loom }, index) => register(loom, seen[index] as Seen))
  return { sites: sites as House['sites'], seen, module: module as { name: string }, store }
}

const add = (page: LivePage, times = 1): void => {
  for (let time = 0; time < times; time++) page.event('add')
}

withRedis('shared components of several processes', () => {
  describe.each(STORES)('%s', (kind) => {
    const stored = kind === 'with a store'

    test('pages of all processes show one state, which one of them renders', async () => {
      const { sites, seen, module } = await house(stored, { count: 3 })
      const pages: LivePage[] = []
      for (const site of sites) pages.push(await sharedPage(site, module), await sharedPage(site, module))
      for (const page of pages) add(page, 5)
      for (const page of pages) await shows(page, '30 board-7')
      await Promise.all(pages.map(settled))
      // Those that follow have started nothing, and rendered nothing.
      expect(seen.map(({ mounts }) => mounts.length)).toEqual([1, 0, 0])
      expect(seen.map(({ renders }) => renders > 0)).toEqual([true, false, false])
      expect(sites.map(({ loom }) => loom.stats().components)).toEqual([1, 0, 0])
      // Another key may be owned by another process.
      const [, second] = sites
      await sharedPage(second, module, { key: 'board-8' })
      expect(seen[1]?.mounts).toEqual(['board-8'])
    })

    test('what fails is told to the page whose event it was, and changes nothing', async () => {
      const { sites, module } = await house(stored)
      const [page, other] = [await sharedPage(sites[0], module), await sharedPage(sites[1], module)]
      const outcomes: string[] = []
      other.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
      page.onAnswer = () => outcomes.push('not its own')
      add(other)
      other.event('boom')
      add(other)
      await shows(page, '2 board-7')
      await shows(other, '2 board-7')
      await settled(other)
      expect(outcomes).toEqual(['add applied', 'boom failed', 'add applied'])
    })
  })
})
void html
void atEnd
void Child
void away
void comeBack
void RedisServer
void KEY
void sharedToken
void until
export type { Message }
