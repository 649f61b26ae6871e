// `npm run torture [events] [seed] [killEvery] [pages] [messages]`: see __test__/torture/torture.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const events = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const messages = Number(process.argv[6] ?? Math.round(events * 0.3))

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
  const report = await torture(
    { events, messages, pages: Number(process.argv[5] ?? 40), killEvery: Number(process.argv[4] ?? 1500), root, seed },
    (line) => console.log(line),
  )
  const { wrong, ...counts } = report
  console.log(JSON.stringify(counts, null, 2))
  for (const line of wrong) console.error(line.slice(0, 2000))
  const isRight = wrong.length === 0 && counts.resets === 0 && counts.events === events
  console.log(isRight ? 'Every component is in the state of the model.' : 'Something was lost, or came twice.')
  process.exitCode = isRight ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
