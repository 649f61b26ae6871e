// Holds many connections for a long time, a tenth of them active; then all are cut at once. See README.md.

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildLoad, startLoad } from './support/load.mjs'
import { startServer } from './support/servers.mjs'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    minutes: { type: 'string', default: '10' },
    every: { type: 'string', default: '1000' },
  },
})
const connections = Number(values.connections)
const rounds = Number(values.minutes)
const every = Number(values.every)
const path = '/loom/ws'

buildLoad()
const load = startLoad(1)
const server = await startServer('loom', { core: 0 })
const { port, process: pid } = server
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
const target = 'loom'
try {
  const before = memory()
  const joined = await load.ask({
    ...{ do: 'connect', target, port, process: pid, path, protocol: 'loom.2', module: 'counter', connections },
    token: server.tokens.counter,
    at_once: 50,
    setup: null,
  })
  console.log(
    `${connections} connections joined in ${joined.seconds.toFixed(1)} s; ${before.toFixed(0)} MB before, ${memory().toFixed(0)} MB after\n`,
  )
  console.log('| minute | events | errors | p50 ms | p99 ms | memory MB | CPU all µs an event |')
  console.log('| ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  for (let minute = 1; minute <= rounds; minute++) {
    const active = Math.floor(connections / 10)
    const result = await load.ask({ do: 'pace', target, handler: 'increment', active, every, millis: 60_000 })
    const { events, errors, p50, p99, cpuAll } = result
    const numbers = [
      minute,
      events,
      errors,
      (p50 / 1e6).toFixed(2),
      (p99 / 1e6).toFixed(2),
      memory().toFixed(0),
      (cpuAll / events / 1e3).toFixed(0),
    ]
    console.log(`| ${numbers.join(' | ')} |`)
  }
  const cut = await load.ask({ do: 'cut', target, port, path, module: 'counter', at_once: 200 })
  const each = (nanos) => (nanos / cut.connections / 1e3).toFixed(0)
  console.log(
    `\nAll cut at once: the last of ${cut.connections} resumed after ${cut.seconds.toFixed(1)} s, ${cut.errors} errors; ${each(cut.cpuAll)} µs of CPU each, ${each(cut.cpuMain)} µs of it on the JavaScript thread; ${memory().toFixed(0)} MB`,
  )
} finally {
  load.stop()
  await server.stop()
}
