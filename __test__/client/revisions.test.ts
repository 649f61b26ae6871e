/** Which revision a page says that it shows, and when it tells that changes are gone. */

import { html } from 'loom-live'
import { Proxy } from '../support/proxy'
import { pageSite, testLoom } from '../support/site'
import { Harness, hasRead, sendJoin, tree, until, wireRevision, type Live } from './harness'

const harness = new Harness()

const content = tree(['<p>', '</p><button data-l-click="go">go</button>'], 'a')

async function comesBack(live: Live): Promise<{ revision: number | undefined; kept: number | undefined; id: number }> {
  live.wire.drop()
  live.wire = await harness.server.connection()
  const { id, revision, kept } = await live.wire.next('join')
  live.id = id
  return { revision, kept, id }
}

test('each change is a revision, whether an event asked for it or not, and a failure is none', async () => {
  const live = await harness.live(content)
  live.patch({ 0: 'b' })
  await live.page.click('button')
  await live.event()
  live.patch({ 0: 'c' })
  await live.page.click('button')
  await live.event()
  live.error('no')
  await live.settled()
  expect(await comesBack(live)).toMatchObject({ revision: 2 })
})

test('a revision that was named is that of the next change', async () => {
  const live = await harness.live(content)
  live.wire.send(wireRevision(live.id, 17))
  live.patch({ 0: 'b' })
  live.patch({ 0: 'c' })
  await live.settled()
  const back = await comesBack(live)
  expect(back.revision).toBe(18)
  // A revision that was named, and a connection that broke before the change.
  live.wire.send(['a', back.id, 0, 'a.secret'])
  live.wire.send(wireRevision(live.id, 30))
  await live.state('live')
  expect((await comesBack(live)).revision).toBe(18)
})

test('what the server says is gone is told, whatever revision the state has by now', async () => {
  const live = await harness.live(content)
  live.patch({ 0: 'from the server' })
  await live.settled()
  expect(await comesBack(live)).toMatchObject({ revision: 1 })
  sendJoin(live.wire, live.id, content, 0, 1, 8)
  await live.state('live')
  expect([await live.count('loom:reset'), await live.count('loom:lost')]).toEqual([1, 0])
})

test('events that are handled again are no loss; changes that no event asked for are', async () => {
  const live = await harness.live(content)
  await live.page.click('button')
  await live.event()
  live.patch({ 0: '1' })
  await live.settled()
  expect(await comesBack(live)).toMatchObject({ revision: 1, kept: 1 })
  // Another server, which knows the page's token only.
  sendJoin(live.wire, live.id, content)
  expect(await live.event()).toMatchObject({ number: 1 })
  live.wire.send([live.id, 1, 0, '1'])
  await live.page.waitForFunction(() => document.querySelector('p')?.textContent === '1')
  expect(await live.count('loom:reset')).toBe(0)
  live.wire.send([live.id, 1, 0, 'from the server'])
  await live.page.waitForFunction(() => document.querySelector('p')?.textContent === 'from the server')
  expect(await comesBack(live)).toMatchObject({ revision: 2, kept: 1 })
  sendJoin(live.wire, live.id, content)
  expect(await live.event()).toMatchObject({ number: 1 })
  live.wire.send([live.id, 1, 0, '1'])
  await live.page.waitForFunction(() => document.querySelector('p')?.textContent === '1')
  expect(await live.count('loom:reset')).toBe(1)
})

test('a page that waits for another server to catch up needs the whole tree if it has to come back again', async () => {
  const live = await harness.live(content)
  for (const text of ['1', '2']) {
    await live.page.click('button')
    await live.event()
    live.patch({ 0: text })
  }
  await live.settled()
  await comesBack(live)
  sendJoin(live.wire, live.id, content)
  await live.event()
  await live.event()
  live.wire.send([live.id, 1, 0, '1'])
  await hasRead(live.page, live.wire)
  live.wire.drop()
  live.wire = await harness.server.connection()
  expect(await live.wire.next('join')).toMatchObject({ needsTree: true })
})

test('what was pushed is told at the container, after the change of its step, or after the tree that stands for it', async () => {
  const live = await harness.live(content)
  await live.page.evaluate(() => {
    const told: unknown[] = []
    Object.assign(window, { told })
    addEventListener('loom:push', ({ target, detail: { name, data } }) => {
      const isContainer = (target as Element).matches('[data-l-live]')
      told.push([name, data, document.querySelector('p')?.textContent, isContainer])
    })
  })
  const told = (): Promise<unknown> => live.page.evaluate(() => (window as unknown as { told: unknown }).told)
  live.wire.send(['p', live.id, 'first', 1])
  await live.settled()
  expect(await told()).toEqual([])
  live.patch({ 0: 'b' })
  await live.settled()
  expect(await told()).toEqual([['first', 1, 'b', true]])
  // What was missed is too much, so that the tree follows.
  await comesBack(live)
  live.wire.send(['p', live.id, 'second', { n: 2 }])
  sendJoin(live.wire, live.id, tree(content.s, 'c'))
  await live.state('live')
  expect(await told()).toEqual([
    ['first', 1, 'b', true],
    ['second', { n: 2 }, 'c', true],
  ])
})

test('a page whose changes are gone with the component is told, by the real server, also if connected asks for something', async () => {
  const behind: boolean[] = []
  // The component ends with its connection, and starts from a checkpoint that does not have the message.
  const { loom } = testLoom({
    limits: { parkTime: 0, checkpointQuiet: 60_000, checkpointEvents: 1000, topicMessages: 1 },
  })
  loom.register('news', {
    props: { got: '', text: 'x'.repeat(5_000) },
    async connected(_, ctx) {
      behind.push(ctx.behind)
      await ctx.subscribe('news', 'arrived')
    },
    handle: {},
    receive: { arrived: (props, { data, gap }) => (gap ? props : { ...props, got: `${props.got} ${String(data)}` }) },
    render: ({ got }) => html`<p>${got}</p>`,
  })
  const proxy = await Proxy.to((await pageSite(loom, 'news')).port)
  const page = await harness.blank()
  await page.addInitScript(() => {
    const told: string[] = []
    Object.assign(window, { told })
    for (const type of ['loom:join', 'loom:reset', 'loom:lost']) addEventListener(type, () => told.push(type))
  })
  await page.goto(proxy.url)
  const told = (): Promise<string[]> => page.evaluate(() => (window as unknown as { told: string[] }).told)
  await page.waitForFunction(() => (window as unknown as { told: string[] }).told.length === 1)
  await loom.publish('news', 'gone')
  await page.waitForFunction(() => document.querySelector('p')?.textContent === ' gone')
  proxy.open = false
  proxy.cut()
  await until('the component to end', () => loom.stats().components === 0)
  // The topic does not have the message any more, either.
  await loom.publish('news', 'missed')
  proxy.open = true
  await page.waitForFunction(() => document.querySelector('p')?.textContent === '')
  await page.waitForSelector('[data-l-state="live"]', { state: 'attached' })
  expect(behind).toEqual([false, true])
  expect(await told()).toEqual(['loom:join', 'loom:join', 'loom:reset'])
})
