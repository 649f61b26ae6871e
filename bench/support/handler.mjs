// Measures what the handler of a table costs by itself, in µs of its thread: `node handler.mjs ROWS`.

import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { modules } from '../servers/workloads.mjs'

const rows = Number(process.argv[2])
const { fill, change } = modules(
  () => undefined,
  () => undefined,
)['table-each'].handle
const used = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3
const events = Math.max(2000, Math.min(20_000, 200_000_000 / rows))
let props = fill({}, { value: rows })

async function run() {
  const before = used()
  for (let event = 0; event < events; event++) {
    props = change(props, { value: String(event % rows) })
    if (event % 50 === 0) await setImmediate()
  }
  return (used() - before) / events
}

await run()
console.log(await run())
