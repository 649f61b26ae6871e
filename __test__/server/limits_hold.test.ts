import { createLoom, html, type Limits, type LoomOptions } from 'loom-live'
import { frame } from '../support/client'
import { counter, SECRET, Site, testLoom, TRANSPORTS } from '../support/site'
import { Gate, until } from '../support/until'

const EVENT = { type: 'event', id: 'c0', event: 'input' }

/** An event message of exactly that many bytes. */
function eventOf(bytes: number): string {
  const empty = JSON.stringify({ ...EVENT, handler: 'measure', special_vars: { value: '' } })
  return empty.replace('"value":""', `"value":"${'x'.repeat(bytes - empty.length)}"`)
}

async function measuring(options: Parameters<typeof Site.start>[0] = {}) {
  const site = await Site.start(options)
  const module = site.loom.register('measuring', {
    props: { length: 0 },
    handle: { measure: (_, { value = '' }) => ({ length: value.length }) },
    render: ({ length }) => html`<b>${length}</b>`,
  })
  return { site, client: await site.live(module), bystander: await site.live(module) }
}

describe.each(TRANSPORTS)('over %s', (over) => {
  test('a message of 1 MiB is taken; 1 MiB + 1 closes the connection with 1009, and no other', async () => {
    const { site, client, bystander } = await measuring({ over })
    client.send(eventOf(1 << 20))
    await until('the answer', () => client.messages.at(-1)?.type === 'patch')
    expect(client.html('c0')).toMatch(/^<b>1048\d\d\d<\/b>$/)
    client.send(eventOf((1 << 20) + 1))
    expect(await client.closeCode()).toBe(1009)
    expect(await bystander.shows('c0', 'measure', { value: 'abc' })).toBe('<b>3</b>')
    await until('the connection to be gone', () => site.loom.stats().connections === 1)
    expect(site.loom.stats()).toMatchObject({ components: 1, events: 2 })
  })

  test('fragments count together, and a length is refused before its bytes come', async () => {
    const { client, bystander } = await measuring({ over, limits: { messageBytes: 1000 } })
    client.write(frame(Buffer.alloc(600, 'x'), { fin: false }))
    client.write(frame(Buffer.alloc(600, 'x'), { opcode: 0 }))
    expect(await client.closeCode()).toBe(1009)
    bystander.write(frame(Buffer.from('{'), { size: 2 ** 31 }))
    expect(await bystander.closeCode()).toBe(1009)
  })
})

test('10,000 joins on one connection: 100 components, an error for each other join, and all goes on', async () => {
  const site = await Site.start()
  const module = counter(site.loom)
  const client = await site.connect()
  const bystander = await site.live(module)
  const token = await site.token(module)
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, index) => client.join(`c${index}`, 'counter', token)),
  )
  expect(answers.slice(0, 100).every(({ type }) => type === 'trees')).toBe(true)
  expect(answers.slice(100).every(({ type }) => type === 'error')).toBe(true)
  expect(site.loom.stats().components).toBe(101)
  expect(await client.shows('c99', 'increment')).toBe('<b>1</b>')
  expect(await bystander.shows('c0', 'increment')).toBe('<b>1</b>')
  client.leave('c0')
  expect(await client.joined('c100', 'counter', token)).toBe('<b>0</b>')
  expect(await client.join('c101', 'counter', token)).toMatchObject({ type: 'error' })
  await client.close()
  await until('its actors to end', () => site.loom.stats().components === 1)
}, 30_000)

test('events beyond the queue fail, each in its turn', async () => {
  const site = await Site.start({ limits: { queuedEvents: 3 } })
  const gate = new Gate()
  const module = site.loom.register('gated', {
    props: { text: '' },
    handle: {
      wait: () => gate.promise,
      add: ({ text }, { value = '' }) => ({ text: text + value }),
    },
    render: ({ text }) => html`<b>${text}</b>`,
  })
  const client = await site.live(module)
  await client.joined('c1', 'gated', await site.token(module))
  const events = [client.event('c0', 'wait')]
  await until('the handler to run', () => site.loom.stats().callsInFlight === 1)
  for (const value of 'abcdef') events.push(client.event('c0', 'add', { value }))
  expect(await client.shows('c1', 'add', { value: 'x' })).toBe('<b>x</b>')
  expect(site.loom.stats().queuedEvents).toBe(3)
  gate.open()
  const answers = await Promise.all(events)
  expect(answers.map(({ type }) => type)).toEqual(['patch', 'patch', 'patch', 'patch', 'error', 'error', 'error'])
  expect(client.html('c0')).toBe('<b>abc</b>')
  expect(await client.shows('c0', 'add', { value: 'g' })).toBe('<b>abcg</b>')
})

test('a queue of calls that is full makes events wait and loses none', async () => {
  const site = await Site.start({ limits: { waitingCalls: 1 } })
  const module = counter(site.loom)
  const clients = await Promise.all(Array.from({ length: 5 }, () => site.connect()))
  const token = await site.token(module)
  const ids = ['c0', 'c1', 'c2', 'c3']
  await Promise.all(clients.flatMap((client) => ids.map((id) => client.joined(id, 'counter', token))))
  await Promise.all(
    clients.flatMap((client) => ids.flatMap((id) => Array.from({ length: 25 }, () => client.event(id, 'increment')))),
  )
  for (const client of clients) for (const id of ids) expect(client.html(id)).toBe('<b>25</b>')
})

