// The server that is attacked: the package as it was built, with small limits if an attack would otherwise take
// long. It tells what it holds when it is asked.

import { createServer } from 'node:http'
import { createLoom, html } from 'loom-live'

const limits = JSON.parse(process.env.ATTACK_LIMITS ?? '{}')
let lines = 0
let bytes = 0
const count = (text) => {
  lines += 1
  bytes += text.length
}
const loom = createLoom({
  secret: 'the secret of a server that is attacked',
  development: false,
  trustProxy: true,
  logger: { error: count, warn: count },
  limits,
})

const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})
const asks = loom.register('asks', {
  props: { count: 0 },
  handle: {},
  authorize: () => new Promise((resolve) => setTimeout(resolve, 50, true)),
  render: (props) => html`<b>${props.count}</b>`,
})
const rows = Array.from({ length: 1000 }, (_, id) => ({ id, text: `row ${id} of a table that is not small` }))
const table = loom.register('table', {
  props: { rows: 0 },
  handle: { same: () => undefined },
  render: () => html`<table>${rows.map((row) => html`<tr><td>${row.id}</td><td>${row.text}</td></tr>`)}</table>`,
})

// What comes from the server. Each message is one more than the one before it, or a gap is said: all else is a fault.
const hears = loom.register('hears', {
  props: { next: 0, faults: 0 },
  connected: (_, ctx) => ctx.subscribe('news', 'heard'),
  handle: {},
  receive: {
    heard: ({ next, faults }, { data, gap }) =>
      gap ? { next: 0, faults } : { next: data + 1, faults: faults + (next !== 0 && next !== data ? 1 : 0) },
  },
  render: ({ next, faults }) => html`<p>next ${next}</p><p>faults ${faults}</p>`,
})
const TASKS = Array.from({ length: 16 }, (_, index) => `task${index}`)
// Takes what all share, as much as a browser asks for.
const room = loom.register('room', {
  props: { count: 0 },
  connected: (_, ctx) => {
    ctx.track('room')
  },
  handle: {
    take: async (props, { value }, ctx) => {
      for (const task of TASKS)
        ctx.task(task, (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)))
      for (let index = 0; index < 100; index++) await ctx.subscribe(`${value} ${index}`, 'task0')
      return { count: props.count + 1 }
    },
    send: (props, { value }, ctx) => {
      ctx.send(value, 'task0', 1)
      return { count: props.count + 1 }
    },
  },
  receive: Object.fromEntries(TASKS.map((task) => [task, () => undefined])),
  render: ({ count }) => html`<p>${count}</p>`,
})

// One for all pages.
const board = loom.register('board', {
  props: { count: 0, mine: 0, news: 0, here: 0 },
  connected: async (_, ctx) => {
    await ctx.subscribe('news', 'heard')
    return { here: 0 }
  },
  authorize: () => true,
  handle: {
    add: (props) => ({ ...props, count: props.count + 1 }),
    mine: (props) => ({ ...props, mine: props.mine + 1 }),
  },
  receive: {
    heard: (props, { data, gap }) => (gap ? props : { ...props, news: data }),
    viewers: (props, { data }) => ({ ...props, here: props.here + data.joined.length - data.left.length }),
  },
  render: ({ count, mine, news, here }) => html`
    <p>${`count ${count}`}</p><p>${`mine ${mine}`}</p><p>${`news ${news}`}</p><p>${`here ${here}`}</p>
    <table>${rows.map((row) => html`<tr><td>${row.id}</td><td>${`${row.text} at ${news}`}</td></tr>`)}</table>`,
})

const rate = Number(process.env.ATTACK_PUBLISHES)
let published = 0
const began = Date.now()
if (rate > 0) {
  setInterval(() => {
    for (; published < ((Date.now() - began) / 1000) * rate; published++) void loom.publish('news', published + 1)
  }, 5)
}

const server = createServer((request, response) => {
  void (async () => {
    const tokens = {}
    for (const [name, module] of Object.entries({ counter, asks, table, hears, room, board })) {
      const container = await loom.mount(module, {}, { request, ...(module === board && { shared: 'board' }) })
      tokens[name] = /data-l-token="([^"]+)"/.exec(String(container))?.[1]
    }
    response.end(JSON.stringify(tokens))
  })()
})
loom.attach(server)
server.listen(0, '127.0.0.1', () => {
  process.send({ port: server.address().port })
})
process.on('message', () => {
  // Whoever asked may be gone.
  if (process.connected)
    process.send({ rss: process.memoryUsage().rss, lines, bytes, published, ...loom.stats() }, () => undefined)
})
process.on('disconnect', () => process.exit())
