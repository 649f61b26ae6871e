// Runs all tests: Rust's own, then those that use the package as an application does.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
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

/** So many files may be run again: if more fail, something is broken. */
const MOST_AGAIN = 8
/** Those that passed then. */
const again = []

/**
 * Jest. Browsers and killed processes are not always in time on a machine that does other things: if a few test files fail,
 * these are run once more, alone, and the end of the run names what passed only then.
 */
function runJest(parameters) {
  const report = join(folder, 'jest.json')
  const jestWith = (...more) => [jest, '--json', '--outputFile', report, ...more]
  const first = run('JavaScript tests', process.execPath, jestWith(...parameters))
  const failed = first.passed ? [] : failedFiles(report)
  if (failed.length === 0 || failed.length > MOST_AGAIN) return [first]
  rmSync(report)
  const second = run(
    'JavaScript tests that failed, alone',
    process.execPath,
    jestWith('--runInBand', '--runTestsByPath', ...failed),
  )
  if (second.passed) again.push(...failed.map((file) => relative(root, file)))
  return second.passed ? [{ ...first, passed: true }, second] : [first, second]
}

/** Nothing if Jest has not come to its end. */
function failedFiles(report) {
  if (!existsSync(report)) return []
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  return testResults.filter(({ status }) => status === 'failed').map(({ name }) => name)
}

const results = [
  run('Rust tests', 'cargo', ['test', '--locked']),
  run('Rust models', process.execPath, [join(root, 'scripts', 'models.mjs')]),
  run('Runtimes', process.execPath, [join(root, 'scripts', 'runtimes.mjs')]),
  ...runJest(process.argv.slice(2)),
]
console.log(`\n${results.map(({ text }) => text).join('\n')}`)
const missing = [...new Set(readFileSync(passedOver, 'utf8').split('\n').filter(Boolean))]
const hidden = [...new Set(readFileSync(notShown, 'utf8').split('\n').filter(Boolean))]
rmSync(folder, { recursive: true })
if (again.length > 0) console.log(`\nPASSED ONLY WHEN RUN AGAIN\n${again.join('\n')}`)
if (hidden.length > 0) console.log(`\nCANNOT BE SHOWN ON THIS MACHINE\n${hidden.join('\n')}`)
if (missing.length > 0) console.log(`\nNOT EVERYTHING WAS TESTED\n${missing.join('\n')}`)
process.exit(results.every(({ passed }) => passed) ? 0 : 1)
