// Asks the databases of known vulnerabilities about our dependencies, Rust's and npm's.
//
// Prints `clean` only if the database has answered that it knows of no vulnerability. Exit code 0: both are clean; 1: a
// vulnerability is known; 2: none is known, but not every database could be asked.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from './tools.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const CLEAN = 'clean'
const missing = (why) => ({ outcome: 'not available', notes: [why] })

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function run(command, parameters) {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 300_000,
    shell: process.platform === 'win32' && command === 'npm',
  })
  return { status, stdout: stdout ?? '', stderr: stderr ?? '', error }
}

/** Asks RustSec's database with cargo-deny, which prints a line of JSON for each finding, and a summary. */
function rust() {
  const program = tool('cargo-deny')
  if (program === undefined) return missing('cargo-deny is not here and could not be installed')
  const { status, stdout, stderr, error } = run(program, ['--format', 'json', '--locked', 'check', 'advisories'])
  const lines = `${stdout}\n${stderr}`.split('\n').map(parsed).filter(Boolean)
  const counts = lines.find(({ type }) => type === 'summary')?.fields?.advisories
  const found = lines.filter(({ type, fields }) => type === 'diagnostic' && fields?.severity === 'error')
  const say = ({ fields }) =>
    `${fields.advisory?.id ?? fields.code ?? '?'} ${fields.labels?.[0]?.span ?? ''}: ${fields.message}`
  if (counts?.errors > 0) return { outcome: 'VULNERABLE', notes: found.map(say) }
  if (counts?.errors === 0 && status === 0) return { outcome: CLEAN, notes: [] }
  const log = lines.find(({ fields }) => fields?.level === 'ERROR')?.fields.message
  return missing(log ?? error?.message ?? `cargo-deny said nothing (exit code ${status})`)
}

/** Asks npm's registry about the packages in package-lock.json. */
function npm() {
  const { status, stdout, error } = run('npm', ['audit', '--json', '--package-lock-only'])
  const report = parsed(stdout)
  const total = report?.metadata?.vulnerabilities?.total
  if (total > 0) {
    const list = Object.values(report.vulnerabilities ?? {})
    return { outcome: 'VULNERABLE', notes: list.map(({ name, severity, range }) => `${name} ${range}: ${severity}`) }
  }
  if (total === 0 && status === 0 && report.auditReportVersion !== undefined) return { outcome: CLEAN, notes: [] }
  return missing(
    report?.message ?? report?.error?.summary ?? error?.message ?? `npm said nothing (exit code ${status})`,
  )
}

const results = { 'Rust dependencies': rust(), 'npm dependencies': npm() }
for (const [name, { outcome, notes }] of Object.entries(results)) {
  console.log([`${name}: ${outcome}`, ...notes.map((note) => `  ${note.trim().replaceAll('\n', '\n  ')}`)].join('\n'))
}
const outcomes = Object.values(results).map(({ outcome }) => outcome)
process.exit(outcomes.includes('VULNERABLE') ? 1 : outcomes.every((outcome) => outcome === CLEAN) ? 0 : 2)
