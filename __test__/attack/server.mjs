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

const server = createServer((request, response) => {
  void (async () => {
    const tokens = {}
    for (const [name, module] of Object.entries({ counter, asks, table })) {
      const container = await loom.mount(module, {}, { request })
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
    process.send({ rss: process.memoryUsage().rss, lines, bytes, ...loom.stats() }, () => undefined)
})
process.on('disconnect', () => process.exit())
