import { createServer } from 'node:http'
import { html, type EventMessage } from 'loom-live'
import { Client } from '../support/client'
import { counter, Site, testLoom, TRANSPORTS } from '../support/site'
import { Gate, until, within } from '../support/until'

async function slowSite(options: Parameters<typeof Site.start>[0] = {}) {
  const site = await Site.start(options)
  const gates: Gate[] = []
  const signals: AbortSignal[] = []
  const module = site.loom.register('slow', {
    props: { text: '' },
    handle: {
      async wait({ text }, _, { signal }) {
        const gate = new Gate()
        gates.push(gate)
        signals.push(signal)
        await gate.promise
        return { text: `${text}w` }
      },
      add: ({ text }, { value = '' }) => ({ text: text + value }),
    },
    render: ({ text }) => html`<b>${text}</b>`,
  })
  return { site, module, gates, signals }
}

describe.each(TRANSPORTS)('over %s', (over) => {
  test('what was sent is answered, then the connection closes with 1012, and all is gone', async () => {
    const { site, module, gates } = await slowSite({ over })
    const client = await site.live(module)
    const idle = await site.live(module)
    const events = [client.event('c0', 'wait'), client.event('c0', 'add', { value: 'a' }), client.event('c0', 'wait')]
    await until('the events to arrive', () => site.loom.stats().queuedEvents === 2)
    let closed = false
    const closing = site.loom.close().then(() => (closed = true))
    expect(await idle.closeCode()).toBe(1012)
    expect(closed).toBe(false)
    gates[0]?.open()
    const second = await until('the second handler to run', () => gates[1])
    second.open()
    const answers = await Promise.all(events)
    expect(answers.map(({ type }) => type)).toEqual(['patch', 'patch', 'patch'])
    expect(client.html('c0')).toBe('<b>waw</b>')
    expect(await client.closeCode()).toBe(1012)
    await within('close() to resolve', closing)
    expect(site.loom.stats()).toMatchObject({ connections: 0, components: 0, queuedEvents: 0, callsInFlight: 0 })
  })

  test('what has not ended in time is cut off', async () => {
    const { site, module, signals } = await slowSite({ over })
    const client = await site.live(module)
    client.event('c0', 'wait').catch(() => undefined)
    await until('the handler to run', () => signals.length === 1)
    await within('close() to resolve', site.loom.close({ timeout: 20 }))
    await until('the handler to be told', () => signals[0]?.aborted === true)
    expect(await client.closeCode()).toBe(1012)
    expect(site.loom.stats()).toMatchObject({ connections: 0, components: 0 })
  })
})

test('a hundred connections close', async () => {
  const { site, module } = await slowSite()
  const clients = await Promise.all(Array.from({ length: 100 }, () => site.live(module)))
  const answers = clients.map((client) => client.event('c0', 'add', { value: 'x' }))
  await Promise.all(answers)
  await site.loom.close()
  expect(await Promise.all(clients.map((client) => client.closeCode()))).toEqual(clients.map(() => 1012))
})

test('live sockets of the application finish what was sent, and then have stopped', async () => {
  const { loom } = testLoom()
  const module = counter(loom)
  const answers: string[] = []
  const socket = await loom.start('x', ({ type }) => void answers.push(type), module, '{"count":0}')
  const event: EventMessage = { type: 'event', handler: 'increment', event: 'click' }
  for (let count = 0; count < 10; count++) socket.send(event)
  await loom.close()
  expect(answers).toEqual(['trees', ...Array.from({ length: 10 }, () => 'patch')])
  expect(() => {
    socket.send(event)
  }).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as Error)
  await expect(socket.state()).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
})

test('a closed loom starts nothing, and says so', async () => {
  const { loom } = testLoom()
  const module = counter(loom)
  await loom.close()
  await loom.close()
  expect(() => {
    loom.attach(createServer())
  }).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as Error)
  await expect(loom.start('x', () => undefined, module, '{"count":0}')).rejects.toMatchObject({ name: 'StartError' })
})

test('closing one loom leaves another on the same server alone', async () => {
  const first = testLoom({ path: '/first' })
  const second = testLoom({ path: '/second' })
  counter(first.loom)
  const module = counter(second.loom)
  const server = createServer()
  first.loom.attach(server)
  second.loom.attach(server)
  const site = await Site.of(second.loom, server)
  const client = await Client.open(site.url('/second/ws'))
  await client.joined('c0', 'counter', await site.token(module))
  await first.loom.close()
  expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  const later = await Client.open(site.url('/second/ws'))
  expect(await later.joined('c0', 'counter', await site.token(module))).toBe('<b>0</b>')
})

test('the HTTP server goes on', async () => {
  const site = await Site.start({ listener: (_, response) => response.end('application') })
  await site.live(counter(site.loom))
  await site.loom.close()
  const response = await fetch(site.origin, { headers: { connection: 'close' } })
  expect(await response.text()).toBe('application')
})

test.each([-1, NaN, '5' as unknown as number])('the timeout is checked: %p', (timeout) => {
  const { loom } = testLoom()
  expect(() => void loom.close({ timeout })).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
})
