/** Calls of hooks and their answers, by a server that says what it wants, when it wants. */

import { Harness, hasRead, sendJoin, tree, type Live } from './harness'
import { clientBundle } from './fake_server'

const harness = new Harness()

beforeAll(() => void clientBundle('hooks'), 60_000)

const content = tree(['<p data-l-hook="asking">', '</p>'], 'a')

interface Asking {
  hook: { call(handler: string, args?: unknown): Promise<unknown> }
  answers: unknown[]
}

/**
 * A page with a hook that was registered by the registry alone, as a script of another version of the package would, before
 * the client is there.
 */
async function asking(): Promise<Live> {
  const script = `<script>
    globalThis[Symbol.for('loom-live.hooks')] = {
      hooks: new Map([['asking', { mounted() { Object.assign(window, { hook: this, answers: [] }) } }]]),
    }
  </script>`
  const live = await harness.live(content, { around: (html) => `${script}${html}` })
  await live.page.waitForFunction(() => 'hook' in window)
  return live
}

/** Makes so many calls; the n-th is the event n, and has the number n. */
async function call(live: Live, many: number): Promise<void> {
  await live.page.evaluate((count) => {
    const { hook, answers } = window as unknown as Asking
    for (let n = 1; n <= count; n++) {
      hook.call('save', { n }).then(
        (value) => answers.push([n, value ?? null, document.querySelector('p')?.textContent]),
        (error: unknown) => {
          const { reason, message } = error as { reason: string; message: string }
          answers.push([n, reason, message])
        },
      )
    }
  }, many)
  for (let n = 1; n <= many; n++)
    expect(await live.event()).toMatchObject({
      number: n,
      handler: 'save',
      event: 'loom.call',
      vars: { v: JSON.stringify([n, { n }]) },
    })
}

const answers = (live: Live): Promise<unknown[]> =>
  live.page.evaluate(() => (window as unknown as Asking).answers.splice(0))

async function answered(live: Live, many: number): Promise<unknown[]> {
  await live.page.waitForFunction((count) => (window as unknown as Asking).answers.length >= count, many)
  return answers(live)
}

test('an answer belongs to its call, whatever else it comes with', async () => {
  const live = await asking()
  await call(live, 3)
  // A slow reader's: the answers of two steps, and one change, the second step's.
  live.wire.send(['p', live.id, 'loom.reply', [2, 'two']])
  live.wire.send(['p', live.id, 'loom.reply', [1, { one: 1 }]])
  await hasRead(live.page, live.wire)
  expect(await answers(live)).toEqual([])
  live.wire.send([live.id, 2, 0, 'b'])
  expect((await answered(live, 2)).sort()).toEqual([
    [1, { one: 1 }, 'b'],
    [2, 'two', 'b'],
  ])
  // Without a value; twice, and for a call that nobody has made.
  for (const k of [3, 3, 99]) live.wire.send(['p', live.id, 'loom.reply', [k]])
  live.wire.send([live.id, 3])
  expect(await answered(live, 1)).toEqual([[3, null, 'b']])
})

test('an answer may come with a later frame than the word that a later event has failed', async () => {
  const live = await asking()
  await call(live, 2)
  live.wire.send(['p', live.id, 'loom.reply', [1, 'one']])
  live.wire.send(['e', live.id, 2, 'It was meant.'])
  expect(await answered(live, 1)).toEqual([[2, 'failed', 'The call of "save" has failed: It was meant.']])
  live.wire.send([live.id, 2, 0, 'b'])
  expect(await answered(live, 1)).toEqual([[1, 'one', 'b']])
})

test('what was not handled says why', async () => {
  const live = await asking()
  await call(live, 3)
  live.wire.send(['e', live.id, 3, 'This came too late', 1, 2])
  const all = await answered(live, 2)
  expect(all).toEqual([
    [2, 'expired', expect.stringContaining('too long ago')],
    [3, 'expired', expect.stringContaining('too long ago')],
  ])
  // The first one has its answer with that, and no value was pushed.
  await live.page.waitForTimeout(100)
  expect(await answers(live)).toEqual([])
})

test('a state that is gone takes its calls with it', async () => {
  const live = await asking()
  await call(live, 1)
  live.wire.drop()
  live.wire = await harness.server.speaking()
  live.id = (await live.wire.next('join')).id
  sendJoin(live.wire, live.id, content, 0, 0, 1)
  expect(await answered(live, 1)).toEqual([[1, 'reset', expect.stringContaining('nobody knows')]])
})

test('an event that was applied by a server that then ended is said to have been', async () => {
  const live = await asking()
  await call(live, 1)
  live.wire.drop()
  live.wire = await harness.server.speaking()
  live.id = (await live.wire.next('join')).id
  // The stored state includes the event. What was pushed went with the process.
  sendJoin(live.wire, live.id, tree(content.s, 'b'), 1, 1)
  expect(await answered(live, 1)).toEqual([[1, 'unanswered', expect.stringContaining('was applied')]])
})

test('a component that has failed fails its calls, and those that are made later', async () => {
  const live = await asking()
  await call(live, 1)
  live.wire.send(['f', live.id, 'Load the page again', 'reload'])
  expect(await answered(live, 1)).toEqual([[1, 'error', expect.any(String)]])
  const late = await live.page.evaluate(() =>
    (window as unknown as Asking).hook.call('save').catch((error: unknown) => (error as { reason: string }).reason),
  )
  expect(late).toBe('error')
})
