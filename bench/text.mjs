// Measures a text of 20 KB that streams in from a task in 2,000 pieces, 50 a second: the bytes that go to the page.
//
//   node bench/text.mjs

import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoom, html } from 'loom-live'
import { WebSocket } from 'ws'

const PIECES = 2_000
const PIECE = 10

async function* pieces() {
  for (let at = 0; at < PIECES; at++) {
    await sleep(20)
    yield `word ${String(at).padStart(PIECE - 6, '0')} `
  }
}

const loom = createLoom({ secret: 'x'.repeat(32), development: false })
const module = loom.register('text', {
  props: { text: '', done: false },
  handle: { ask: (_, event, ctx) => ctx.task('came', () => pieces()) },
  receive: {
    came: ({ text }, { data, done }) => (done ? { text, done } : { text: text + data, done }),
  },
  render: ({ text, done }) => html`<p>${text}</p>${done ? 'the end' : ''}`,
})
const page = await loom.mount(module, {})
const server = createServer((_, response) => response.end())
loom.attach(server)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${server.address().port}`
const socket = new WebSocket(`${origin.replace('http', 'ws')}/loom/ws`, 'loom.2', { origin })
await once(socket, 'open')
const sealed = { bytes: 0, count: 0 }
let bytes = 0
const end = new Promise((resolve) => {
  socket.on('message', (message) => {
    const text = String(message)
    bytes += text.length
    for (const [checkpoint] of text.matchAll(/\["c",1,\d+,"[^"]*"\]/g)) {
      sealed.bytes += checkpoint.length
      sealed.count++
    }
    if (text.includes('the end')) resolve()
  })
})
socket.send(JSON.stringify(['j', 1, 'text', /data-l-token="([^"]+)"/.exec(page)[1]]))
socket.send(JSON.stringify(['e', 1, 1, 0, 'ask', 'click']))
await end
// The last checkpoint.
await sleep(2_000)
const times = (part) => (part / (PIECES * PIECE)).toFixed(2)
console.log(
  `${times(bytes - sealed.bytes)} times the text without checkpoints, ${times(bytes)} with ${sealed.count} checkpoints`,
)
socket.close()
server.close()
await loom.close()
