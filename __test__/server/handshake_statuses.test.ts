import { html } from 'loom-live'
import { frame } from '../support/client'
import { counter, Site, talk, TRANSPORTS } from '../support/site'
import { Gate, until } from '../support/until'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** An upgrade request; undefined leaves a header out. */
function request(changes: Record<string, string | undefined> = {}, line = 'GET /loom/ws HTTP/1.1'): string {
  const headers = Object.entries({
    Host: 'example.org',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...changes,
  })
  const lines = headers.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

/** What the server says until the head of its response is complete. */
async function head(site: Site, text: string): Promise<string> {
  const socket = await site.socket()
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  socket.write(text)
  return until('a response', () => /^[^]*?\r\n\r\n/.exec(received)?.[0])
}

describe.each(TRANSPORTS)('over %s', (over) => {
  test('a good handshake switches protocols, with the accept key of the RFC', async () => {
    const site = await Site.start({ over })
    const good: [Record<string, string | undefined>, string?][] = [
      [{}],
      [{ Connection: 'keep-alive, UPGRADE', Upgrade: 'WebSocket' }],
      [{}, 'GET /loom/ws?a=1 HTTP/1.1'],
      [{ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }],
      [{ 'Sec-WebSocket-Protocol': 'chat, superchat' }],
      [{ Origin: `${over === 'https' ? 'https' : 'http'}://example.org` }],
    ]
    for (const [changes, line] of good) {
      const response = await head(site, request(changes, line))
      expect(response).toMatch(/^HTTP\/1\.1 101 /)
      expect(response).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n')
      expect(response).toMatch(/^upgrade: websocket\r$/im)
      expect(response).toMatch(/^connection: upgrade\r$/im)
      // Neither was agreed on.
      expect(response).not.toMatch(/Sec-WebSocket-(Extensions|Protocol)/i)
    }
    // A connection is counted a moment after its client has the response.
    await until('all of them to be counted', () => site.loom.stats().connections === good.length)
  })

  const BAD: [string, number, Record<string, string | undefined>, string | undefined][] = [
    ['no key', 400, { 'Sec-WebSocket-Key': undefined }, undefined],
    ['a short key', 400, { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, undefined],
    ['a long key', 400, { 'Sec-WebSocket-Key': 'A'.repeat(44) }, undefined],
    ['a key that is not base64', 400, { 'Sec-WebSocket-Key': '!'.repeat(24) }, undefined],
    ['no version', 426, { 'Sec-WebSocket-Version': undefined }, undefined],
    ['an old version', 426, { 'Sec-WebSocket-Version': '8' }, undefined],
    ['POST', 405, { 'Content-Length': '0' }, 'POST /loom/ws HTTP/1.1'],
    ['HTTP/1.0', 505, {}, 'GET /loom/ws HTTP/1.0'],
    ['another origin', 403, { Origin: 'https://evil.example' }, undefined],
    ['origin null', 403, { Origin: 'null' }, undefined],
  ]

  test.each(BAD)('%s: %d, and the connection ends', async (_, status, changes, line) => {
    const site = await Site.start({ over })
    const response = await site.talk(request(changes, line))
    expect(response).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(response).toMatch(/^connection: close\r$/im)
    const length = /^content-length: (\d+)\r$/im.exec(response)?.[1]
    expect(response.split('\r\n\r\n')[1]).toHaveLength(Number(length))
    if (status === 426) expect(response).toMatch(/^sec-websocket-version: 13\r$/im)
    if (status === 405) expect(response).toMatch(/^allow: GET\r$/im)
    await site.empty()
  })

  test('what was sent right behind the handshake is not lost', async () => {
    const site = await Site.start({ over })
    const module = counter(site.loom)
    const token = await site.token(module, { count: 5 })
    const join = frame(Buffer.from(JSON.stringify({ type: 'join', id: 'c0', module: 'counter', token })))
    const socket = await site.socket()
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
    socket.write(Buffer.concat([Buffer.from(request()), join]))
    await until('the trees', () => received.includes('"d":["5"]'))
  })

  test('a handshake is refused with 503 while the loom closes', async () => {
    const site = await Site.start({ over })
    const gate = new Gate()
    const module = site.loom.register('slow', {
      props: {},
      handle: { wait: () => gate.promise },
      render: () => html`<p></p>`,
    })
    const client = await site.live(module)
    const answer = client.event('c0', 'wait')
    await until('the handler to run', () => site.loom.stats().callsInFlight === 1)
    const closed = site.loom.close()
    const response = await site.talk(request())
    expect(response).toMatch(/^HTTP\/1\.1 503 /)
    expect(response).toMatch(/^retry-after: \d+\r$/im)
    gate.open()
    await answer
    await closed
  })
})

test.each([
  ['bind', { bind: () => Promise.reject(new Error('no database')) }],
  [
    'bind, at once',
    {
      bind: () => {
        throw new Error('no database')
      },
    },
  ],
  [
    'origin',
    {
      origin: () => {
        throw new Error('no database')
      },
    },
  ],
])('a handshake whose check fails (%s) is a 500, and logged', async (_, options) => {
  const site = await Site.start(options)
  const response = await site.talk(request({ Origin: 'http://example.org' }))
  expect(response).toMatch(/^HTTP\/1\.1 500 /)
  expect(response).not.toContain('database')
  expect(site.log.errors.join()).toContain('no database')
  await site.empty()
})

test('a request without an upgrade is the application’s', async () => {
  const site = await Site.start({ listener: (_, response) => response.end('application') })
  const socket = await site.socket()
  const response = await talk(socket, 'GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  expect(response).toMatch(/^HTTP\/1\.1 200 /)
  expect(response).toContain('application')
})
