/** A page whose tab is hidden gets at most one unasked patch in limits.hiddenPatchTime, and all at once when it is seen. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { WebSocket } from 'ws'
import type { LivePage } from '../support/live_page'
import { pageOf, shows, startPage } from '../support/pages'
import { sharedPage } from '../support/shared'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

/** Longer than any test. */
const NEVER: LoomOptions = { limits: { hiddenPatchTime: 600_000 } }

interface Handled {
  /** Messages, of each component. */
  count: number
  clicks: number
  /** Clicks wait for it. */
  gate?: Promise<void>
}

/** Counts what it has handled. */
function room(loom: Loom, handled: Handled): { name: string } {
  return loom.register('room', {
    props: { got: [] as unknown[], clicks: 0 },
    async connected(_, ctx) {
      await ctx.subscribe('room', 'arrived')
    },
    handle: {
      async click(props) {
        handled.clicks += 1
        await handled.gate
        return { ...props, clicks: props.clicks + 1 }
      },
    },
    receive: {
      arrived(props, { data }: Message, ctx) {
        handled.count += 1
        if (typeof data === 'object') {
          ctx.push('pushed', data)
          return { ...props, got: [...props.got, 'pushed'] }
        }
        return { ...props, got: [...props.got, data] }
      },
    },
    render: ({ got, clicks }) => html`${got.join(' ')} | ${clicks}`,
  })
}

async function start(options: LoomOptions) {
  const handled: Handled = { count: 0, clicks: 0 }
  const { site, name, page } = await startPage((loom) => room(loom, handled), options)
  /** Publishes, and waits until the one component has handled it. */
  const publish = async (...data: unknown[]): Promise<void> => {
    for (const one of data) {
      const before = handled.count
      await site.loom.publish('room', one)
      await until('the message to be handled', () => handled.count > before)
    }
  }
  return { site, name, page, publish, handled }
}

/** Hides the page, and waits until the server knows. */
async function hidden(page: LivePage): Promise<void> {
  page.hide()
  // Messages of a connection are taken in their order.
  page.event('click')
  await until('the answer', () => page.waiting === 0)
}

test('a hidden page gets one unasked patch, and the others at once when it is seen', async () => {
  const { site, name, page, publish } = await start(NEVER)
  const seen = await pageOf(site, name)
  await hidden(page)
  await publish('a')
  await shows(page, 'a | 1')
  // A page that is seen gets one change after the other meanwhile.
  for (const [data, text] of [
    ['b', 'a b'],
    ['c', 'a b c'],
    ['d', 'a b c d'],
  ] as const) {
    await publish(data)
    await shows(seen, `${text} | 0`)
  }
  expect([page.text, page.unasked]).toEqual(['a | 1', 1])
  page.hide(false)
  await shows(page, 'a b c d | 1')
  expect(page.unasked).toBe(2)
  await publish('e')
  await shows(page, 'a b c d e | 1')
})

test('when the time is over, a hidden page gets what was held back', async () => {
  const { page, publish } = await start({ limits: { hiddenPatchTime: 1_000 } })
  await hidden(page)
  await publish('a', 'b', 'c')
  await shows(page, 'a b c | 1')
  expect(page.unasked).toBe(2)
})

test('a page that is hidden after a change was held back waits, too', async () => {
  const { page, publish } = await start({ limits: { hiddenPatchTime: 600_000, patchRate: 1 } })
  await publish('a')
  await shows(page, 'a | 0')
  await publish('b')
  page.hide()
  await publish('c')
  // A page that is seen would have it by then.
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(page.text).toBe('a | 0')
  page.hide(false)
  await shows(page, 'a b c | 0')
})

test('an answer goes at once to a hidden page, with what was held back before it', async () => {
  const { page, publish } = await start(NEVER)
  await hidden(page)
  await publish('a')
  await shows(page, 'a | 1')
  await publish('b')
  expect(page.text).toBe('a | 1')
  page.event('click')
  await until('the answer', () => page.waiting === 0)
  expect(page.text).toBe('a b | 2')
})

test('what is pushed waits with its change, and comes after it, once', async () => {
  const { page, publish } = await start(NEVER)
  await hidden(page)
  await publish('a')
  await shows(page, 'a | 1')
  await publish({ id: 1 }, 'b', { id: 2 })
  expect([page.text, page.pushes]).toEqual(['a | 1', []])
  page.hide(false)
  await shows(page, 'a pushed b pushed | 1')
  expect(page.pushes).toEqual([
    ['pushed', { id: 1 }],
    ['pushed', { id: 2 }],
  ])
})

