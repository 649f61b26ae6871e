// Measures what connecting and joining costs each server, beyond Node's own parsing and upgrade.

import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad } from '../support/load.mjs'
import { startServer } from '../support/servers.mjs'
import { median, spread } from '../support/statistics.mjs'
import { table } from '../support/table.mjs'

const CONNECTIONS = 1000
const AT_ONCE = 50
const MODULE = 'counter'
/** The least work of any server on Node: Node's own part, and an answer. */
const ANSWERING = { target: 'bare, answering', server: 'bare', environment: { ANSWER: '["j",0,0,0,0,"secret"]' } }

export async function measureJoins(options) {
  const servers = [{ target: 'bare' }, ANSWERING, { target: 'ws' }, { target: 'loom' }]
  const load = startLoad(options.cores.load)
  try {
    for (const server of servers) {
      const { target, server: name = target, environment } = server
      const running = await startServer(name, { core: options.cores.servers, environment })
      Object.assign(server, { running, all: [], main: [] })
    }
    for (let round = -options.warmUp; round < options.rounds; round++) {
      if (round <= 0) options.progress(round < 0 ? 'joins: warm-up' : 'joins')
      for (const { target, running, all, main } of servers) {
        const { port, process, tokens } = running
        const result = await load.ask({
          ...{ do: 'connect', target, port, process, path: '/loom/ws', token: tokens[MODULE] ?? '' },
          protocol: target === 'loom' ? options.protocol : target === 'ws' ? undefined : 'loom.2',
          module: target === 'bare' ? undefined : MODULE,
          connections: CONNECTIONS,
          at_once: AT_ONCE,
        })
        await load.ask({ do: 'drop', target })
        // Closing the connections is not measured.
        await sleep(300)
        if (round < 0) continue
        all.push(result.cpuAll / CONNECTIONS / 1e3)
        main.push(result.cpuMain / CONNECTIONS / 1e3)
      }
    }
  } finally {
    load.stop()
    await Promise.all(servers.map(({ running }) => running?.stop()))
  }
  const [bare, , ws, loom] = servers
  const beyond = (server, name) => server[name].map((value, round) => value - bare[name][round])
  const rows = servers.map((server) => [
    'counter',
    server.target,
    median(server.all).toFixed(0),
    median(server.main).toFixed(0),
    ...(server === bare
      ? ['', '']
      : [median(beyond(server, 'all')).toFixed(0), median(beyond(server, 'main')).toFixed(0)]),
  ])
  const ratio = (name) => {
    const ours = beyond(loom, name)
    const theirs = beyond(ws, name)
    return spread(ours.map((value, round) => value / theirs[round]))
  }
  rows.push(['counter', '**loom / ws**', '', '', `**${ratio('all')}**`, `**${ratio('main')}**`])
  const head = ['joins', 'server', 'CPU all µs', 'CPU main µs', 'all beyond bare µs', 'main beyond bare µs']
  return `### Joins\n\n${table(head, rows)}`
}
