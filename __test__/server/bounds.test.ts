/** The bounds of what comes from the server: each number, and what happens beyond it. */

import { html, type Loom } from 'loom-live'
import { WebSocket } from 'ws'
import { BUILT_ADDON } from '../support/addon'
import { atEnd } from '../support/cleanup'
import { pageOf, shows, startPage } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'

test('the numbers that docs/contracts.md names are the defaults', () => {
  const { limits } = jest.requireActual<{ limits(): string }>(BUILT_ADDON)
  const table = JSON.parse(limits()) as { name: string; default: number }[]
  const of = (names: string[]): Record<string, number | undefined> =>
    Object.fromEntries(names.map((name) => [name, table.find((limit) => limit.name === name)?.default]))
  const expected = {
    topics: 100_000,
    messageBytes: 1 << 20,
    outgoingBytes: 1 << 20,
    tasksPerComponent: 16,
    tasks: 10_000,
    presence: 1_000,
    presenceMeta: 1 << 10,
    presenceGrace: 5_000,
    patchRate: 30,
    hiddenPatchTime: 5_000,
    authorizeTime: 300_000,
    mountTime: 10_000,
    eventAge: 60_000,
    parkTime: 60_000,
    shared: 10_000,
  }
  expect(of(Object.keys(expected))).toEqual(expected)
})

/** Each event asks for something; what it shows is how often that was committed. */
function asks(loom: Loom): { name: string } {
  return loom.register('asks', {
    props: { steps: 0 },
    handle: {
      async subscribe({ steps }, { value = '' }, ctx) {
        await ctx.subscribe(value, 'got')
        return { steps: steps + 1 }
      },
      publish({ steps }, { value = '' }, ctx) {
        ctx.publish(value, 'x')
        return { steps: steps + 1 }
      },
      large({ steps }, { value = '' }, ctx) {
        ctx.publish('large', 'x'.repeat(Number(value) - 2))
        return { steps: steps + 1 }
      },
      after({ steps }, { value = '' }, ctx) {
        ctx.after('got', 600_000, 'x'.repeat(Number(value) - 2))
        return { steps: steps + 1 }
      },
      tasks({ steps }, { value = '' }, ctx) {
        for (let number = 0; number < Number(value); number++)
          ctx.task(`t${number}`, () => new Promise(() => undefined))
        return { steps: steps + 1 }
      },
      track({ steps }, { value = '' }, ctx) {
        ctx.track('room', 'x'.repeat(Number(value) - 2))
        return { steps: steps + 1 }
      },
    },
    receive: Object.fromEntries(
      ['got', ...Array.from({ length: 20 }, (_, number) => `t${number}`)].map((name) => [name, () => undefined]),
    ),
    render: ({ steps }) => html`${steps}`,
  })
}

/** Tells whether the event commits. */
async function commits(page: Awaited<ReturnType<typeof pageOf>>, handler: string, value: string): Promise<boolean> {
  let outcome: string | undefined
  page.onAnswer = (_, one) => (outcome = one)
  page.event(handler, value)
  return (await until('the answer', () => outcome)) === 'applied'
}