test('what was held back is not lost with the connection, and a page that comes back hidden is hidden', async () => {
  const { page, publish, site } = await start(NEVER)
  await hidden(page)
  await publish('a')
  await shows(page, 'a | 1')
  await publish({ id: 1 })
  page.cut()
  await until('the page to be back', () => page.resumes === 1 && page.text === 'a pushed | 1')
  expect(page.pushes).toEqual([['pushed', { id: 1 }]])
  await publish('b', 'c')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(page.text).toBe('a pushed | 1')
  page.hide(false)
  await shows(page, 'a pushed b c | 1')
  expect(site.loom.stats().components).toBe(1)
})

test('each component of a connection is held back, and no other page', async () => {
  const { site, name, page, publish } = await start(NEVER)
  await hidden(page)
  const other = await pageOf(site, name)
  await publish('a', 'b', 'c')
  await shows(other, 'a b c | 0')
  expect(page.text).toBe('a | 1')
})

test('a page that says hidden and seen a thousand times goes on, and what it said last counts', async () => {
  const { page, publish } = await start(NEVER)
  for (let time = 0; time < 1_000; time++) page.hide(time % 2 === 0)
  await publish('a', 'b')
  await shows(page, 'a b | 0')
  expect(page.closedWith).toEqual([])
})

describe('of a shared component', () => {
  async function shared(options: LoomOptions) {
    const site = await Site.start(options)
    const handled: Handled = { count: 0, clicks: 0 }
    const module = room(site.loom, handled)
    const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
    await hidden(page)
    await shows(other, ' | 1')
    const publish = async (...data: unknown[]): Promise<void> => {
      for (const one of data) {
        const before = handled.count
        await site.loom.publish('room', one)
        await until('the message to be handled', () => handled.count > before)
      }
    }
    return { site, page, other, publish, handled }
  }

  test('a page that is hidden is held back, and no other; all comes at once when it is seen', async () => {
    const { page, other, publish } = await shared(NEVER)
    await publish('a')
    await Promise.all([shows(page, 'a | 1'), shows(other, 'a | 1')])
    const { unasked } = page
    await publish('b', { id: 1 }, 'c')
    await shows(other, 'a b pushed c | 1')
    // An event of another page is no answer for this one.
    other.event('click')
    await shows(other, 'a b pushed c | 2')
    expect([page.text, page.unasked, page.pushes]).toEqual(['a | 1', unasked, []])
    page.hide(false)
    await shows(page, 'a b pushed c | 2')
    expect([page.pushes, other.pushes]).toEqual([[['pushed', { id: 1 }]], [['pushed', { id: 1 }]]])
    await publish('d')
    await shows(page, 'a b pushed c d | 2')
  })

  test('an answer comes at once, with what was held back before it', async () => {
    const { page, publish } = await shared(NEVER)
    await publish('a')
    await shows(page, 'a | 1')
    await publish('b')
    page.event('click')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('a b | 2')
  })

  test('when the time is over, it comes', async () => {
    const { page, publish } = await shared({ limits: { hiddenPatchTime: 300 } })
    await publish('a')
    await shows(page, 'a | 1')
    await publish('b', 'c')
    await shows(page, 'a b c | 1')
  })

  test('what was held back is not lost with the connection, and what is much comes as the tree', async () => {
    const { page, other, publish } = await shared(NEVER)
    await publish('a')
    await shows(page, 'a | 1')
    await publish('b')
    await shows(other, 'a b | 1')
    page.cut()
    await until('the page to be back', () => page.resumes === 1 && page.text === 'a b | 1')
    const much = 'x'.repeat(100_000)
    for (const one of ['c', much, 'd']) await publish(one)
    await shows(other, `a b c ${much} d | 1`)
    page.hide(false)
    await shows(page, `a b c ${much} d | 1`)
    expect(page.resets).toBe(0)
  })

  test('close answers what waits, also of a page that is hidden', async () => {
    const { site, page, publish, handled } = await shared(NEVER)
    await publish('a', 'b')
    const { clicks } = handled
    let goOn = (): void => undefined
    handled.gate = new Promise((resolve) => (goOn = resolve))
    page.event('click')
    await until('the event to arrive', () => handled.clicks > clicks)
    const closed = site.loom.close()
    goOn()
    await closed
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('a b | 2')
  })
})

test('what is neither hidden nor seen is a message that is none', async () => {
  const { page } = await start({ limits: { invalidMessages: 3 } })
  for (const wrong of [2, -1, true, 'hidden']) page.send(['h', wrong])
  await until('the connection to be closed', () => page.closedWith.length > 0)
  expect(page.closedWith).toEqual([1008])
})

test('classic clients have no such message', async () => {
  const site = await Site.start({ limits: { invalidMessages: 1 } })
  const client = await site.live(counter(site.loom))
  expect(client.socket.protocol).toBe('')
  client.send('["h",1]')
  client.send('{"type":"hidden","id":"c0"}')
  expect(await client.closeCode()).toBe(1008)
  expect(client.socket.readyState).toBe(WebSocket.CLOSED)
})
