// `npm run torture [events] [seed] [killEvery] [pages] [messages]`, with `-- --processes 3` on three processes with Redis,
// whose connections are killed and which stands still; with `-- --processes 3 --redis-restarts` Redis is killed and
// started again instead: see __test__/torture/torture.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values, positionals } = parseArgs({
  options: {
    processes: { type: 'string', default: '1' },
    'redis-restarts': { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const [events = 1_000_000, seed = Date.now() % 2 ** 31, killEvery = 1500, pages = 40, given] = positionals.map(Number)
const messages = given ?? Math.round(events * 0.3)
const processes = Number(values.processes)
const redisRestarts = values['redis-restarts']
if (redisRestarts && processes < 2) throw new Error('Expected --redis-restarts with --processes 2 or more')

const { build } = await import('esbuild')
// The folder is inside the repository, so that Node finds its packages.
const folder = mkdtempSync(join(root, 'node_modules', '.torture-'))
try {
  const outfile = join(folder, 'torture.mjs')
  await build({
    entryPoints: [join(root, '__test__/torture/torture.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  const { torture } = await import(pathToFileURL(outfile).href)
  console.log(`${events} events, seed ${seed}`)
  const options = { events, messages, pages, killEvery, processes, redisRestarts, root, seed }
  const report = await torture(options, (line) => console.log(line))
  const { wrong, ...counts } = report
  console.log(JSON.stringify(counts, null, 2))
  for (const line of wrong) console.error(line.slice(0, 2000))
  const isRight = wrong.length === 0 && counts.resets === 0 && counts.events === events
  console.log(isRight ? 'Every component is in the state of the model.' : 'Something was lost, or came twice.')
  process.exitCode = isRight ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
