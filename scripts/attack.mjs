// `npm run attack [name…]`: see __test__/attack/attacks.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { build } = await import('esbuild')
// The folder is inside the repository, so that Node finds its packages.
const folder = mkdtempSync(join(root, 'node_modules', '.attack-'))
try {
  await build({
    entryPoints: ['run', 'innocent'].map((name) => join(root, `__test__/attack/${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  const { run } = await import(pathToFileURL(join(folder, 'run.mjs')).href)
  const held = await run(root, process.argv.slice(2), (line) => console.log(line))
  process.exitCode = held ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
