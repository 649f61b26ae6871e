import { html, LiveSocket, LoomError, StartError, type EventMessage, type SocketMessage } from 'loom-live'
import { counter, Site, testLoom } from '../support/site'
import { Gate, turn, until, within } from '../support/until'

const event = (handler: string, special_vars: EventMessage['special_vars'] = {}): EventMessage => ({
  type: 'event',
  handler,
  event: 'click',
  special_vars,
})

function setup(options?: Parameters<typeof testLoom>[0]) {
  const { loom, log } = testLoom(options)
  const gates: Gate[] = []
  const signals: AbortSignal[] = []
  const module = loom.register('counter', {
    props: { count: 0 },
    handle: {
      increment: ({ count }) => ({ count: count + 1 }),
      async wait({ count }, _, { signal }) {
        signals.push(signal)
        const gate = new Gate()
        gates.push(gate)
        await gate.promise
        return { count: count + 10 }
      },
      leave(_, __, ctx) {
        ctx.redirect('/out')
      },
      boom() {
        throw new Error('boom')
      },
    },
    render({ count }) {
      if (count < 0) throw new Error('negative')
      return html`<b>${count}</b>`
    },
  })
  const messages: SocketMessage[] = []
  const start = (propsJson = '{"count":1}', id = 'x') =>
    loom.start(id, (message) => void messages.push(message), module, propsJson)
  return { loom, log, module, messages, start, gates, signals }
}

test('renders first, then answers each event, and shows its state', async () => {
  const { messages, start } = setup()
  const socket = await start()
  expect(socket).toBeInstanceOf(LiveSocket)
  expect([socket.id, socket.module]).toEqual(['x', 'counter'])
  socket.send(event('increment'))
  expect(await socket.state()).toEqual({
    id: 'x',
    module: 'counter',
    propsJson: '{"count":2}',
    treeJson: '{"s":["<b>","</b>"],"d":["2"]}',
  })
  expect(messages).toEqual([
    { type: 'trees', id: 'x', s: ['<b>', '</b>'], d: ['1'] },
    { type: 'patch', id: 'x', d: { 0: '2' } },
  ])
})

test('a state is taken between events', async () => {
  const { start, gates } = setup()
  const socket = await start()
  const states = [socket.state()]
  socket.send(event('increment'))
  states.push(socket.state())
  socket.send(event('wait'))
  states.push(socket.state())
  socket.send(event('increment'))
  states.push(socket.state())
  const gate = await until('the handler to run', () => gates[0])
  expect((await states[1])?.propsJson).toBe('{"count":2}')
  gate.open()
  const props = (await Promise.all(states)).map(({ propsJson }) => propsJson)
  expect(props).toEqual(['{"count":1}', '{"count":2}', '{"count":12}', '{"count":13}'])
})

test('every event is answered in its turn: patches, errors, redirects', async () => {
  const { messages, start, log } = setup()
  const socket = await start()
  for (const handler of ['increment', 'boom', 'leave', 'nowhere', 'increment']) socket.send(event(handler))
  await socket.state()
  expect(messages.slice(1)).toEqual([
    { type: 'patch', id: 'x', d: { 0: '2' } },
    { type: 'error', id: 'x', error: expect.stringContaining('boom') as string },
    { type: 'patch', id: 'x', d: {} },
    { type: 'redirect', url: '/out' },
    { type: 'error', id: 'x', error: expect.stringContaining('nowhere') as string },
    { type: 'patch', id: 'x', d: { 0: '3' } },
  ])
  await until('the log', () => log.errors.length + log.warnings.length >= 2)
  // Each is told once, and in development a handler that nobody has is a mistake like others.
  expect(log.errors.length + log.warnings.length).toBe(2)
  expect(log.errors[0]).toContain('boom')
  expect(log.all).toContain('nowhere')
})