test('without room for parsed props the results are the same', async () => {
  const site = await Site.start({ limits: { propsCacheBytes: 1 } })
  const module = site.loom.register('rows', {
    props: { rows: ['first'] },
    handle: {
      add: (props, { value = '' }) => void props.rows.push(value),
      fail: (props) => {
        props.rows.length = 0
        throw new Error('no')
      },
    },
    render: ({ rows }) => html`${rows.join()}`,
  })
  const client = await site.live(module)
  expect(await client.shows('c0', 'add', { value: 'second' })).toBe('first,second')
  await client.fails('c0', 'fail')
  expect(await client.shows('c0', 'add', { value: 'third' })).toBe('first,second,third')
})

test('many components whose parsed props do not fit together keep what is theirs', async () => {
  const site = await Site.start({ limits: { propsCacheBytes: 2000 } })
  const module = counter(site.loom)
  const client = await site.connect()
  const token = await site.token(module, { count: 0, filler: 'x'.repeat(300) } as { count: number })
  const ids = Array.from({ length: 30 }, (_, index) => `c${index}`)
  await Promise.all(ids.map((id) => client.joined(id, 'counter', token)))
  for (let round = 0; round < 3; round++) await Promise.all(ids.map((id) => client.event(id, 'increment')))
  expect(ids.map((id) => client.html(id))).toEqual(ids.map(() => '<b>3</b>'))
})

test('an event whose names are too long is answered with an error, and the next one goes on', async () => {
  const site = await Site.start()
  const client = await site.live(counter(site.loom), { count: 0 })
  const long = 'x'.repeat(257)
  for (const [handler, key, event] of [
    [long, 'a', 'click'],
    ['increment', long, 'keydown'],
    ['increment', 'a', long],
  ] as const) {
    const answer = await client.event('c0', handler, { key }, event)
    expect(answer).toMatchObject({ type: 'error', error: expect.stringContaining('too long') as string })
  }
  expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  expect(site.log.all).not.toContain('xxxx')
})

test('a limit that is undefined is its default', async () => {
  const names = ['joins', 'components', 'parkTime', 'handlerTime', 'messageBytes', 'tokenAge'] as const
  const site = await Site.start({ limits: Object.fromEntries(names.map((name) => [name, undefined])) })
  const client = await site.connect()
  await client.joined('c0', 'counter', await site.token(counter(site.loom), { count: 0 }))
  await client.event('c0', 'increment')
  expect(client.html('c0')).toBe('<b>1</b>')
})

test('a page may be a month old', async () => {
  const site = await Site.start({ limits: { tokenAge: 31 * 86_400_000 } })
  const client = await site.connect()
  await client.joined('c0', 'counter', await site.token(counter(site.loom), { count: 0 }))
  expect(client.html('c0')).toBe('<b>0</b>')
})

test.each([
  ['an unknown name', { messages: 1 }],
  ['a fraction of a thing', { joins: 0.5 }],
  ['zero', { components: 0 }],
  ['a negative number', { queuedEvents: -1 }],
  ['NaN', { handlerTime: NaN }],
  ['Infinity', { tokenAge: Infinity }],
  ['a string', { messageBytes: '1MB' }],
  ['null', { messageBytes: null }],
] as [string, unknown][])('limits are checked: %s', (_, limits) => {
  const make = () => createLoom({ secret: SECRET, limits: limits as Partial<Limits> })
  expect(make).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT', name: 'LoomError' }) as Error)
  expect(make).toThrow(/^Expected .* for .* but received /)
})

test.each([
  ['path without a slash', { path: 'loom' }],
  ['path with a quote', { path: '/lo"om' }],
  ['path with a slash at the end', { path: '/loom/' }],
  ['development', { development: 'yes' }],
  ['bind', { bind: 'cookie' }],
  ['origin', { origin: 'https://example.org' }],
  ['origin, with a slash at the end', { origin: ['https://example.org/'] }],
  ['origin, a host', { origin: ['example.org'] }],
  ['origin, with the default port', { origin: ['https://example.org:443'] }],
  ['origin, no text', { origin: [/example/] }],
  ['transport', { transport: 'quic' }],
  ['logger', { logger: {} }],
  ['limits', { limits: 7 }],
  ['trustProxy', { trustProxy: 'nonsense' }],
  ['trustProxy, an object', { trustProxy: {} }],
  ['an unknown name', { trustproxy: true }],
  ['store, a file that cannot be', { store: { sqlite: '/nowhere/at/all/states.sqlite' } }],
] as [string, object][])('options are checked: %s', (_, options) => {
  const make = () => createLoom({ secret: SECRET, ...(options as LoomOptions) })
  expect(make).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT', name: 'LoomError' }) as Error)
})

test('options are an object, and a request is one', async () => {
  for (const options of [null, 7, []]) {
    expect(() => createLoom(options as LoomOptions)).toThrow(
      expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error,
    )
  }
  const { loom } = testLoom({
    origin: ['https://example.org', 'http://localhost:5173', 'capacitor://localhost', 'null'],
  })
  counter(loom)
  await expect(loom.mount('counter', {}, { request: '/page' as never })).rejects.toMatchObject({
    code: 'LOOM_ARGUMENT',
  })
})
