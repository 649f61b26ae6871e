// Measures loom-live beside a server written by hand, and prints the results as Markdown.
// See README.md.

import { spawnSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cases, measureEvents } from './measure/events.mjs'
import { measureGrowth } from './measure/growth.mjs'
import { measureJoins } from './measure/joins.mjs'
import { measureMemory } from './measure/memory.mjs'
import { buildLoad } from './support/load.mjs'

const HELP = `node bench/run.mjs [options]

  --measure LIST       of events, growth, joins, memory; all by default
  --workloads LIST     of counter, table, list, text; all by default
  --rows LIST          sizes of the table; 1000 by default
  --connections N      for events; by default 100, and for tables fewer
  --rounds N           measured runs of each server, alternating; 9 by default
  --warm-up N          runs before them; 3 by default
  --millis N           the length of a run of events; 1000 by default
  --protocol NAME      loom-live's dialect: classic or loom.2, its browser client's own and the default
  --against FOLDER     events: another clone of this repository, built, is measured as well, under the name "before"
  --store PLACE        has loom-live keep its states in this SQLite file, or in Redis at this URL; none by default
  --cores SERVERS,LOAD where servers and load run; 0,1 by default
  --no-build           measure what was built last
`

const { values } = parseArgs({
  options: {
    measure: { type: 'string', default: 'events,growth,joins,memory' },
    workloads: { type: 'string', default: 'counter,table,list,text' },
    rows: { type: 'string', default: '' },
    connections: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    'warm-up': { type: 'string', default: '3' },
    millis: { type: 'string', default: '1000' },
    protocol: { type: 'string', default: 'loom.2' },
    against: { type: 'string' },
    store: { type: 'string' },
    cores: { type: 'string', default: '0,1' },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}

/** The path of a file, or the address of Redis. */
const placeOf = (text) => (/^rediss?:/.test(text) ? text : resolve(text))
const list = (text) => text.split(',').filter((part) => part !== '')
const [servers, load] = list(values.cores).map(Number)
const options = {
  cores: { servers, load },
  connections: values.connections === undefined ? undefined : Number(values.connections),
  rounds: Number(values.rounds),
  warmUp: Number(values['warm-up']),
  millis: Number(values.millis),
  against: values.against === undefined ? undefined : resolve(values.against),
  protocol: values.protocol === 'classic' ? undefined : values.protocol,
  environment: values.store === undefined ? {} : { STORE: placeOf(values.store) },
  progress: (text) => process.stderr.write(`${text}\n`),
}

if (!values['no-build']) {
  const setup = fileURLToPath(new URL('../scripts/setup.mjs', import.meta.url))
  if (spawnSync(process.execPath, [setup], { stdio: ['ignore', 2, 2] }).status !== 0) process.exit(1)
  buildLoad()
}
// Other work of the machine slows the servers unequally, so the load is printed.
const load1 = loadavg()[0].toFixed(1)
// This process leaves the servers' core.
spawnSync('taskset', ['-cp', String(load), String(process.pid)])

const hasEach = 'each' in (await import('loom-live'))
const measures = list(values.measure)
const parts = []
if (measures.includes('events')) {
  parts.push(await measureEvents(cases(list(values.workloads), list(values.rows).map(Number), hasEach), options))
}
if (measures.includes('growth')) parts.push(await measureGrowth(options))
if (measures.includes('joins')) parts.push(await measureJoins(options))
if (measures.includes('memory')) parts.push(await measureMemory(options, hasEach))

const date = new Date().toISOString().slice(0, 10)
const machine = `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`
console.log(
  `${date}; ${machine}; load ${load1} before; loom-live speaks ${values.protocol}. Medians of ${options.rounds} rounds; in brackets the middle half.\n`,
)
console.log(parts.join('\n\n'))