test('a topic’s name has 256 bytes at most, which are not letters', async () => {
  const { site, page } = await startPage(asks)
  const [fits, long] = ['é'.repeat(128), 'é'.repeat(129)]
  await site.loom.publish(fits, 1)
  await expect(site.loom.publish(long, 1)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  for (const handler of ['subscribe', 'publish']) {
    expect([handler, await commits(page, handler, fits), await commits(page, handler, long)]).toEqual([
      handler,
      true,
      false,
    ])
  }
})

test('a message has limits.messageBytes at most: a step that publishes a larger one, or begins a timer with it, fails', async () => {
  const { site, page } = await startPage(asks, { limits: { messageBytes: 1_000 } })
  for (const handler of ['large', 'after']) {
    expect([handler, await commits(page, handler, '1000')]).toEqual([handler, true])
    expect([handler, await commits(page, handler, '1001')]).toEqual([handler, false])
  }
  await until('the log', () => site.log.all.includes('the timer "got" has 1001 bytes'))
  await site.loom.publish('large', 'x'.repeat(998))
  await expect(site.loom.publish('large', 'x'.repeat(999))).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
})

test('if limits.topics have subscribers, a step that subscribes to another fails, and publishing there rejects', async () => {
  const { site, page } = await startPage(asks, { limits: { topics: 2 } })
  expect(await commits(page, 'subscribe', 'a')).toBe(true)
  expect(await commits(page, 'subscribe', 'b')).toBe(true)
  expect(await commits(page, 'subscribe', 'c')).toBe(false)
  await expect(site.loom.publish('c', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  // Those that are there go on.
  expect(await commits(page, 'publish', 'a')).toBe(true)
  await site.loom.publish('b', 1)
})

test('a component runs 16 tasks at most, and all components together limits.tasks', async () => {
  const { site, name, page } = await startPage(asks, { limits: { tasks: 18 } })
  expect(await commits(page, 'tasks', '17')).toBe(false)
  expect(await commits(page, 'tasks', '16')).toBe(true)
  const other = await pageOf(site, name)
  expect(await commits(other, 'tasks', '3')).toBe(false)
  expect(await commits(other, 'tasks', '2')).toBe(true)
  expect(site.loom.stats().tasks).toBe(18)
})

test('a meta has 1 KiB at most', async () => {
  const { site, page } = await startPage(asks)
  expect(await commits(page, 'track', '1024')).toBe(true)
  expect(await commits(page, 'track', '1025')).toBe(false)
  expect((await site.loom.presence('room')).count).toBe(1)
})

test('pushes that a page does not read hold no more than limits.outgoingBytes; beyond it the oldest go', async () => {
  const COUNT = 400
  let handled = 0
  const site = await Site.start({ limits: { outgoingBytes: 300_000 } })
  const { name } = site.loom.register('pushes', {
    props: { count: 0 },
    connected: (_, ctx) => ctx.subscribe('push', 'arrived'),
    handle: {},
    receive: {
      arrived({ count }, { data }, ctx) {
        handled += 1
        ctx.push('much', `${String(data)} ${'x'.repeat(50_000)}`)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const deaf = new WebSocket(site.url(), 'loom.2')
  atEnd(() => {
    deaf.terminate()
  })
  const token = await site.token(name)
  let bytes = 0
  let shown: unknown
  const pushed: number[] = []
  await new Promise<void>((resolve) => {
    deaf.on('open', () => {
      deaf.send(JSON.stringify(['j', 1, name, token]))
    })
    deaf.on('message', (data: Buffer) => {
      bytes += data.length
      const frame = JSON.parse(data.toString()) as unknown[]
      for (const message of (Array.isArray(frame[0]) ? frame : [frame]) as unknown[][]) {
        if (message[0] === 1) shown = message[3]
        if (message[0] === 'p') pushed.push(parseInt(String(message[3])))
      }
      resolve()
    })
  })
  const socket = (deaf as unknown as { _socket: { pause(): void; resume(): void } })._socket
  socket.pause()
  const before = process.memoryUsage.rss()
  for (let number = 1; number <= COUNT; number++) {
    await site.loom.publish('push', number)
    await until('the message to be handled', () => handled === number)
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 << 20)
  socket.resume()
  // The page is shown the newest state and the newest push; all of 20 MB was never there for it.
  await until('the newest', () => shown === String(COUNT))
  expect(bytes).toBeLessThan((COUNT * 50_000) / 2)
  expect(pushed.at(-1)).toBe(COUNT)
  expect(pushed).toEqual([...new Set(pushed)].sort((a, b) => a - b))
  const page = await pageOf(site, name)
  await site.loom.publish('push', COUNT + 1)
  await shows(page, '<b>1</b>')
  expect(page.pushes).toHaveLength(1)
})

test('what goes on beside the props counts for limits.checkpointBytes, and the page is told of a larger state', async () => {
  const { site, page } = await startPage(
    (loom) =>
      loom.register('large', {
        props: { steps: 0 },
        handle: {
          // The props stay small.
          remind({ steps }, { value = '' }, ctx) {
            ctx.after('ring', 600_000, 'x'.repeat(Number(value)))
            return { steps: steps + 1 }
          },
        },
        receive: { ring: (props) => props },
        render: ({ steps }) => html`${steps}`,
      }),
    { limits: { checkpointBytes: 2_000 } },
  )
  page.event('remind', '1000')
  await until('a checkpoint', () => page.isSettled && page.memory.checkpoint?.startsWith('.') === false)
  expect(page.fragile).toBe(false)
  page.event('remind', '4000')
  await until('the page to be told', () => page.fragile)
  await until('the log', () => site.log.all.includes('limits.checkpointBytes'))
  page.event('remind', '10')
  await until('a checkpoint again', () => !page.fragile && page.memory.checkpoint !== undefined)
})
