import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { Client } from '../support/client'
import { counter, listen, Site, testLoom, tokenIn } from '../support/site'
import { until, within } from '../support/until'

/** What another WebSocket server says first, or how the connection failed. */
async function greeting(url: string, protocol?: string): Promise<string> {
  const socket = new WebSocket(url, protocol)
  atEnd(() => {
    socket.terminate()
  })
  return within(
    `a greeting at ${url}`,
    new Promise<string>((resolve) => {
      socket.once('message', (data) => {
        resolve((data as Buffer).toString())
      })
      socket.once('unexpected-response', (_, response) => {
        resolve(`status ${response.statusCode}`)
      })
      socket.once('error', (error) => {
        resolve(`error ${error.message}`)
      })
    }),
  )
}

type Order = 'attached before' | 'attached after'

/** Attaches a loom before or after the other one registers. */
async function shared(
  order: Order,
  register: (server: ReturnType<typeof createServer>) => void,
  listener?: RequestListener,
) {
  const { loom } = testLoom()
  const module = counter(loom)
  const server = createServer(listener)
  if (order === 'attached before') loom.attach(server)
  register(server)
  if (order === 'attached after') loom.attach(server)
  const site = await Site.of(loom, server)
  const works = async (): Promise<void> => {
    const client = await site.live(module)
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
    expect(client.messages).toHaveLength(2)
  }
  return { site, module, works }
}

describe.each(['attached before', 'attached after'] as Order[])('%s', (order) => {
  test('ws with a server and a path of its own', async () => {
    const other: { ws?: WebSocketServer } = {}
    const { site, works } = await shared(order, (server) => {
      other.ws = new WebSocketServer({ server, path: '/chat' })
      other.ws.on('connection', (socket) => {
        socket.send('chat')
      })
    })
    await works()
    expect(await greeting(site.url('/chat'))).toBe('chat')
    // As it answers without us: it believes that it owns every upgrade.
    expect(await greeting(site.url('/nowhere'))).toBe('status 400')
    await works()
  })

  test('ws without a server of its own, and a path that nobody answers', async () => {
    const ws = new WebSocketServer({ noServer: true })
    const { site, works } = await shared(order, (server) => {
      server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url !== '/chat') {
          socket.end('HTTP/1.1 418 I am a teapot\r\n\r\n')
          return
        }
        ws.handleUpgrade(request, socket, head, (client) => {
          client.send('chat')
        })
      })
    })
    await works()
    expect(await greeting(site.url('/chat'))).toBe('chat')
    expect(await greeting(site.url('/nowhere'))).toBe('status 418')
    expect(await greeting(site.url('/loom/wsx'))).toBe('status 418')
    expect(await greeting(site.url('/loom/ws/more'))).toBe('status 418')
    await works()
  })

  test('Vite in middleware mode with HMR on the same server', async () => {
    const child = Child.start(
      `
      import { createServer } from 'node:http'
      import { tmpdir } from 'node:os'
      import { createServer as createViteServer } from 'vite'
      import { createLoom, html } from 'loom-live'
      const loom = createLoom({ secret: 'x'.repeat(32) })
      loom.register('counter', {
        props: { count: 0 },
        handle: { increment: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html\`<b>\${count}</b>\`,
      })
      const server = createServer((request, response) => vite.middlewares(request, response))
      ${order === 'attached before' ? 'loom.attach(server)' : ''}
      const vite = await createViteServer({
        configFile: false,
        root: tmpdir(),
        cacheDir: tmpdir(),
        logLevel: 'silent',
        appType: 'custom',
        optimizeDeps: { noDiscovery: true, include: [] },
        server: { middlewareMode: true, hmr: { server }, watch: null },
      })
      ${order === 'attached after' ? 'loom.attach(server)' : ''}
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      console.log(JSON.stringify([server.address().port, vite.config.webSocketToken, await loom.mount('counter')]))
      await new Promise((resolve) => process.stdin.once('data', resolve))
      process.stdin.destroy()
      await loom.close()
      await vite.close()
      server.close()
      `,
      { module: true },
    )
    const [port, viteToken, page] = JSON.parse(await child.line()) as [number, string, string]
    const client = await Client.open(`ws://127.0.0.1:${port}/loom/ws`)
    await client.joined('c0', 'counter', tokenIn(page))
    expect(await greeting(`ws://127.0.0.1:${port}/?token=${viteToken}`, 'vite-hmr')).toContain('connected')
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
    expect(client.messages).toHaveLength(2)
    client.drop()
    child.tell('end')
    await child.result()
  })

  test('a second loom on a path of its own', async () => {
    const second = testLoom({ path: '/admin/loom' })
    counter(second.loom)
    const { site, works } = await shared(order, (server) => {
      second.loom.attach(server)
    })
    await works()
    const client = await Client.open(site.url('/admin/loom/ws'))
    const page = await second.loom.mount('counter', { count: 5 })
    expect(page).toContain('data-l-ws="/admin/loom/ws"')
    expect(await client.joined('c0', 'counter', /token="([^"]+)/.exec(page)?.[1] ?? '')).toBe('<b>5</b>')
    await second.loom.close()
    await works()
  })
})

