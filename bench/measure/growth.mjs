// Measures how the cost of an event grows with its table, for each thread, always with two connections.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startLoad } from '../support/load.mjs'
import { startServer } from '../support/servers.mjs'
import { median } from '../support/statistics.mjs'
import { table } from '../support/table.mjs'

const SIZES = [1000, 10_000, 100_000]
const CONNECTIONS = 2
const MODULE = 'table-each'

/** CPU per event, in µs: of JavaScript's thread, of Rust's, and of V8's helpers. */
async function measure(rows, beside, options) {
  const load = startLoad(options.cores.load)
  const environment = { ...options.environment, ...(beside > 0 && { BESIDE: String(beside) }) }
  const running = await startServer('loom', { core: options.cores.servers, environment })
  const rounds = []
  try {
    const { port, process, tokens } = running
    await load.ask({
      ...{ do: 'connect', target: 'loom', port, process, path: '/loom/ws', protocol: options.protocol },
      ...{ module: MODULE, token: tokens[MODULE], connections: CONNECTIONS, at_once: CONNECTIONS },
      setup: { handler: 'fill', value: String(rows) },
    })
    for (let round = -options.warmUp; round < options.rounds; round++) {
      const run = { do: 'run', target: 'loom', handler: 'change', values: rows, millis: options.millis }
      const { events, cpuAll, cpuMain, cpuRust } = await load.ask(run)
      if (round >= 0) rounds.push([cpuMain, cpuRust, cpuAll - cpuMain - cpuRust].map((time) => time / events / 1e3))
    }
  } finally {
    load.stop()
    await running.stop()
  }
  return [0, 1, 2].map((thread) => median(rounds.map((round) => round[thread])))
}

function handlerAlone(rows, core) {
  const file = fileURLToPath(new URL('../support/handler.mjs', import.meta.url))
  return Number(
    execFileSync('taskset', ['-c', String(core), process.execPath, file, String(rows)], { encoding: 'utf8' }),
  )
}

export async function measureGrowth(options) {
  const lines = []
  let least = 0
  for (const rows of SIZES) {
    options.progress(`growth: ${rows} rows`)
    const handler = handlerAlone(rows, options.cores.servers)
    const [main, rust, helpers] = await measure(rows, 0, options)
    if (least === 0) least = main - handler
    const grown = rows === SIZES[0] ? undefined : ((main - handler - least) * 1e3) / (rows - SIZES[0])
    const beside = rows === SIZES[0] ? undefined : (await measure(SIZES[0], rows, options))[1]
    lines.push([
      rows.toLocaleString('en'),
      ...[main, handler].map((time) => time.toFixed(1)),
      grown?.toFixed(1) ?? '',
      rust.toFixed(1),
      beside?.toFixed(1) ?? '',
      helpers.toFixed(1),
    ])
  }
  const head = [
    'rows',
    'main µs',
    'of it the handler',
    'ns for each row more',
    'Rust µs',
    'Rust µs, 1,000 rows beside such a list',
    'V8’s helpers µs',
  ]
  return `### Growth\n\n${table(head, lines)}`
}
