// Runs all tests: Rust's own, then those that use the package as an application does.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin', 'jest.js')

/** Tests that are passed over write a line into this file, for each test file and browser. */
const folder = mkdtempSync(join(tmpdir(), 'loom-live-test-'))
const passedOver = join(folder, 'passed-over')
writeFileSync(passedOver, '')
/** And what cannot be shown here: with what Debian packages. */
const notShown = join(folder, 'not-shown')
writeFileSync(notShown, '')

function run(name, command, parameters) {
  console.log(`\n${name}`)
  const started = Date.now()
  const env = { ...process.env, LOOM_PASSED_OVER: passedOver, LOOM_NOT_SHOWN: notShown }
  const { status, signal, error } = spawnSync(command, parameters, { cwd: root, env, stdio: 'inherit' })
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  const outcome = error?.message ?? (status === 0 ? 'passed' : `failed (${signal ?? `exit code ${status}`})`)
  return { name, passed: status === 0, text: `${name}: ${outcome} in ${seconds} s` }
}

const results = [
  run('Rust tests', 'cargo', ['test', '--locked']),
  run('Rust models', process.execPath, [join(root, 'scripts', 'models.mjs')]),
  run('Runtimes', process.execPath, [join(root, 'scripts', 'runtimes.mjs')]),
  run('JavaScript tests', process.execPath, [jest, ...process.argv.slice(2)]),
]
console.log(`\n${results.map(({ text }) => text).join('\n')}`)
const missing = [...new Set(readFileSync(passedOver, 'utf8').split('\n').filter(Boolean))]
const hidden = [...new Set(readFileSync(notShown, 'utf8').split('\n').filter(Boolean))]
rmSync(folder, { recursive: true })
if (hidden.length > 0) console.log(`\nCANNOT BE SHOWN ON THIS MACHINE\n${hidden.join('\n')}`)
if (missing.length > 0) console.log(`\nNOT EVERYTHING WAS TESTED\n${missing.join('\n')}`)
process.exit(results.every(({ passed }) => passed) ? 0 : 1)