test('where the first render fails, start rejects, nothing was sent, and no actor is left behind', async () => {
  const { loom, messages, start } = setup()
  const starting = start('{"count":-1}')
  await expect(starting).rejects.toBeInstanceOf(StartError)
  await expect(starting).rejects.toMatchObject({ code: 'LOOM_START', name: 'StartError' })
  await expect(starting).rejects.toThrow('negative')
  expect(messages).toEqual([])
  await until('the actor to end', () => loom.stats().components === 0)
  expect(await start()).toBeInstanceOf(LiveSocket)
})

test.each([
  '',
  '{',
  'undefined',
  'null',
  '[]',
  '7',
  '"x"',
  '{"a":1}}',
  '{"__proto__":{"count":1}}',
  '{"a":{"__proto__":1}}',
])('props that are no JSON of an object are a StartError: %s', async (propsJson) => {
  const { loom, messages, start } = setup()
  await expect(start(propsJson)).rejects.toMatchObject({
    code: expect.stringMatching(/^LOOM_(START|ARGUMENT)$/) as string,
  })
  expect(messages).toEqual([])
  expect(loom.stats().components).toBe(0)
})

test.each([
  ['members that are numbers, not in order', '{"b":"x","10":"y","9":"z"}', '{"9":"z","10":"y","b":"new"}'],
  ['a member named twice', '{"b":"x","b":"y"}', '{"b":"new"}'],
  ['numbers and texts written in another way', ' { "a" : 1.0e2 , "b" : "\\u0041" } ', '{"a":100,"b":"new"}'],
])('propsJson may have %s', async (_, propsJson, after) => {
  const { loom } = testLoom()
  const module = loom.register<Record<string, unknown>>('any', {
    props: {},
    handle: { set: (props) => ({ ...props, b: 'new' }) },
    render: (props) => html`${JSON.stringify(props)}`,
  })
  const socket = await loom.start('x', () => undefined, module, propsJson)
  expect((await socket.state()).propsJson).toBe(JSON.stringify(JSON.parse(propsJson)))
  socket.send(event('set'))
  expect((await socket.state()).propsJson).toBe(after)
})

test('stop drops what is queued, aborts what runs, and nothing more is sent', async () => {
  const { loom, messages, start, gates, signals } = setup()
  const socket = await start()
  socket.send(event('wait'))
  socket.send(event('increment'))
  const state = socket.state()
  state.catch(() => undefined)
  const gate = await until('the handler to run', () => gates[0])
  socket.stop()
  await expect(state).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
  await until('the handler to be told', () => signals[0]?.aborted === true)
  gate.open()
  await until('the actor to end', () => {
    const { components, callsInFlight, queuedEvents } = loom.stats()
    return components + callsInFlight + queuedEvents === 0
  })
  await turn()
  expect(messages).toHaveLength(1)
})

test('a stopped socket takes nothing more', async () => {
  const { start } = setup()
  const socket = await start()
  socket.stop()
  socket.stop()
  expect(() => {
    socket.send(event('increment'))
  }).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as Error)
  await expect(socket.state()).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
  await expect(socket.state()).rejects.toBeInstanceOf(LoomError)
})

test('one socket’s failure is no other’s business', async () => {
  const { loom, start, gates } = setup()
  const [one, two] = [await start('{"count":1}', 'x'), await start('{"count":100}', 'x')]
  one.send(event('wait'))
  two.send(event('boom'))
  two.send(event('increment'))
  expect((await two.state()).propsJson).toBe('{"count":101}')
  one.stop()
  two.send(event('increment'))
  expect((await two.state()).propsJson).toBe('{"count":102}')
  expect(loom.stats().components).toBe(1)
  gates[0]?.open()
})

test('an owner whose callback throws harms nobody', async () => {
  const { loom, log, module, start } = setup()
  const throwing = await loom.start(
    'y',
    () => {
      throw new Error('owner')
    },
    module,
    '{"count":5}',
  )
  const socket = await start()
  throwing.send(event('increment'))
  socket.send(event('increment'))
  expect((await throwing.state()).propsJson).toBe('{"count":6}')
  expect((await socket.state()).propsJson).toBe('{"count":2}')
  await until('the log', () => log.errors.length > 0)
  expect(log.errors.join()).toContain('owner')
})

