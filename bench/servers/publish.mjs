// A server that publishes: PEER=loom, a component for each viewer that has subscribed to a topic, handles each message
// and renders; PEER=shared, one table of 1,000 rows that all viewers are shown, of which one row changes; PEER=ws, a broadcast as one writes it by hand: one JSON.stringify, and one send for each viewer.
// `GET /go?count=…&rate=…` publishes so many messages at that rate, and answers what that cost.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const { PEER } = process.env
let last = 0
const text = () => `v${String(++last).padStart(6, '0')}`
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
  if (url.pathname !== '/go') {
    response.end('a page')
    return
  }
  const [count, rate] = ['count', 'rate'].map((name) => Number(url.searchParams.get(name)))
  const before = used()
  const sent = {}
  const began = performance.now()
  for (let at = 0; at < count; at++) {
    await sleep(Math.max(0, began + (at * 1000) / rate - performance.now()))
    const value = text()
    sent[value] = performance.timeOrigin + performance.now()
    publish(value)
  }
  // Until the last one is everywhere.
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

let publish
let token = ''
if (PEER !== 'ws') {
  const { createLoom, each, html } = await import('loom-live')
  const most = { connectionsPerAddress: 1e6, joinRatePerAddress: 1e6, joinBurstPerAddress: 1e6 }
  const loom = createLoom({ secret: 'x'.repeat(32), development: false, limits: most })
  const own = {
    props: { price: '' },
    async connected(_, ctx) {
      await ctx.subscribe('price', 'priced')
    },
    handle: {},
    receive: { priced: (_, { data }) => ({ price: data }) },
    render: ({ price }) => html`<b>${price}</b>`,
  }
  const shared = {
    ...own,
    props: { at: 0, rows: Array.from({ length: Number(process.env.ROWS ?? 1000) }, (_, id) => ({ id, price: '0' })) },
    receive: {
      priced({ at, rows }, { data }) {
        const next = rows.slice()
        next[at] = { id: at, price: data }
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
  const price = loom.register('price', PEER === 'shared' ? shared : own)
  const page = await loom.mount(price, {}, PEER === 'shared' ? { shared: 'prices' } : {})
  token = /data-l-token="([^"]+)"/.exec(page)[1]
  loom.attach(server)
  publish = (value) => void loom.publish('price', value)
} else {
  const { WebSocketServer } = await import('ws')
  const sockets = new WebSocketServer({ server, path: '/loom/ws' })
  sockets.on('connection', (socket) => {
    socket.send('["joined"]')
  })
  publish = (value) => {
    const message = JSON.stringify([0, 0, 0, value])
    for (const socket of sockets.clients) socket.send(message)
  }
}
process.on('SIGUSR2', () => {
  globalThis.gc?.()
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: server.address().port, tokens: { price: token } }))
})
