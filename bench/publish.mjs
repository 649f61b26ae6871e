// Measures a message of a topic that many viewers get, beside a broadcast by hand. See README.md.

import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { dialectOf } from './support/dialect.mjs'
import { openIdle } from './support/idle.mjs'
import { startServer } from './support/servers.mjs'
import { quantile, spread } from './support/statistics.mjs'
import { table } from './support/table.mjs'

const HELP = `node bench/publish.mjs [options]

  --viewers LIST   1,1000 by default
  --count N        messages of a run; 60 by default
  --rate N         messages a second; 20 by default
  --rounds N       measured runs of each server, alternating; 3 by default
`
const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '1,1000' },
    count: { type: 'string', default: '60' },
    rate: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}
// The load's own core; the servers have the other.
spawnSync('taskset', ['-p', '-c', '1', String(process.pid)], { stdio: 'ignore' })

const { join } = dialectOf('loom.2')

async function start(peer, viewers) {
  const server = await startServer('publish', { core: 0, environment: { PEER: peer } })
  const target = { port: server.port, tls: false, protocol: peer === 'loom' ? 'loom.2' : undefined }
  const { text, answer } = join('price', server.tokens.price)
  const messages = peer === 'loom' ? [{ text, answer }] : []
  const sockets = await openIdle(target, viewers, messages)
  const last = new Map()
  const counts = new Map()
  for (const socket of sockets) {
    socket.on('data', (chunk) => {
      for (const [value] of chunk.toString('latin1').matchAll(/v\d{6}/g)) {
        counts.set(value, (counts.get(value) ?? 0) + 1)
        last.set(value, performance.timeOrigin + performance.now())
      }
    })
  }
  return { peer, server, sockets, last, counts, main: [], all: [], delays: [], shown: [] }
}

async function run({ peer, server, sockets, last, counts, main, all, delays, shown }) {
  const { count, rate } = values
  const answer = await fetch(`http://127.0.0.1:${server.port}/go?count=${count}&rate=${rate}`)
  const { main: usedMain, all: usedAll, sent } = await answer.json()
  let delivered = 0
  for (const [value, at] of Object.entries(sent)) {
    const viewers = counts.get(value) ?? 0
    delivered += viewers
    // What a viewer was not shown is merged into what came later; the last one comes to all.
    if (viewers === sockets.length) delays.push(last.get(value) - at)
  }
  const newest = Object.keys(sent).at(-1)
  if (counts.get(newest) !== sockets.length) throw new Error(`${peer}: ${newest} did not come to all`)
  main.push(usedMain / delivered)
  all.push(usedAll / delivered)
  shown.push(delivered / (sockets.length * Number(count)))
}

const rows = []
for (const viewers of values.viewers.split(',').map(Number)) {
  const peers = [await start('ws', viewers), await start('loom', viewers)]
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      await run(peer)
      if (round < 0) peer.main.length = peer.all.length = peer.delays.length = peer.shown.length = 0
    }
  }
  for (const { peer, main, all, delays, shown } of peers) {
    const delay = [0.5, 0.99].map((share) => quantile(delays, share).toFixed(1))
    rows.push([String(viewers), peer, spread(main), spread(all), ...delay, spread(shown)])
  }
  const [ws, loom] = peers
  const ratio = (name) => `**${spread(loom[name].map((value, round) => value / ws[name][round]))}**`
  rows.push([String(viewers), '**loom / ws**', ratio('main'), ratio('all'), '', '', ''])
  for (const { server, sockets } of peers) {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
}
const head = ['viewers', 'server', 'main µs a frame', 'all µs a frame', 'last p50 ms', 'last p99 ms', 'shown']
console.log(table(head, rows))
