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
  --peers LIST     ws,loom,shared by default: a broadcast by hand, a component for each viewer, one shared table
`
const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '1,1000' },
    count: { type: 'string', default: '60' },
    rate: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: 'ws,loom,shared' },
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
  const target = { port: server.port, tls: false, protocol: peer === 'ws' ? undefined : 'loom.2' }
  const { text, answer } = join('price', server.tokens.price)
  const messages = peer === 'ws' ? [] : [{ text, answer }]
  const memory = await memoryOf(server)
  const sockets = await openIdle(target, viewers, messages)
  const each = ((await memoryOf(server)) - memory) / 1024 / viewers
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
  return { peer, server, sockets, last, counts, each, main: [], all: [], publish: [], delays: [], shown: [] }
}

/** The resident memory of the server in bytes, garbage collected. */
async function memoryOf({ port }) {
  return Number(await (await fetch(`http://127.0.0.1:${port}/memory`)).text())
}

async function run({ peer, server, sockets, last, counts, main, all, publish, delays, shown }) {
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
  publish.push(usedMain / Number(count))
  all.push(usedAll / delivered)
  shown.push(delivered / (sockets.length * Number(count)))
}

const rows = []
for (const viewers of values.viewers.split(',').map(Number)) {
  const peers = []
  for (const peer of values.peers.split(',')) peers.push(await start(peer, viewers))
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      await run(peer)
      if (round < 0) {
        for (const name of ['main', 'all', 'publish', 'delays', 'shown']) peer[name].length = 0
      }
    }
  }
  for (const { peer, main, all, publish, delays, shown, each } of peers) {
    const delay = [0.5, 0.99].map((share) => quantile(delays, share).toFixed(1))
    const memory = viewers < 100 ? '' : each.toFixed(1)
    rows.push([String(viewers), peer, spread(publish), spread(main), spread(all), ...delay, spread(shown), memory])
  }
  const ws = peers.find(({ peer }) => peer === 'ws')
  for (const other of ws === undefined ? [] : peers.filter((peer) => peer !== ws)) {
    const ratio = (name) => `**${spread(other[name].map((value, round) => value / ws[name][round]))}**`
    const ratios = [ratio('publish'), ratio('main'), ratio('all')]
    rows.push([String(viewers), `**${other.peer} / ws**`, ...ratios, '', '', '', ''])
  }
  for (const { server, sockets } of peers) {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
}
const head = [
  'viewers',
  'server',
  'main µs a publish',
  'main µs a frame',
  'all µs a frame',
  'last p50 ms',
  'last p99 ms',
  'shown',
  'KiB a viewer',
]
console.log(table(head, rows))
