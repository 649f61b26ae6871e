import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from '../support/child'

const FOLDER = join(ROOT, '__test__', 'types')

const STRICT = [
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--target',
  'es2022',
  '--module',
  'nodenext',
  '--types',
  'node',
]

// As an installed package is found: by its own `exports`, in both module systems.
test('props are inferred and flow, wrong uses are errors, in CommonJS and ESM, under --strict', () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const files = ['usage.ts', 'usage.mts'].map((name) => join(FOLDER, name))
  const { stdout, status } = spawnSync(process.execPath, [tsc, ...STRICT, '--skipLibCheck', ...files], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
}, 60_000)

test('the declarations stand for themselves: no other library, no loose types', () => {
  for (const name of ['index.d.ts', 'index.d.mts']) {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, name), 'utf8'))
    expect(importedFiles.map(({ fileName }) => fileName).filter((file) => !/^(node:|\.)/.test(file))).toEqual([])
  }
  expect(readFileSync(join(ROOT, 'index.d.ts'), 'utf8')).not.toMatch(/\bany\b(?=\s*[;,)>\]])/)
})
