// A server that publishes. PEER says how:
//
// * `loom`: a component for each viewer: it has subscribed to a topic, handles each message and renders;
// * `shared`: one table of 1,000 rows (or ROWS) that all viewers are shown, of which one row changes;
// * `ws`: a broadcast written by hand: one JSON.stringify, and one send for each viewer;
// * `socket.io`: a room of Socket.IO, which all viewers have joined.
//
// With REDIS, the URL of a Redis, it is one of several processes: with a backplane there, or Socket.IO's adapter.
//
// `GET /go?count=…&rate=…` publishes so many messages at that rate, and answers their cost; `GET /used` answers the
// CPU time so far.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const { PEER, REDIS } = process.env
let last = 0
let newest = ''
const text = () => (newest = `v${String(++last).padStart(6, '0')}`)
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  if (url.pathname === '/memory') {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.()
      await sleep(50)
    }
    response.end(String(process.memoryUsage().rss))
    return
  }
  if (url.pathname === '/used') {
    response.end(JSON.stringify(used()))
    return
  }
  if (url.pathname !== '/go') {
    response.end('a page')
    return
  }
  const [count, rate] = ['count', 'rate'].map((name) => Number(url.searchParams.get(name)))
  const before = used()
  const sent = {}
  const began = performance.now()
  for (let at = 0; at < count; at++) {
    // Timers have steps of a millisecond: faster ones are published several at a time.
    const early = began + (at * 1000) / rate - performance.now()
    if (early > 0) await sleep(early)
    const value = text()
    sent[value] = performance.timeOrigin + performance.now()
    publish(value)
  }
  // Waits until the last message has come to all.
  await sleep(1000)
  const after = used()
  response.end(JSON.stringify({ main: after.main - before.main, all: after.all - before.all, sent }))
})

/** CPU time so far in µs: of the main thread, and of all. */
function used() {
  const { user, system } = process.cpuUsage()
  return {
    main: Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3,
    all: user + system,
  }
}

/** A page of this module. The module's receiver `priced` gets the published messages. */
async function mounted(module, options = {}) {
  const { createLoom } = await import('loom-live')
  const most = { connectionsPerAddress: 1e6, joinRatePerAddress: 1e6, joinBurstPerAddress: 1e6 }
  // The viewers of this bench answer no ping.
  const silent = { pingAfter: 3_600_000, deadAfter: 7_200_000 }
  const backplane = REDIS ? { backplane: { redis: REDIS, prefix: `${PEER}:` } } : {}
  const loom = createLoom({ secret: 'x'.repeat(32), development: false, limits: { ...most, ...silent }, ...backplane })
  const connected = (_, ctx) => ctx.subscribe('price', 'priced')
  const price = loom.register('price', { ...module, connected, handle: {} })
  const token = /data-l-token="([^"]+)"/.exec(await loom.mount(price, {}, options))[1]
  loom.attach(server)
  return { token, publish: (value) => void loom.publish('price', value) }
}

/** As the adapter's documentation has it. */
async function adapter() {
  if (!REDIS) return {}
  const { createAdapter } = await import('@socket.io/redis-streams-adapter')
  const { createClient } = await import('redis')
  const client = createClient({ url: REDIS })
  await client.connect()
  return { adapter: createAdapter(client) }
}

/** A viewer that has missed messages loads the newest state, as an application does. */
const priceOf = ({ data, gap }) => (gap ? newest : data)

/** How each peer publishes; `token` is that of its page, if there is one. */
const peers = {
  async loom() {
    const { html } = await import('loom-live')
    return mounted({
      props: { price: '' },
      receive: { priced: (_, message) => ({ price: priceOf(message) }) },
      render: ({ price }) => html`<b>${price}</b>`,
    })
  },
  async shared() {
    const { each, html } = await import('loom-live')
    const count = Number(process.env.ROWS ?? 1000)
    const table = {
      props: { at: 0, rows: Array.from({ length: count }, (_, id) => ({ id, price: '0' })) },
      receive: {
        priced({ at, rows }, message) {
          const next = rows.slice()
          next[at] = { id: at, price: priceOf(message) }
          return { at: (at + 1) % rows.length, rows: next }
        },
      },
      render: ({ rows }) => html`<table>
        ${each(
          rows,
          ({ id }) => id,
          ({ id, price }) => html`<tr><td>Row ${id}</td><td>${price}</td></tr>`,
        )}
      </table>`,
    }
    return mounted(table, { shared: 'prices' })
  },
  async ws() {
    const { WebSocketServer } = await import('ws')
    const sockets = new WebSocketServer({ server, path: '/loom/ws' })
    sockets.on('connection', (socket) => {
      socket.send('["joined"]')
    })
    const publish = (value) => {
      const message = JSON.stringify([0, 0, 0, value])
      for (const socket of sockets.clients) socket.send(message)
    }
    return { publish }
  },
  async 'socket.io'() {
    const { Server } = await import('socket.io')
    // The viewers of this bench answer no ping.
    const io = new Server(server, { transports: ['websocket'], pingInterval: 3_600_000, ...(await adapter()) })
    io.on('connection', (socket) => {
      void socket.join('price')
    })
    return { publish: (value) => io.to('price').emit('price', value) }
  },
}
const { token = '', publish } = await peers[PEER]()
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port, tokens: { price: token } }))
})
