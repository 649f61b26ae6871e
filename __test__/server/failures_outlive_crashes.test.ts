/** With a store, an event that has failed is told to have failed, also by another process than the one that has handled it. */

import { html, type Loom, type LoomOptions } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { inRedis } from '../support/redis'
import { Site } from '../support/site'
import { sqlite } from '../support/two_processes'
import { until } from '../support/until'

const register = (loom: Loom): void => {
  loom.register('some', {
    props: { count: 0 },
    handle: {
      add: ({ count }) => ({ count: count + 1 }),
      boom() {
        throw new Error('boom')
      },
    },
    render: ({ count }) => html`${count}`,
  })
}

const STORES: [string, () => LoomOptions | Promise<LoomOptions>][] = [['with SQLite', sqlite], ...inRedis()]

test.each(STORES)('a failure whose answer was lost is told after a crash, %s', async (_, store) => {
  const options = { ...(await store()), limits: { checkpointEvents: 1000, checkpointQuiet: 60_000 } }
  const sites = [await Site.start(options), await Site.start(options)] as const
  for (const { loom } of sites) register(loom)
  let site: Site = sites[0]
  const page = new LivePage({ url: () => site.url(), module: 'some', token: await site.token('some') })
  atEnd(() => {
    page.end()
  })
  const outcomes: string[] = []
  page.onAnswer = ({ number }, outcome) => outcomes.push(`${number} ${outcome}`)
  await until('the page to be live', () => page.isLive)
  page.event('add')
  page.event('boom')
  await until('both answers', () => outcomes.length === 2)
  // The answers to these are lost on the way.
  page.deaf = true
  for (const handler of ['add', 'boom', 'boom', 'add']) page.event(handler)
  await until('the events to be handled', () => sites[0].loom.stats().events === 3)
  await until('the failures, too', () => sites[0].loom.stats().errors === 3)
  // As after a crash: the other process knows only what the store has.
  site = sites[1]
  page.retry = () => 10
  page.cut()
  page.deaf = false
  await until('the page to be back', () => page.isLive && page.isSettled && page.text === '3')
  expect(outcomes).toEqual(['1 applied', '2 failed', '3 applied', '4 failed', '5 failed', '6 applied'])
})
