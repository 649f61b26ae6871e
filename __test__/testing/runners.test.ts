// The guides of docs/testing.md, each with its own runner, in a folder of its own.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const root = join(__dirname, '../..')
const docs = readFileSync(join(root, 'docs/testing.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'loom-live-runners-'))

/** The first block of code behind this heading. */
function guide(heading: string): string {
  const [, code] = /^```js\n([^]*?)^```$/m.exec(docs.slice(docs.indexOf(`## ${heading}\n`))) ?? []
  if (code === undefined) throw new Error(`docs/testing.md has no code behind ${heading}`)
  return code
}

beforeAll(() => {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(root, join(modules, 'loom-live'), 'junction')
  for (const name of ['happy-dom', 'jsdom', 'vitest', 'jest', '@testing-library'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(arguments_: string[], env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, arguments_, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: undefined, NODE_OPTIONS: undefined, NO_COLOR: '1', ...env },
  })
  const said = stdout + stderr
  if (status !== 0) throw new Error(said)
  return said
}

const binary = (name: string, file: string): string =>
  join(dirname(createRequire(__filename).resolve(`${name}/package.json`)), file)

test('node:test', () => {
  writeFileSync(join(folder, 'node.test.mjs'), guide('node:test'))
  expect(run(['--test', 'node.test.mjs'])).toMatch(/pass 1$/m)
}, 60_000)

test('jest', () => {
  mkdirSync(join(folder, 'jest'))
  // As applications do that are no modules: their compiler makes `require` of `import`.
  const code = guide('Jest').replaceAll(/^import (.*) from ('.*')$/gm, 'const $1 = require($2)')
  writeFileSync(join(folder, 'jest/page.test.cjs'), code)
  writeFileSync(join(folder, 'jest.config.json'), '{ "testMatch": ["**/jest/*.test.cjs"], "prettierPath": null }')
  expect(run([binary('jest', 'bin/jest.js'), '--ci', '--config', 'jest.config.json'])).toMatch('1 passed, 1 total')
}, 60_000)

test('vitest, and Testing Library in both documents', () => {
  mkdirSync(join(folder, 'vitest'))
  const queries = guide('Testing Library')
  writeFileSync(join(folder, 'vitest/page.test.mjs'), guide('Vitest'))
  writeFileSync(join(folder, 'vitest/queries.test.mjs'), queries)
  writeFileSync(
    join(folder, 'vitest/jsdom.test.mjs'),
    queries.replace('vitest-environment happy-dom', 'vitest-environment jsdom'),
  )
  expect(run([binary('vitest', 'vitest.mjs'), 'run', '--dir', 'vitest'])).toMatch(/Tests +3 passed/)
}, 120_000)
