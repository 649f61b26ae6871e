import { html } from 'loom-live'
import { frame } from '../support/client'
import { counter, Site, TRANSPORTS } from '../support/site'
import { until } from '../support/until'

const TOKEN = 'x'

/** Frames that are no message, by what is wrong with them. */
const INVALID: Record<string, string | Buffer> = {
  'invalid JSON: nothing': '',
  'invalid JSON: text': 'hello',
  'invalid JSON: cut off': '{"type":"event","id":"c0","handler":"boom"',
  'invalid JSON: more behind it': '{"type":"leave","id":"c0"}}',
  'invalid JSON: two messages': '{"type":"leave","id":"c0"}{"type":"leave","id":"c0"}',
  'invalid JSON: single quotes': "{'type':'leave','id':'c0'}",
  'invalid JSON: endless nesting': `{"type":"event","id":"c0","handler":"boom","event":"click","x":${'['.repeat(100_000)}`,
  'wrong type: of special_vars, nested deeply': `{"type":"event","id":"c0","handler":"boom","event":"click","special_vars":${'['.repeat(1000)}${']'.repeat(1000)}}`,
  'wrong type: null': 'null',
  'wrong type: a number': '7',
  'wrong type: a string': '"leave"',
  'wrong type: a list': '[{"type":"leave","id":"c0"}]',
  'wrong type: of type': '{"type":1,"id":"c0"}',
  'wrong type: of id, a number': '{"type":"leave","id":0}',
  'wrong type: of id, null': '{"type":"leave","id":null}',
  'wrong type: of id, a list': '{"type":"leave","id":["c0"]}',
  'wrong type: of module': `{"type":"join","id":"c0","module":["counter"],"token":"${TOKEN}"}`,
  'wrong type: of token': '{"type":"join","id":"c0","module":"counter","token":1}',
  'wrong type: of handler': '{"type":"event","id":"c0","handler":{"a":1},"event":"click","special_vars":{}}',
  'wrong type: of event': '{"type":"event","id":"c0","handler":"boom","event":1,"special_vars":{}}',
  'wrong type: of special_vars': '{"type":"event","id":"c0","handler":"boom","event":"click","special_vars":"x"}',
  'wrong type: of value': '{"type":"event","id":"c0","handler":"boom","event":"click","special_vars":{"value":1}}',
  'wrong type: of checked':
    '{"type":"event","id":"c0","handler":"boom","event":"click","special_vars":{"checked":"true"}}',
  'wrong type: of key': '{"type":"event","id":"c0","handler":"boom","event":"click","special_vars":{"key":13}}',
  'missing field: all': '{}',
  'missing field: type': '{"id":"c0"}',
  'missing field: id of a leave': '{"type":"leave"}',
  'missing field: id of an event': '{"type":"event","handler":"boom","event":"click","special_vars":{}}',
  'missing field: handler': '{"type":"event","id":"c0","event":"click","special_vars":{}}',
  'missing field: event': '{"type":"event","id":"c0","handler":"boom","special_vars":{}}',
  'missing field: id of a join': `{"type":"join","module":"counter","token":"${TOKEN}"}`,
  'missing field: module': `{"type":"join","id":"c0","token":"${TOKEN}"}`,
  'missing field: token': '{"type":"join","id":"c0","module":"counter"}',
  'unknown type': '{"type":"patch","id":"c0","d":{}}',
  'unknown type: inherited': '{"type":"constructor","id":"c0"}',
  'type in another case': '{"type":"LEAVE","id":"c0"}',
  '__proto__ instead of a message': '{"__proto__":{"type":"leave","id":"c0"}}',
  '__proto__ for a type': '{"type":"__proto__","id":"c0"}',
  'a very long id': `{"type":"join","id":"${'x'.repeat(100_000)}","module":"counter","token":"${TOKEN}"}`,
  'binary frame: bytes': Buffer.from([0, 1, 2, 255]),
  'binary frame: a message': Buffer.from('{"type":"leave","id":"c0"}'),
  'binary frame: empty': Buffer.alloc(0),
}

async function pair(over: (typeof TRANSPORTS)[number] = 'http, descriptor') {
  const site = await Site.start({ over })
  const module = counter(site.loom)
  const client = await site.live(module, { count: 1 })
  const bystander = await site.live(module, { count: 100 })
  return { site, module, client, bystander }
}

test.each(Object.keys(INVALID))('%s: ignored', async (name) => {
  const { site, client, bystander } = await pair()
  client.send(INVALID[name] as string | Buffer)
  expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
  expect(await bystander.shows('c0', 'increment')).toBe('<b>101</b>')
  expect(client.messages.map(({ type }) => type)).toEqual(['trees', 'patch'])
  expect(site.loom.stats()).toMatchObject({ connections: 2, components: 2, events: 2, errors: 0 })
})

test('members that no message has are ignored, __proto__ among them', async () => {
  const { client } = await pair()
  const answer = client.answer('c0', 'an event with more members')
  client.send(
    '{"__proto__":{"x":1},"constructor":{},"type":"event","id":"c0","handler":"increment","event":"click",' +
      '"special_vars":{"__proto__":{"value":"x"},"more":[]}}',
  )
  expect(await answer).toEqual({ type: 'patch', id: 'c0', d: { 0: '2' } })
  expect(({} as { x?: number }).x).toBeUndefined()
})

test('special_vars may be left out, and be null', async () => {
  const { client } = await pair()
  for (const vars of ['', ',"special_vars":null', ',"special_vars":{}', ',"special_vars":{"value":null}']) {
    const answer = client.answer('c0', `an event with ${vars}`)
    client.send(`{"type":"event","id":"c0","handler":"increment","event":"click"${vars}}`)
    expect(await answer).toMatchObject({ type: 'patch' })
  }
  expect(client.html('c0')).toBe('<b>5</b>')
})

