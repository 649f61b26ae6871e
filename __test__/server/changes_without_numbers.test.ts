/**
 * Classic clients and `loom.start`: an unasked change is sent as a `patch` only while the component has no event without
 * an answer; else it merges into the next answer.
 */

import { html, type Loom, type Message, StartError, type SocketMessage } from 'loom-live'
import { Site, testLoom } from '../support/site'
import { Gate, until } from '../support/until'

/** Handles an event when the test lets it, and shows what it got of a topic. */
function setup(loom: Loom) {
  const gates: Gate[] = []
  const handled = { count: 0 }
  const module = loom.register('slow', {
    props: { clicks: 0, got: [] as unknown[] },
    connected: async (_, ctx) => ctx.subscribe('news', 'arrived'),
    handle: {
      async click(props) {
        const gate = new Gate()
        gates.push(gate)
        await gate.promise
        return { ...props, clicks: props.clicks + 1 }
      },
      fail() {
        throw new Error('no')
      },
    },
    receive: {
      arrived(props, { data }: Message, ctx) {
        handled.count += 1
        ctx.push('told', data)
        return { ...props, got: [...props.got, data] }
      },
    },
    render: ({ clicks, got }) => html`<p>${clicks}: ${got.join(' ')}</p>`,
  })
  return { gates, handled, module }
}

/** The gate of that handler, when it runs. */
const running = (gates: Gate[], index: number): Promise<Gate> => until('the handler to run', () => gates[index])

describe('a classic client', () => {
  async function start() {
    const site = await Site.start()
    const { gates, handled, module } = setup(site.loom)
    const client = await site.live(module)
    return { site, gates, handled, client }
  }

  test('gets a change that no event asked for as a patch', async () => {
    const { site, client } = await start()
    await site.loom.publish('news', 'a')
    await until('the patch', () => client.html('c0') === '<p>0: a</p>')
    await site.loom.publish('news', 'b')
    await until('the patch', () => client.html('c0') === '<p>0: a b</p>')
    expect(client.unexpected.map(({ type }) => type)).toEqual(['patch', 'patch'])
  })

  test('gets one answer for each event, and what came meanwhile in them', async () => {
    const { site, client, gates, handled } = await start()
    const first = client.event('c0', 'click')
    const gate = await running(gates, 0)
    await site.loom.publish('news', 'a')
    const second = client.event('c0', 'click')
    await until('the second event to wait', () => site.loom.stats().queuedEvents === 1)
    gate.open()
    expect((await first).type).toBe('patch')
    const next = await running(gates, 1)
    await until('the message to be handled', () => handled.count === 1)
    // The second event has no answer yet: what was said now would be taken for it.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([client.html('c0'), client.unexpected]).toEqual(['<p>1: </p>', []])
    next.open()
    expect((await second).type).toBe('patch')
    expect([client.html('c0'), client.unexpected]).toEqual(['<p>2: a</p>', []])
  })

  test('gets what came before an event that fails after its error', async () => {
    const { site, client, gates, handled } = await start()
    const first = client.event('c0', 'click')
    const gate = await running(gates, 0)
    await site.loom.publish('news', 'a')
    const second = client.event('c0', 'fail')
    await until('the second event to wait', () => site.loom.stats().queuedEvents === 1)
    gate.open()
    expect([(await first).type, (await second).type]).toEqual(['patch', 'error'])
    await until('the message to be handled', () => handled.count === 1)
    await until('the change', () => client.html('c0') === '<p>1: a</p>')
  })

  test('gets no push', async () => {
    const { site, client } = await start()
    await site.loom.publish('news', 'a')
    await until('the patch', () => client.html('c0') === '<p>0: a</p>')
    expect(client.messages.map(({ type }) => type)).toEqual(['trees', 'patch'])
  })
})

describe('a live socket of loom.start', () => {
  async function start() {
    const { loom, log } = testLoom()
    const { gates, handled, module } = setup(loom)
    const messages: SocketMessage[] = []
    const socket = await loom.start('s', (message) => void messages.push(message), module, '{"clicks":0,"got":[]}')
    const click = (): void => {
      socket.send({ type: 'event', handler: 'click', event: 'click' })
    }
    return { loom, log, gates, handled, messages, socket, click }
  }

  test('calls connected, and gets changes that no event asked for', async () => {
    const { loom, messages } = await start()
    await loom.publish('news', 'a')
    await until('the patch', () => messages.length === 2)
    expect(messages).toEqual([
      { type: 'trees', id: 's', s: ['<p>', ': ', '</p>'], d: ['0', ''] },
      { type: 'patch', id: 's', d: { 1: 'a' } },
    ])
  })

  test('gets one answer for each event, and what came meanwhile in them', async () => {
    const { loom, gates, handled, messages, click } = await start()
    click()
    const gate = await running(gates, 0)
    await loom.publish('news', 'a')
    click()
    gate.open()
    const next = await running(gates, 1)
    expect(handled.count).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(messages.slice(1)).toEqual([{ type: 'patch', id: 's', d: { 0: '1' } }])
    next.open()
    await until('the second answer', () => messages.length === 3)
    expect(messages[2]).toEqual({ type: 'patch', id: 's', d: { 0: '2', 1: 'a' } })
    await loom.publish('news', 'b')
    await until('the patch', () => messages.length === 4)
    expect(messages[3]).toEqual({ type: 'patch', id: 's', d: { 1: 'a b' } })
  })

  test('what connected gives is in the first render; authorize is not asked, and mount is not called', async () => {
    const { loom } = testLoom()
    const seen: unknown[] = []
    loom.register('started', {
      props: { count: 0 },
      mount: () => void seen.push('mount'),
      authorize: () => {
        seen.push('authorize')
        return false
      },
      connected({ count }, { revived, behind, request, topics }) {
        seen.push({ revived, behind, url: request.url, topics })
        return { count: count + 1 }
      },
      handle: {},
      receive: {},
      render: ({ count }) => html`<p>${count}</p>`,
    })
    const messages: SocketMessage[] = []
    const socket = await loom.start('s', (message) => void messages.push(message), 'started', '{"count":5}')
    expect((await socket.state()).propsJson).toBe('{"count":6}')
    expect(messages).toEqual([{ type: 'trees', id: 's', s: ['<p>', '</p>'], d: ['6'] }])
    expect(seen).toEqual([{ revived: false, behind: false, url: '', topics: [] }])
  })

  test('rejects if connected throws, at once or later, and leaves nothing behind', async () => {
    const { loom } = testLoom()
    for (const [name, connected] of [
      ['at once', () => fail()],
      ['later', () => Promise.resolve().then(fail)],
    ] as const) {
      loom.register(name, { props: {}, connected, handle: {}, render: () => html`x` })
      await expect(loom.start('s', () => undefined, name, '{}')).rejects.toThrow(StartError)
    }
    await until('the actors to end', () => loom.stats().components === 0)
  })
})

function fail(): never {
  throw new Error('not now')
}
