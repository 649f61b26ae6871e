// Runs each target for a while and shows what came of it:
//
//   node fuzz/run.mjs [--minutes 10] [--target templates] [--address]

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build, here, options, TARGETS } from './build.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    target: { type: 'string', multiple: true, default: TARGETS },
    address: { type: 'boolean', default: false },
  },
})
const seconds = Math.round(Number(values.minutes) * 60)
if (!(seconds > 0)) throw new Error(`Expected a number of minutes but received ${values.minutes}`)
const unknown = values.target.find((target) => !TARGETS.includes(target))
if (unknown !== undefined) throw new Error(`Expected one of ${TARGETS.join(', ')} but received ${unknown}`)

const program = build(here, { address: values.address })
const rows = values.target.map((target) => {
  const found = join(here, 'artifacts', target)
  const work = join(here, 'work', target)
  for (const folder of [found, work]) mkdirSync(folder, { recursive: true })
  const parameters = [...options(target), `-max_total_time=${seconds}`, `-artifact_prefix=${found}/`]
  console.log(`\n${target}: ${seconds} s`)
  // The first folder gets what is new.
  const { status, stderr } = spawnSync(program(target), [...parameters, work, join(here, 'corpus', target)], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (status !== 0) console.log(stderr.split('\n').slice(-60).join('\n'))
  const number = (pattern) => [...stderr.matchAll(pattern)].at(-1)?.[1] ?? '?'
  return {
    target,
    executions: number(/stat::number_of_executed_units: +(\d+)/g),
    'a second': number(/stat::average_exec_per_sec: +(\d+)/g),
    edges: number(/cov: (\d+)/g),
    'MiB at most': number(/stat::peak_rss_mb: +(\d+)/g),
    outcome: status === 0 ? 'nothing found' : `FOUND, see fuzz/artifacts/${target}`,
    passed: status === 0,
  }
})

const columns = ['target', 'executions', 'a second', 'edges', 'MiB at most', 'outcome']
const line = (cells) => `| ${cells.join(' | ')} |`
console.log(
  `\n${[line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(columns.map((column) => row[column])))].join('\n')}`,
)
process.exit(rows.every(({ passed }) => passed) ? 0 : 1)
