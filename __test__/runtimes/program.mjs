// Runs under each runtime that is supported (see scripts/runtimes.mjs), without a test framework: how a loom and
// whoever else is on its server share the upgrades. Takes a certificate's file, and prints one line of JSON.

import { deepStrictEqual as same, ok } from 'node:assert'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createLoom, html } from 'loom-live'
import { click, HANDSHAKE, tokenIn, Wire, within } from './client.mjs'

const certificate = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const WAYS = { 'http, auto': ['auto', false], 'http, relay': ['relay', false], https: ['auto', true] }

const ends = []
const problems = []
let checks = 0

function makeLoom(options) {
  const log = []
  const logger = { error: (text) => log.push(text), warn: (text) => log.push(text) }
  const loom = createLoom({ secret: 'x'.repeat(32), logger, ...options })
  loom.register('counter', {
    props: { count: 0 },
    handle: { increment: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  ends.push(() => loom.close({ timeout: 0 }))
  return { loom, log }
}

function echo(request, response) {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => response.end(`${request.method} ${request.url} ${body}`))
}

function makeServer(secure, options = {}) {
  const server = secure ? createHttpsServer({ ...certificate, ...options }, echo) : createServer(options, echo)
  ends.push(() => {
    server.closeAllConnections?.()
    server.close()
  })
  return server
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address().port
}

/** One connection to it, ended when the check is over. */
async function open(port, secure) {
  const wire = await Wire.to(port, secure)
  ends.push(() => wire.end())
  return wire
}

async function works(loom, port, secure, path = '/loom/ws') {
  const wire = await open(port, secure)
  const line = await wire.upgrade(path)
  ok(line.startsWith('HTTP/1.1 101 '), line)
  await click(wire, tokenIn(await loom.mount('counter')))
  wire.end()
}

/** A listener for another path's upgrades, as a WebSocket library has one: it answers all that it sees. */
function other(server) {
  const listener = ({ url }, socket) => {
    socket.on('error', () => {})
    socket.end(url === '/chat' ? 'HTTP/1.1 101 Chat\r\n\r\n' : 'HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n')
  }
  server.on('upgrade', listener)
  return listener
}

const H2C = 'Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
const ELSEWHERE = `GET /elsewhere HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}\r\n`
/** Upgrades that nobody on the server wants. */
const UNCLAIMED = [
  ['GET', `GET /page HTTP/1.1\r\n${H2C}\r\n`],
  ['GET', `GET /loom/ws HTTP/1.1\r\n${H2C}\r\n`],
  ['POST', `POST /form HTTP/1.1\r\n${H2C}Content-Length: 5\r\n\r\nhello`],
  ['GET', ELSEWHERE],
]

async function ordinary(port, secure) {
  for (const [method, text] of UNCLAIMED) {
    const wire = await open(port, secure)
    const first = await wire.ask(text)
    ok(first.startsWith('HTTP/1.1 200 ') && first.includes(`\r\n\r\n${method} /`), first)
    // The connection goes on.
    const second = await wire.ask('GET /second HTTP/1.1\r\nHost: x\r\n\r\n')
    ok(second.endsWith('GET /second '), second)
    wire.end()
  }
}

async function others(port, secure) {
  for (const [path, status] of [
    ['/chat', '101'],
    ['/nowhere', '418'],
    ['/loom/wsx', '418'],
  ]) {
    const wire = await open(port, secure)
    const line = await wire.upgrade(path)
    ok(line.startsWith(`HTTP/1.1 ${status} `), `${path}: ${line}`)
    wire.end()
  }
}

/** What is covered while a loom is attached, and how often it listens. */
const look = (server) => [
  ...['emit', 'listenerCount'].map((name) => Object.hasOwn(server, name)),
  server.shouldUpgradeCallback,
  ...['upgrade', 'connection', 'secureConnection'].map((name) => server.listenerCount(name)),
]

const CHECKS = {
  async 'a page joins and clicks'({ transport, secure }) {
    const { loom, log } = makeLoom({ transport })
    const server = makeServer(secure)
    loom.attach(server)
    const port = await listen(server)
    await works(loom, port, secure)
    await ordinary(port, secure)
    // On a connection that has served requests before.
    const wire = await open(port, secure)
    await wire.ask('GET /first HTTP/1.1\r\nHost: x\r\n\r\n')
    ok((await wire.upgrade('/loom/ws')).includes(' 101 '))
    await click(wire, tokenIn(await loom.mount('counter')))
    wire.end()
    return log
  },

  async 'a frame that came with the handshake is not lost'({ transport, secure }) {
    const { loom } = makeLoom({ transport })
    const server = makeServer(secure)
    loom.attach(server)
    const wire = await open(await listen(server), secure)
    const token = tokenIn(await loom.mount('counter'))
    const join = Buffer.from(JSON.stringify({ type: 'join', id: 'c0', module: 'counter', token }))
    const frame = Buffer.concat([Buffer.from([0x81, 0xfe, join.length >> 8, join.length & 255, 0, 0, 0, 0]), join])
    wire.socket.write(Buffer.concat([Buffer.from(`GET /loom/ws HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}\r\n`), frame]))
    ok((await wire.answer()).includes(' 101 '))
    same(JSON.parse(await wire.message()).type, 'trees')
  },

  async 'another listener, added before'({ transport, secure }) {
    const { loom } = makeLoom({ transport })
    const server = makeServer(secure)
    other(server)
    loom.attach(server)
    const port = await listen(server)
    await works(loom, port, secure)
    await others(port, secure)
    await works(loom, port, secure)
  },

  async 'another listener, added after, and taken away again'({ transport, secure }) {
    const { loom } = makeLoom({ transport })
    const server = makeServer(secure)
    loom.attach(server)
    const listener = other(server)
    const port = await listen(server)
    await works(loom, port, secure)
    await others(port, secure)
    server.off('upgrade', listener)
    await ordinary(port, secure)
    await works(loom, port, secure)
  },

  async 'two looms, of which the first is closed, then the second'({ transport, secure }) {
    for (const firstToGo of [0, 1]) {
      const server = makeServer(secure)
      const before = look(server)
      const looms = [makeLoom({ transport }).loom, makeLoom({ transport, path: '/two' }).loom]
      const paths = ['/loom/ws', '/two/ws']
      for (const loom of looms) loom.attach(server)
      const port = await listen(server)
      for (const index of [0, 1]) await works(looms[index], port, secure, paths[index])
      await looms[firstToGo].close({ timeout: 0 })
      await works(looms[1 - firstToGo], port, secure, paths[1 - firstToGo])
      await ordinary(port, secure)
      const gone = await open(port, secure)
      ok(
        (await gone.ask(`GET ${paths[firstToGo]} HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}\r\n`)).startsWith('HTTP/1.1 200 '),
      )
      await looms[1 - firstToGo].close({ timeout: 0 })
      same(look(server), before)
      await ordinary(port, secure)
    }
  },

  async 'the first of two is closed beside another listener'({ transport, secure }) {
    const server = makeServer(secure)
    const [first, second] = [makeLoom({ transport }).loom, makeLoom({ transport, path: '/two' }).loom]
    first.attach(server)
    other(server)
    second.attach(server)
    const port = await listen(server)
    await first.close({ timeout: 0 })
    await works(second, port, secure, '/two/ws')
    await others(port, secure)
    await second.close({ timeout: 0 })
    await others(port, secure)
    same(server.listenerCount('upgrade'), 1)
  },

  async 'an application that decides itself which requests are upgrades'({ transport, secure }) {
    const asked = []
    const shouldUpgradeCallback = ({ url }) => {
      asked.push(url)
      return url === '/chat'
    }
    const server = makeServer(secure, { shouldUpgradeCallback })
    if (server.shouldUpgradeCallback === undefined) return
    const { loom } = makeLoom({ transport })
    loom.attach(server)
    const port = await listen(server)
    await works(loom, port, secure)
    // Nobody listens, so Node destroys it.
    const lost = await open(port, secure)
    lost.socket.write(`GET /chat HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}\r\n`)
    await within('the server to close', new Promise((resolve) => lost.socket.once('close', resolve)))
    same(lost.received.length, 0)
    other(server)
    const chat = await open(port, secure)
    ok((await chat.upgrade('/chat')).includes(' 101 '))
    const page = await open(port, secure)
    ok((await page.ask(ELSEWHERE)).startsWith('HTTP/1.1 200 '))
    same(asked, ['/chat', '/chat', '/elsewhere'])
    await loom.close({ timeout: 0 })
    same(server.shouldUpgradeCallback, shouldUpgradeCallback)
  },

  async 'async middleware and an async bind, and frames that come meanwhile'({ transport, secure }) {
    let free
    const gate = new Promise((resolve) => (free = resolve))
    const { loom } = makeLoom({ transport, bind: async () => void (await gate) })
    const server = makeServer(secure)
    loom.attach(server, { middleware: [(request, response, next) => setTimeout(next, 5)] })
    const port = await listen(server)
    const wire = await open(port, secure)
    free()
    const token = tokenIn(await loom.mount('counter', {}, { request: {} }))
    const join = Buffer.from(JSON.stringify({ type: 'join', id: 'c0', module: 'counter', token }))
    wire.socket.write(`GET /loom/ws HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}\r\n`)
    wire.socket.write(Buffer.concat([Buffer.from([0x81, 0xfe, join.length >> 8, join.length & 255, 0, 0, 0, 0]), join]))
    ok((await wire.answer()).includes(' 101 '))
    same(JSON.parse(await wire.message()).type, 'trees')
    await loom.close({ timeout: 0 })
  },

  async 'an upgrade that has a body is answered, and harms nobody'({ transport, secure }) {
    const { loom } = makeLoom({ transport })
    const server = makeServer(secure)
    loom.attach(server)
    const port = await listen(server)
    for (const body of [
      'Content-Length: 5\r\n\r\nhello',
      'Content-Length: 5\r\n\r\nhe',
      'Transfer-Encoding: chunked\r\n\r\n',
    ]) {
      const wire = await open(port, secure)
      wire.socket.write(`POST /loom/ws HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}${body}`)
      const answer = await wire.answer()
      ok(answer.startsWith('HTTP/1.1 405 '), answer)
    }
    await works(loom, port, secure)
  },
}

for (const [way, [transport, secure]] of Object.entries(WAYS)) {
  for (const [name, check] of Object.entries(CHECKS)) {
    checks += 1
    try {
      const log = await check({ transport, secure })
      if (log?.length > 0) problems.push(`${way}, ${name}: logged ${log.join('; ')}`)
    } catch (error) {
      problems.push(`${way}, ${name}: ${String(error.stack ?? error).slice(0, 1500)}`)
    } finally {
      for (const end of ends.splice(0).reverse()) await end()
    }
  }
}
console.log(JSON.stringify({ checks, problems }))
process.exit(problems.length === 0 ? 0 : 1)
