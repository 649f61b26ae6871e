/** Time in the test's hands, and what a network and a process do to a page. */

import { mkdtempSync, rmSync } from 'node:fs'
import { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLoom, html } from 'loom-live'
import { openPage } from 'loom-live/testing'
import { afterAll, expect, test } from '@jest/globals'

const silent = { error: () => undefined, warn: () => undefined }
// A page gets a checkpoint at once when nothing happens.
const limits = { checkpointQuiet: 1 }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent, limits })

afterAll(() => loom.close())

const clock = loom.register('clock', {
  props: { ticks: 0, log: [] as string[] },
  connected: (_, ctx) => ctx.every('tick', 1_000),
  handle: {
    later: (_, __, ctx) => ctx.after('late', 2_500, 'late'),
    nested: (_, __, ctx) => ctx.after('again', 100, 1),
  },
  receive: {
    tick: (props) => ({ ...props, ticks: props.ticks + 1, log: [...props.log, `tick ${props.ticks + 1}`] }),
    late: (props, { data }) => ({ ...props, log: [...props.log, String(data)] }),
    again: (props, { data }, ctx) => {
      if (Number(data) < 3) ctx.after('again', 100, Number(data) + 1)
      return { ...props, log: [...props.log, `again ${String(data)}`] }
    },
  },
  render: ({ ticks, log }) => html`
    <button data-l-click="later">Later</button><button data-l-click="nested">Nested</button>
    <output>${ticks}</output><p>${log.join(', ')}</p>
  `,
})

test('timers ring when the test moves the time, each at its time, and not before', async () => {
  await using page = await openPage(loom, clock)
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  expect(page.text('output')).toBe('0')
  await page.advance(999)
  expect(page.text('output')).toBe('0')
  await page.advance(1)
  expect(page.text('output')).toBe('1')
  await page.click('button', { text: 'Later' })
  await page.advance(60_000)
  expect(page.text('output')).toBe('61')
  expect((await page.props()).log.slice(0, 5)).toEqual(['tick 1', 'tick 2', 'tick 3', 'late', 'tick 4'])
})

test('a timer that a timer has set rings in the same move of the time', async () => {
  await using page = await openPage(loom, clock)
  await page.click('button', { text: 'Nested' })
  await page.advance(250)
  expect(page.text('p')).toBe('again 1, again 2')
  await page.advance(50)
  expect(page.text('p')).toBe('again 1, again 2, again 3')
})

test('what waits for a pause is sent when the time is moved', async () => {
  const search = loom.register('search', {
    props: { query: '' },
    handle: { find: (_, { value = '' }) => ({ query: value }) },
    render: ({ query }) => html`<input data-l-input="find" data-l-debounce="60000"><p>${query}</p>`,
  })
  await using page = await openPage(loom, search)
  const input = page.container.querySelector('input') as HTMLInputElement
  input.value = 'port'
  input.dispatchEvent(new page.window.Event('input', { bubbles: true }))
  await page.settled()
  expect(page.text('p')).toBe('')
  await page.advance(59_000)
  expect(page.text('p')).toBe('')
  await page.advance(1_000)
  expect(page.text('p')).toBe('port')
})

const counter = loom.register('counter', {
  props: { count: 0, news: '' },
  connected: (_, ctx) => ctx.subscribe('news', 'news'),
  handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
  receive: { news: (props, { data }) => ({ ...props, news: String(data) }) },
  render: ({ count, news }) => html`<button data-l-click="add">Add</button><output>${count}</output><p>${news}</p>`,
})

test('clicks without a network are applied once when it is back', async () => {
  await using page = await openPage(loom, counter)
  await page.click('button')
  await page.disconnect()
  await page.click('button')
  await page.click('button')
  expect(page.text('output')).toBe('1')
  await loom.publish('news', 'missed')
  await page.reconnect()
  expect(page.text('output')).toBe('3')
  expect(page.text('p')).toBe('missed')
})

test('a page is not settled while it connects, however long that takes', async () => {
  // The server of the pages is made with the first one.
  const { emit } = Server.prototype
  Server.prototype.emit = function (event: string, ...given: unknown[]) {
    const tell = (): boolean => Boolean(Reflect.apply(emit, this, [event, ...given]))
    return event === 'connection' ? setTimeout(tell, 50).hasRef() : tell()
  }
  const slow = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })
  try {
    const { name } = slow.register('slow', {
      props: { count: 0 },
      handle: { add: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`<button data-l-click="add">Add</button><output>${count}</output>`,
    })
    await using page = await openPage(slow, name)
    await page.click('button')
    expect(page.text('output')).toBe('1')
    await page.disconnect()
    await page.click('button')
    await page.reconnect()
    expect(page.text('output')).toBe('2')
  } finally {
    Server.prototype.emit = emit
    await slow.close()
  }
})

test('a page goes on in a new process, with its state and its timers', async () => {
  await using page = await openPage(loom, counter)
  await using timed = await openPage(loom, clock)
  await timed.click('button', { text: 'Later' })
  await timed.advance(1_600)
  // A crash takes back what came from the server and is in no checkpoint.
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (let clicks = 0; clicks < 3; clicks++) await page.click('button')
  await page.disconnect()
  await page.click('button')
  await page.reconnect({ process: 'new' })
  expect(page.text('output')).toBe('4')
  expect(loom.stats().events).toBeLessThan(5)
  await page.publish('news', 'from the new one')
  expect(page.text('p')).toBe('from the new one')
  expect(await page.props()).toEqual({ count: 4, news: 'from the new one' })
  // Other pages of the process are back as well.
  await timed.settled()
  expect(timed.text('output')).toBe('1')
  await timed.advance(899)
  expect(timed.text('p')).toBe('tick 1')
  await timed.advance(1)
  expect(timed.text('p')).toBe('tick 1, late')
})

test('with a store, a new process goes on from what is in there: no handler runs again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-live-testing-'))
  const kept = createLoom({
    secret: 'another secret of thirty-two bytes or more',
    logger: silent,
    store: { sqlite: join(folder, 'states.sqlite') },
  })
  let calls = 0
  const stored = kept.register('stored', {
    props: { count: 0 },
    handle: { add: ({ count }) => ({ count: count + 1, calls: (calls += 1) }) },
    render: ({ count }) => html`<button data-l-click="add">Add</button><output>${count}</output>`,
  })
  try {
    await using page = await openPage(kept, stored)
    for (let clicks = 0; clicks < 5; clicks++) await page.click('button')
    await page.reconnect({ process: 'new' })
    expect(page.text('output')).toBe('5')
    await page.click('button')
    expect([page.text('output'), calls]).toEqual(['6', 6])
  } finally {
    await kept.close()
    rmSync(folder, { recursive: true })
  }
})

test('a page whose connection takes long to open has settled when its clicks are answered', async () => {
  // Asked when the page is rendered, and at each connection.
  const bind = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return 'ada'
  }
  const slow = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent, limits, bind })
  const counter = slow.register('counter', {
    props: { count: 0 },
    handle: { increment: (props) => ({ count: props.count + 1 }) },
    render: ({ count }) => html`<button data-l-click="increment">Add</button><output>${count}</output>`,
  })
  const page = await openPage(slow, counter)
  for (const process of ['same', 'new'] as const) {
    const before = Number(page.text('output'))
    await page.disconnect()
    await page.click('button')
    await page.reconnect({ process })
    expect([process, page.text('output')]).toEqual([process, String(before + 1)])
  }
  await page.close()
  await slow.close()
})
