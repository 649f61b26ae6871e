// Measures a message of a topic that many viewers get, beside a broadcast by hand. See README.md.

import { parseArgs } from 'node:util'
import { loadPages } from './support/idle.mjs'
import { buildLoad } from './support/load.mjs'
import { leaveServersTheirCore, startPublisher } from './support/publishing.mjs'
import { quantile, spread } from './support/statistics.mjs'
import { table } from './support/table.mjs'
import { delivered, watch } from './support/viewers.mjs'

const HELP = `node bench/publish.mjs [options]

  --viewers LIST   1,1000 by default
  --peers LIST     of ws, loom, shared, socket.io, broadcast; ws,loom by default, and ratios are to the first
  --count N        messages of a run; 60 by default
  --rate N         messages a second; 20 by default
  --rounds N       measured runs of each server, alternating; 3 by default
`
const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '1,1000' },
    peers: { type: 'string', default: 'ws,loom' },
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
const names = values.peers.split(',')
if (names.includes('broadcast')) buildLoad()
leaveServersTheirCore()

/** Ordinary pages that are served before. */
const PAGES = 4000

async function start(peer, viewers) {
  const { server, target, viewersCome } = await startPublisher(peer)
  // The first burst of work grows V8's young generation, whatever causes it: this memory is not a viewer's cost.
  await loadPages(target, PAGES)
  const first = Math.ceil(viewers / 10)
  const sockets = await viewersCome(first)
  const memory = await memoryOf(peer, server)
  sockets.push(...(await viewersCome(viewers - first)))
  const each = ((await memoryOf(peer, server)) - memory) / 1024 / (viewers - first)
  const { last, counts } = watch(sockets)
  return {
    peer,
    server,
    sockets,
    last,
    counts,
    each,
    publish: [],
    main: [],
    all: [],
    handled: [],
    delays: [],
    shown: [],
  }
}

/** The resident memory of the server in bytes, garbage collected. */
async function memoryOf(peer, { port }) {
  if (peer === 'broadcast') return NaN
  return Number(await (await fetch(`http://127.0.0.1:${port}/memory`)).text())
}

async function run({ peer, server, sockets, last, counts, publish, main, all, handled, delays, shown }) {
  const { count, rate } = values
  const answer = await fetch(`http://127.0.0.1:${server.port}/go?count=${count}&rate=${rate}`)
  const { main: usedMain, all: usedAll, sent } = await answer.json()
  const frames = await delivered(peer, sent, counts, sockets.length)
  for (const [value, at] of Object.entries(sent)) {
    if (counts.get(value) === sockets.length) delays.push(last.get(value) - at)
  }
  publish.push(usedMain / Number(count))
  main.push(usedMain / frames)
  all.push(usedAll / frames)
  handled.push(usedMain / (sockets.length * Number(count)))
  shown.push(frames / (sockets.length * Number(count)))
}

const MEASURED = ['publish', 'main', 'all', 'handled', 'delays', 'shown']
const rows = []
for (const viewers of values.viewers.split(',').map(Number)) {
  const peers = []
  for (const name of names) peers.push(await start(name, viewers))
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      await run(peer)
      if (round < 0) for (const name of MEASURED) peer[name].length = 0
    }
  }
  for (const { peer, each, publish, main, all, handled, delays, shown } of peers) {
    const delay = [0.5, 0.99].map((share) => quantile(delays, share).toFixed(1))
    // With few viewers this figure would be noise.
    const memory = viewers < 100 || Number.isNaN(each) ? '' : each.toFixed(1)
    const costs = [publish, main, all, handled].map((values) => spread(values))
    rows.push([String(viewers), peer, ...costs, ...delay, spread(shown), memory])
  }
  const [first, ...others] = peers
  for (const peer of others) {
    const ratio = (name) => `**${spread(peer[name].map((value, round) => value / first[name][round]))}**`
    const ratios = ['publish', 'main', 'all'].map(ratio)
    rows.push([String(viewers), `**${peer.peer} / ${first.peer}**`, ...ratios, '', '', '', '', ''])
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
  'main µs a message and viewer',
  'last p50 ms',
  'last p99 ms',
  'shown',
  'KiB a viewer',
]
console.log(table(head, rows))
