/** The client says when its tab is hidden, and when it is seen again. */

import { html } from 'loom-live'
import type { Page } from 'playwright-core'
import { pageSite, testLoom } from '../support/site'
import { container, Harness, htmlOf, tree, until } from './harness'

const harness = new Harness()

const counter = tree(['<button data-l-click="up">', '</button>'], '0')

/** A page whose tab the test hides and shows. */
async function blank(first: 'visible' | 'hidden' = 'visible'): Promise<Page> {
  const page = await harness.blank()
  await page.addInitScript((first) => {
    Object.assign(window, { visibility: first })
    Object.defineProperty(Document.prototype, 'visibilityState', {
      configurable: true,
      enumerable: true,
      get: () => (window as unknown as { visibility: string }).visibility,
    })
  }, first)
  return page
}

const look = (page: Page, visibility: 'visible' | 'hidden'): Promise<void> =>
  page.evaluate((visibility) => {
    Object.assign(window, { visibility })
    document.dispatchEvent(new Event('visibilitychange'))
  }, visibility)

test('it says so at each change, and after each connection if it is hidden', async () => {
  const page = await blank()
  harness.server.body = container(htmlOf(counter))
  await page.goto(harness.server.url)
  const live = await harness.joins(page, counter)
  await look(page, 'hidden')
  expect(await live.wire.next('hidden')).toMatchObject({ id: 1 })
  live.wire.drop()
  live.wire = await harness.server.connection()
  // Before the join, so that nothing comes in between.
  expect(await live.wire.next('hidden')).toMatchObject({ id: 1 })
  const join = await live.wire.next('join')
  live.wire.send(['a', join.id, 0, 'another.secret'])
  await live.state('live')
  await look(page, 'visible')
  expect(await live.wire.next('hidden')).toMatchObject({ id: 0 })
  live.wire.drop()
  live.wire = await harness.server.connection()
  expect((await live.wire.next()).type).toBe('join')
})

test('a page that is opened in another tab is hidden from the start', async () => {
  const page = await blank('hidden')
  harness.server.body = container(htmlOf(counter))
  await page.goto(harness.server.url)
  const wire = await harness.server.connection()
  expect(await wire.next('hidden')).toMatchObject({ id: 1 })
  await wire.next('join')
})

test('of the real server it gets one change while it is hidden, and all when it is seen', async () => {
  const { loom } = testLoom({ limits: { hiddenPatchTime: 600_000 } })
  let handled = 0
  loom.register('news', {
    props: { got: [] as string[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived')
    },
    handle: {},
    receive: {
      arrived: ({ got }, { data }) => {
        handled += 1
        return { got: [...got, String(data)] }
      },
    },
    render: ({ got }) => html`<p>${got.join(' ')}</p>`,
  })
  const site = await pageSite(loom, 'news')
  const page = await blank()
  await page.goto(`${site.origin}/`)
  await page.waitForSelector('[data-l-state="live"]', { state: 'attached' })
  const shows = (text: string): Promise<unknown> =>
    page.waitForFunction((text) => document.querySelector('p')?.textContent === text, text)
  await look(page, 'hidden')
  await loom.publish('news', 'a')
  await shows('a')
  for (const one of ['b', 'c', 'd']) await loom.publish('news', one)
  await until('the messages to be handled', () => handled === 4)
  await page.waitForTimeout(100)
  expect(await page.textContent('p')).toBe('a')
  await look(page, 'visible')
  await shows('a b c d')
})