test('a socket may send and stop from its own callback', async () => {
  const { loom, module } = setup()
  const ended = new Gate()
  const socket = await loom.start(
    'x',
    (message) => {
      if (message.type !== 'patch') return
      if (message.d['0'] === '5') {
        socket.stop()
        ended.open()
      } else {
        socket.send(event('increment'))
      }
    },
    module,
    '{"count":0}',
  )
  socket.send(event('increment'))
  await within('five events', ended.promise)
  await until('the actor to end', () => loom.stats().components === 0)
})

test('events beyond the queue are answered with an error', async () => {
  const { messages, start, gates } = setup({ limits: { queuedEvents: 2 } })
  const socket = await start()
  socket.send(event('wait'))
  const gate = await until('the handler to run', () => gates[0])
  for (let count = 0; count < 5; count++) socket.send(event('increment'))
  gate.open()
  await until('all answers', () => messages.length === 7)
  expect(messages.map(({ type }) => type)).toEqual(['trees', 'patch', 'patch', 'patch', 'error', 'error', 'error'])
  socket.send(event('increment'))
  expect((await socket.state()).propsJson).toBe('{"count":14}')
})

test('a state can be asked for however many events wait', async () => {
  const { start, gates } = setup({ limits: { queuedEvents: 2 } })
  const socket = await start()
  socket.send(event('wait'))
  const gate = await until('the handler to run', () => gates[0])
  socket.send(event('increment'))
  socket.send(event('increment'))
  const state = socket.state()
  state.catch(() => undefined)
  gate.open()
  expect((await state).propsJson).toBe('{"count":13}')
})

test('a thousand sockets', async () => {
  const { loom, module } = setup()
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => loom.start(`x${index}`, () => undefined, module, `{"count":${index}}`)),
  )
  expect(loom.stats().components).toBe(1000)
  for (const socket of sockets) socket.send(event('increment'))
  const states = await Promise.all(sockets.map((socket) => socket.state()))
  expect(states.map(({ id, propsJson }) => [id, propsJson])).toEqual(
    sockets.map((_, index) => [`x${index}`, `{"count":${index + 1}}`]),
  )
  for (const socket of sockets) socket.stop()
  await until('all to end', () => loom.stats().components === 0)
})

test('a handler of a socket without a connection has an empty request', async () => {
  const { loom } = testLoom()
  let request: unknown
  loom.register('ask', {
    props: {},
    handle: { go: (_, __, ctx) => void (request = ctx.request) },
    render: () => html``,
  })
  const socket = await loom.start('x', () => undefined, 'ask', '{}')
  socket.send(event('go'))
  await socket.state()
  expect(request).toEqual({ url: '', headers: {}, cookies: {}, address: '' })
})

test('arguments are checked', async () => {
  const { loom, module, start } = setup()
  const noop = () => undefined
  await expect(loom.start('', noop, module, '{}')).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  await expect(loom.start('x', 'f' as never, module, '{}')).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  await expect(loom.start('x', noop, 'nowhere', '{}')).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  await expect(loom.start('x', noop, module, {} as never)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  const socket = await start()
  for (const message of [
    undefined,
    {},
    { type: 'leave' },
    { type: 'event', event: 'click' },
    { type: 'event', handler: 'increment' },
    { type: 'event', handler: 1, event: 'click' },
    event('increment', { value: 1 as never }),
    event('increment', { checked: 'yes' as never }),
    event('increment', { key: {} as never }),
    { ...event('increment'), special_vars: null },
    { ...event('increment'), special_vars: 'x' },
  ]) {
    expect(() => {
      socket.send(message as EventMessage)
    }).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT', name: 'LoomError' }) as Error)
  }
  expect((await socket.state()).propsJson).toBe('{"count":1}')
})

test('sockets and pages share modules and not states', async () => {
  const site = await Site.start()
  const module = counter(site.loom)
  const client = await site.live(module, { count: 1 })
  const socket = await site.loom.start('c0', () => undefined, module, '{"count":50}')
  socket.send(event('increment'))
  expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
  expect((await socket.state()).propsJson).toBe('{"count":51}')
})
