// Measures many messages to one component: the main thread's time for publishing them, and the additional time for
// handling them.
//
//   node bench/messages.mjs [count] [a second]

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoom, html } from 'loom-live'
import { dialectOf } from './support/dialect.mjs'
import { openIdle } from './support/idle.mjs'

const count = Number(process.argv[2] ?? 200_000)
const rate = Number(process.argv[3] ?? 60_000)

/** CPU time of the main thread so far, in µs. */
const used = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3

// The publisher shares its thread with the receiver, and is ahead of it at times.
const loom = createLoom({ secret: 'x'.repeat(32), development: false, limits: { topicMessages: 4096 } })
const seen = { messages: 0, gaps: 0, renders: 0 }
const module = loom.register('counter', {
  props: { last: 0 },
  connected: (_, ctx) => ctx.subscribe('heard', 'counted'),
  handle: {},
  receive: {
    counted(_, { data, gap }) {
      if (gap) seen.gaps++
      else seen.messages++
      return { last: data ?? 0 }
    },
  },
  render({ last }) {
    seen.renders++
    return html`<b>${last}</b>`
  },
})
const page = await loom.mount(module, {})
const server = createServer((_, response) => response.end())
loom.attach(server)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const token = /data-l-token="([^"]+)"/.exec(page)[1]
const target = { port: server.address().port, tls: false, protocol: 'loom.2' }
const [socket] = await openIdle(target, 1, [dialectOf('loom.2').join('counter', token)])

/** Publishes all messages at that rate; gives the main thread's µs for each. */
async function publishAll(topic) {
  const [before, began] = [used(), performance.now()]
  for (let at = 1; at <= count; at++) {
    void loom.publish(topic, at)
    // Timers have steps of a millisecond: several are published at a time.
    const early = began + (at * 1000) / rate - performance.now()
    if (early > 0 || at % 1000 === 0) await sleep(Math.max(early, 0))
  }
  await sleep(500)
  return (used() - before) / count
}

for (let round = 0; round < 3; round++) {
  const alone = await publishAll('unheard')
  Object.assign(seen, { messages: 0, gaps: 0, renders: 0 })
  const both = await publishAll('heard')
  console.log(
    `main µs a message: ${alone.toFixed(1)} to publish, ${(both - alone).toFixed(1)} to handle; ` +
      `${seen.messages} messages in ${seen.renders} renders, ${seen.gaps} gaps`,
  )
}
socket.destroy()
server.close()
await loom.close()
