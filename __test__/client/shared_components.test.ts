/** A component that many pages show: there are no checkpoints, and no event that has its answer is sent again. */

import { Harness, sendJoin, tree, type Live } from './harness'

/** Of the answer to a join: docs/protocol.md. */
const FLAGS = { anew: 1, shared: 2, lost: 4 }

const harness = new Harness()

const content = tree(['<p>', '</p><button data-l-click="go">go</button>'], 'a')

async function shared(): Promise<Live> {
  const live = await harness.live(content)
  sendJoin(live.wire, live.id, content, 0, 0, FLAGS.shared)
  return live
}

/** The page is back on another connection, which it asks to go on. */
async function comesBack(live: Live): ReturnType<Live['wire']['next']> {
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  live.id = join.id
  return join
}

test('what has its answer is not sent again, to this server or to another', async () => {
  const live = await shared()
  for (const text of ['1', '2']) {
    await live.page.click('button')
    await live.event()
    live.patch({ 0: text })
  }
  await live.settled()
  expect(await comesBack(live)).toMatchObject({ seen: 2, revision: 2, kept: 0, token: 'secret' })
  await live.page.click('button')
  // Another process, which has the state from its store.
  sendJoin(live.wire, live.id, tree(content.s, '2'), 2, 2, FLAGS.shared)
  expect(await live.event()).toMatchObject({ number: 3 })
  live.patch({ 0: '3' })
  await live.page.waitForFunction(() => document.querySelector('p')?.textContent === '3')
  expect(await live.count('loom:reset')).toBe(0)
})

test('an event whose fate is not known is told as lost, and the state goes on', async () => {
  const live = await shared()
  await live.page.click('button')
  await live.event()
  live.patch({ 0: '1' })
  await live.page.click('button')
  await live.event()
  await live.settled()
  // The failure that it has settled with was the answer.
  await live.page.click('button')
  await live.event()
  await comesBack(live)
  sendJoin(live.wire, live.id, tree(content.s, 'later'), 0, 9, FLAGS.shared | FLAGS.lost)
  await live.page.waitForFunction(() => document.querySelector('p')?.textContent === 'later')
  expect(await live.seen('loom:lost')).toEqual([{ reason: 'reset', events: [{ handler: 'go', event: 'click' }] }])
  expect(await live.count('loom:reset')).toBe(0)
  // It counts on.
  await live.page.click('button')
  expect(await live.event()).toMatchObject({ number: 4 })
})

test('a state that is gone is told, and what was not sent is still meant', async () => {
  const live = await shared()
  await live.page.click('button')
  await live.event()
  await comesBack(live)
  await live.page.click('button')
  sendJoin(live.wire, live.id, content, 0, 0, FLAGS.shared | FLAGS.anew)
  expect(await live.event()).toMatchObject({ number: 2 })
  expect(await live.count('loom:reset')).toBe(1)
  expect(await live.count('loom:lost')).toBe(1)
})
