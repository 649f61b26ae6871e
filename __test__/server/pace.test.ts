/** How fast a component tells its page of what no event asked for, seals checkpoints, and reads its topics. */

import { setTimeout as sleep } from 'node:timers/promises'
import { html, type LiveModule, type LoomOptions, type Message } from 'loom-live'
import { pageOf, shows, startPage } from '../support/pages'
import { sharedPage } from '../support/shared'
import { Site } from '../support/site'
import { Gate, until } from '../support/until'

/** Counts the messages of a topic; `handled` is how many there were. */
async function counting(options: LoomOptions) {
  const handled = { count: 0 }
  const started = await startPage(
    (loom) =>
      loom.register('counts', {
        props: { count: 0, clicks: 0 },
        connected: (_, ctx) => ctx.subscribe('many', 'arrived'),
        handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
        receive: {
          arrived(props) {
            handled.count += 1
            return { ...props, count: props.count + 1 }
          },
        },
        render: ({ count, clicks }) => html`${count} ${clicks}`,
      }),
    options,
  )
  /** Each message is handled by itself. */
  const publish = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++) {
      const before = handled.count
      await started.site.loom.publish('many', number)
      await until('the message to be handled', () => handled.count > before)
    }
  }
  return { ...started, handled, publish }
}

test('within the time of one change, further ones merge into the next', async () => {
  const { page, publish } = await counting({ limits: { patchRate: 1 } })
  const begin = performance.now()
  await publish(1)
  await shows(page, '1 0')
  await publish(20)
  await shows(page, '21 0')
  // One more in each second that it took.
  expect(page.unasked).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - begin) / 1_000))
})

test('in a second a page gets limits.patchRate changes at most that it has not asked for', async () => {
  const { site, page, handled } = await counting({ limits: { patchRate: 10 } })
  const begin = performance.now()
  for (let number = 0; number < 200; number++) {
    await site.loom.publish('many', number)
    await sleep(5)
  }
  await shows(page, '200 0')
  const seconds = (performance.now() - begin) / 1_000
  expect(handled.count).toBe(200)
  expect(page.unasked).toBeLessThanOrEqual(10 * seconds + 1)
  expect(page.unasked).toBeGreaterThan(2)
})

test('an answer waits for no pace, and brings what was held back', async () => {
  const { page, publish } = await counting({ limits: { patchRate: 1 } })
  await publish(1)
  await shows(page, '1 0')
  await publish(5)
  for (let click = 1; click <= 5; click++) {
    page.event('click')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe(`6 ${click}`)
  }
})

test('while a task runs, one checkpoint is sealed in 5 s at most, and one at its end', async () => {
  const gate = new Gate()
  let isAtEnd = false
  const { page } = await startPage((loom) =>
    loom.register('streams', {
      props: { count: 0, state: '' },
      handle: {
        begin(props, _, ctx) {
          ctx.task('value', async function* () {
            // Longer than many quiet moments, after each of which a small state is sealed otherwise.
            for (let number = 0; number < 30; number++) {
              await sleep(50)
              yield number
            }
            isAtEnd = true
            await gate.promise
          })
          return { ...props, state: 'runs' }
        },
      },
      receive: {
        value: (props, { done }) => (done ? { ...props, state: 'done' } : { ...props, count: props.count + 1 }),
      },
      render: ({ count, state }) => html`${state} ${count}`,
    }),
  )
  let checkpoints = 0
  page.onFrame = (frame) => {
    checkpoints += frame.toString().split('["c",').length - 1
  }
  const begin = performance.now()
  page.event('begin')
  await until('the last value', () => isAtEnd && page.text === 'runs 30')
  expect(checkpoints).toBeLessThanOrEqual(Math.ceil((performance.now() - begin) / 5_000))
  const before = checkpoints
  gate.open()
  await shows(page, 'done 30')
  await until('a checkpoint', () => checkpoints === before + 1)
  await sleep(600)
  expect(checkpoints).toBe(before + 1)
})

/** A receiver that waits at its first message, while so many more are published. */
async function behind(topicMessages: number) {
  const gate = new Gate()
  const got: unknown[] = []
  const site = await Site.start({ limits: { topicMessages, topicBytes: 64 << 20 } })
  const { name } = site.loom.register('slow', {
    props: { count: 0 },
    connected: (_, ctx) => ctx.subscribe('fast', 'arrived'),
    handle: {},
    receive: {
      async arrived({ count }, { data, gap }: Message) {
        if (got.length === 0) await gate.promise
        got.push(gap ? 'gap' : data)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const page = await pageOf(site, name)
  await site.loom.publish('fast', 0)
  await until('the receiver to wait', () => site.loom.stats().callsInFlight === 1)
  for (let number = 1; number <= 1_000; number++) await site.loom.publish('fast', number)
  gate.open()
  return { site, page, got }
}

test('a component that is behind goes on from the history of its topic, in order', async () => {
  const { got } = await behind(10_000)
  await until('all messages', () => got.length === 1_001)
  expect(got).toEqual(Array.from({ length: 1_001 }, (_, number) => number))
})

test('a component that is behind reads no further, so that it holds no more than the topic does', async () => {
  const { site, got } = await behind(300)
  await until('the gap', () => got.includes('gap'))
  await site.loom.publish('fast', 'last')
  await until('what comes then', () => got.at(-1) === 'last')
  // What the topic had let go of meanwhile was not with the component either.
  expect(got).toEqual([0, 'gap', 'last'])
})

/** Pushes what it gets of a topic: as many bytes as the message says. */
const pusher = (handled: { count: number }): LiveModule<{ count: number }> => ({
  props: { count: 0 },
  connected: (_, ctx) => ctx.subscribe('push', 'arrived'),
  handle: { click: (props) => ({ ...props }) },
  receive: {
    arrived({ count }, { data }, ctx) {
      handled.count += 1
      ctx.push('p', `${count} ${'x'.repeat(Number(data))}`)
      return { count: count + 1 }
    },
  },
  render: ({ count }) => html`${count}`,
})

const SLOW: LoomOptions = { limits: { patchRate: 1, hiddenPatchTime: 600_000 } }

describe.each(['of one page', 'shared', 'of a hidden page'])('what a component pushes, %s,', (which) => {
  test.each([
    ['many small ones', Array.from({ length: 1_000 }, () => 10)],
    ['more than is kept for a page that is away', Array.from({ length: 100 }, () => 5_000)],
    ['a large one behind small ones', [10, 10, 10, 200_000, 10, 100_000, 10]],
  ])('comes whole and in order, however long the next change is held back: %s', async (_, sizes) => {
    const handled = { count: 0 }
    const site = await Site.start(SLOW)
    const module = site.loom.register('pusher', pusher(handled))
    const page = await (which === 'shared' ? sharedPage(site, module) : pageOf(site, module.name))
    if (which === 'of a hidden page') {
      page.hide()
      page.event('click')
      await until('the answer', () => page.waiting === 0)
    }
    for (const [at, size] of sizes.entries()) {
      await site.loom.publish('push', size)
      await until('the message to be handled', () => handled.count > at)
    }
    page.hide(false)
    await shows(page, String(sizes.length))
    expect(page.pushes.map(([, data]) => parseInt(String(data)))).toEqual(sizes.map((__, at) => at))
    expect(page.pushes.map(([, data]) => String(data).length - 1 - String(parseInt(String(data))).length)).toEqual(
      sizes,
    )
  })
})