test('an event or a leave for an id that is not joined is ignored: before the join, after the leave, another’s', async () => {
  const { site, module, client, bystander } = await pair()
  await bystander.joined('c9', 'counter', await site.token(module, { count: 50 }))
  const increment = (id: string) => ({ type: 'event', id, handler: 'increment', event: 'click', special_vars: {} })
  client.send(increment('c1'))
  client.send({ type: 'leave', id: 'c1' })
  client.send(increment('c9'))
  client.send({ type: 'leave', id: 'c9' })
  expect(await client.joined('c1', 'counter', await site.token(module))).toBe('<b>0</b>')
  expect(await client.shows('c1', 'increment')).toBe('<b>1</b>')
  client.leave('c1')
  client.send(increment('c1'))
  client.send({ type: 'leave', id: 'c1' })
  expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
  expect(await bystander.shows('c9', 'show')).toBe('<b>50</b>')
  expect(client.unexpected).toEqual([])
  await until('the component that left to end', () => site.loom.stats().components === 3)
})

test('a duplicate join stops the old actor, of which nothing comes any more', async () => {
  const site = await Site.start()
  let started = 0
  let ended = 0
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      increment: ({ count }) => ({ count: count + 1 }),
      never: (_, __, { signal }) =>
        new Promise<void>(() => {
          started += 1
          signal.addEventListener('abort', () => (ended += 1))
        }),
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const client = await site.live(module)
  const token = await site.token(module, { count: 10 })
  expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  const event = { type: 'event', id: 'c0', event: 'click', special_vars: {} }
  client.send({ ...event, handler: 'never' })
  client.send({ ...event, handler: 'increment' })
  // One that has not started never would.
  await until('the handler to run', () => started === 1)
  expect(await client.joined('c0', 'slow', token)).toBe('<b>10</b>')
  await until('the old handler to be told', () => ended === 1)
  expect(await client.shows('c0', 'increment')).toBe('<b>11</b>')
  expect(client.unexpected).toEqual([])
  expect(site.loom.stats()).toMatchObject({ components: 1, callsInFlight: 0, queuedEvents: 0 })
})

test('a join that fails stops the actor that had the id', async () => {
  const { site, client } = await pair()
  expect(await client.join('c0', 'nowhere', TOKEN)).toMatchObject({ type: 'error', id: 'c0' })
  await until('the old actor to end', () => site.loom.stats().components === 1)
})

test('a thousand joins of one id leave one actor', async () => {
  const { site, module, client } = await pair()
  const token = await site.token(module, { count: 5 })
  for (let times = 0; times < 1000; times++) client.send({ type: 'join', id: 'c1', module: 'counter', token })
  client.send({ type: 'join', id: 'c2', module: 'counter', token })
  await until('the last join', () => client.messages.some((message) => message.type === 'trees' && message.id === 'c2'))
  await until('the old actors to end', () => site.loom.stats().components === 4)
  expect(await client.shows('c1', 'increment')).toBe('<b>6</b>')
})

describe.each(TRANSPORTS)('over %s', (over) => {
  test('who keeps sending invalid messages is closed with 1008', async () => {
    const { site, client, bystander } = await pair(over)
    for (let count = 0; count < 16; count++) client.send(count % 2 === 0 ? 'x' : Buffer.from('x'))
    expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
    client.send('x')
    expect(await client.closeCode()).toBe(1008)
    expect(await bystander.shows('c0', 'increment')).toBe('<b>101</b>')
    await until('the connection to be gone', () => site.loom.stats().connections === 1)
    expect(site.loom.stats().components).toBe(1)
  })

  const BROKEN: [string, number, Buffer][] = [
    ['invalid UTF-8', 1007, frame(Buffer.from([0x22, 0xc3, 0x28, 0x22]))],
    ['invalid UTF-8: half a surrogate pair', 1007, frame(Buffer.from([0xed, 0xa0, 0x80]))],
    ['invalid UTF-8: cut off', 1007, frame(Buffer.from([0xe2, 0x82]))],
    ['a reserved bit', 1002, frame(Buffer.from('{}'), { reserved: 4 })],
    ['an unknown opcode', 1002, frame(Buffer.from('{}'), { opcode: 3 })],
    ['a ping that is too long', 1002, frame(Buffer.alloc(126), { opcode: 9 })],
    ['a fragmented ping', 1002, frame(Buffer.alloc(1), { opcode: 9, fin: false })],
    ['a continuation of nothing', 1002, frame(Buffer.from('{}'), { opcode: 0 })],
    ['an unmasked frame', 1002, Buffer.from([0x81, 2, 0x7b, 0x7d])],
  ]

  test.each(BROKEN)('%s closes the connection with %d, and no other', async (_, code, bytes) => {
    const { site, client, bystander } = await pair(over)
    client.write(bytes)
    expect(await client.closeCode()).toBe(code)
    expect(await bystander.shows('c0', 'increment')).toBe('<b>101</b>')
    await until('the connection to be gone', () => site.loom.stats().connections === 1)
    expect(site.loom.stats().components).toBe(1)
  })

  test('a message in fragments, with a ping between them, is one message', async () => {
    const { client } = await pair(over)
    const [first, second] = ['{"type":"event","id":"c0","handler":"incr', 'ement","event":"click","special_vars":{}}']
    const answer = client.answer('c0', 'the fragments')
    client.write(frame(Buffer.from(first as string), { fin: false }))
    client.write(frame(Buffer.from('ping'), { opcode: 9 }))
    client.write(frame(Buffer.from(second as string), { opcode: 0 }))
    expect(await answer).toEqual({ type: 'patch', id: 'c0', d: { 0: '2' } })
  })
})