test('attaching twice is attaching once', async () => {
  const { site, works } = await shared('attached before', () => undefined)
  site.loom.attach(site.server)
  await works()
})

test('attaching again with middleware is an error: it would not run', async () => {
  const { site, works } = await shared('attached before', () => undefined)
  expect(() => {
    site.loom.attach(site.server, {
      middleware: [
        (_request, _response, next) => {
          next()
        },
      ],
    })
  }).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
  await works()
})

const ECHO: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`)
  })
}

/** What a server says to two requests on one connection, an unclaimed upgrade first. */
async function twoRequests(port: number, first: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let ended = false
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('close', () => (ended = true))
  atEnd(() => socket.destroy())
  socket.write(first)
  await until('an answer to the first request', () => ended || /\r\n\r\n./.test(text))
  if (!ended) socket.write('GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await until('the connection to end', () => ended)
  return text.replace(/^(Date|Keep-Alive): .*\r\n/gm, '')
}

const UPGRADE = 'Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
const UNCLAIMED: Record<string, string> = {
  'a GET with Upgrade: h2c': `GET /page HTTP/1.1\r\n${UPGRADE}\r\n`,
  'a GET with Upgrade: h2c on our path': `GET /loom/ws HTTP/1.1\r\n${UPGRADE}\r\n`,
  'a POST with Upgrade: h2c and a body': `POST /form HTTP/1.1\r\n${UPGRADE}Content-Length: 5\r\n\r\nhello`,
  'a POST with Upgrade: h2c and a chunked body': `POST /form HTTP/1.1\r\n${UPGRADE}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  'a WebSocket upgrade on a path that nobody serves':
    'GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  'a WebSocket upgrade that is none, for want of Connection':
    'GET /loom/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n',
}

describe.each(['alone', 'beside a ws server on another path'])('%s', (company) => {
  test.each(Object.keys(UNCLAIMED))('%s is treated as Node treats it without us', async (name) => {
    const register = (server: ReturnType<typeof createServer>): void => {
      if (company !== 'alone') new WebSocketServer({ server, path: '/chat' })
    }
    const { site, works } = await shared('attached before', register, ECHO)
    const plain = createServer(ECHO)
    register(plain)
    await listen(plain)
    const { port } = plain.address() as { port: number }
    const request = UNCLAIMED[name] ?? ''
    const expected = await twoRequests(port, request)
    if (company === 'alone') {
      expect(expected.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
      expect(expected).toContain('GET /second')
    }
    expect(await twoRequests(site.port, request)).toBe(expected)
    await works()
  })
})

test('an upgrade on a connection that has served requests before', async () => {
  const { site } = await shared('attached before', () => undefined, ECHO)
  const socket = await site.socket()
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  for (const path of ['/first', '/second']) {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until('its answer', () => text.includes(`GET ${path} `))
  }
  socket.write(
    'GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await until('the switch', () => text.includes('HTTP/1.1 101 '))
})

test('after close() the server is as if the loom had never been attached', async () => {
  const { site } = await shared('attached before', () => undefined, ECHO)
  const names = Object.getOwnPropertyNames(createServer())
  await site.loom.close()
  expect(await greeting(site.url())).toBe('status 200')
  expect(site.server.listenerCount('upgrade')).toBe(0)
  for (const name of ['emit', 'listenerCount'] as const) {
    expect(names).not.toContain(name)
    expect(site.server[name]).toBe(createServer()[name])
  }
})

test('two looms at one path of one server are an error, until one of them is closed', async () => {
  const server = createServer()
  const { loom } = testLoom()
  loom.attach(server)
  const other = testLoom().loom
  expect(() => {
    other.attach(server)
  }).toThrow('at /loom/ws already')
  testLoom({ path: '/other' }).loom.attach(server)
  await loom.close()
  other.attach(server)
})

/** Node has decided it with a callback since 22.21 and 24.9; before, its parser has to be looked into. */
const before = 'shouldUpgradeCallback' in createServer() ? test.skip : test

before(
  'a runtime whose parser tells nothing is named in the log when a loom is attached, and pages connect all the same',
  async () => {
    const child = Child.start(`
    const http = require('node:http')
    const { createLoom, html } = require('loom-live')
    const logger = { error: (text) => console.log(text), warn: (text) => console.log(text) }
    const looms = ['/loom', '/two'].map((path) => createLoom({ secret: 'x'.repeat(32), logger, path }))
    for (const loom of looms) loom.register('counter', {
      props: { count: 0 },
      handle: { increment: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html\`<b>\${count}</b>\`,
    })
    const server = http.createServer((request, response) => response.end('hello'))
    // What the look at the parser is made with.
    http.createServer = () => ({ emit: () => false })
    for (const loom of looms) loom.attach(server)
    server.listen(0, '127.0.0.1', async () => console.log(server.address().port + ' ' + await looms[0].mount('counter')))
  `)
    expect(await child.line()).toContain('makes an upgrade of each request that asks for one')
    const [port, ...page] = (await child.line()).split(' ')
    const client = await Client.open(`ws://127.0.0.1:${port}/loom/ws`)
    await client.joined('c0', 'counter', tokenIn(page.join(' ')))
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello')
    expect(await greeting(`ws://127.0.0.1:${port}/elsewhere`)).toBe('status 400')
  },
)
