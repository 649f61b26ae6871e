/** With a store, an event that has failed is told to have failed, also by another process than the one that has handled it. */

import { html, type Loom, type LoomOptions } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { inRedis } from '../support/redis'
import { Site, tokenIn } from '../support/site'
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

test.each(STORES)('so is one at a shared component, %s', async (_, store) => {
  const options = await store()
  const sites = [await Site.start(options), await Site.start(options)] as const
  for (const { loom } of sites) register(loom)
  let site: Site = sites[0]
  const open = async (): Promise<LivePage> => {
    const token = tokenIn(await sites[0].loom.mount('some', {}, { shared: 'all' }))
    const page = new LivePage({ url: () => site.url(), module: 'some', token })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    return page
  }
  const page = await open()
  const outcomes: string[] = []
  page.onAnswer = ({ number }, outcome) => outcomes.push(`${number} ${outcome}`)
  page.event('add')
  page.event('boom')
  await until('both answers', () => outcomes.length === 2)
  page.deaf = true
  for (const handler of ['add', 'boom', 'boom', 'add', 'boom']) page.event(handler)
  await until('the failures', () => sites[0].loom.stats().errors === 4)
  // The last failure is beside what somebody else's event has made of the state.
  const other = await open()
  other.event('add')
  await until('the other page to see it', () => other.text === '4')
  other.end()
  site = sites[1]
  page.retry = () => 10
  page.cut()
  page.deaf = false
  await sites[0].loom.close({ timeout: 0 })
  await until('the page to be back', () => page.isLive && page.isSettled && page.text === '4')
  const expected = ['1 applied', '2 failed', '3 applied', '4 failed', '5 failed', '6 applied', '7 failed']
  expect([outcomes, page.resets]).toEqual([expected, 0])
})

test.each(STORES)('a page that knows of its failure goes on after a crash, %s', async (_, store) => {
  const options = await store()
  const sites = [await Site.start(options), await Site.start(options)] as const
  for (const { loom } of sites) register(loom)
  let site: Site = sites[0]
  const page = new LivePage({
    url: () => site.url(),
    module: 'some',
    token: tokenIn(await sites[0].loom.mount('some', {}, { shared: 'all' })),
  })
  atEnd(() => {
    page.end()
  })
  const outcomes: string[] = []
  page.onAnswer = ({ number }, outcome) => outcomes.push(`${number} ${outcome}`)
  await until('the page to be live', () => page.isLive)
  for (const handler of ['add', 'boom', 'add', 'boom', 'boom']) page.event(handler)
  await until('all answers', () => outcomes.length === 5)
  // The store has nothing of the last two events.
  const { joins } = page
  site = sites[1]
  page.retry = () => 10
  page.cut()
  await sites[0].loom.close({ timeout: 0 })
  await until('the page to be back', () => page.joins > joins && page.isSettled && page.text === '2')
  page.event('add')
  await until('one more', () => page.text === '3')
  expect([outcomes.slice(5), page.resets, page.lost]).toEqual([['6 applied'], 0, 0])
})
