/** What `npm run audit` makes of what the tools say, with tools that say it. */

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const SCRIPT = join(__dirname, '../../scripts/audit.mjs')

interface Said {
  code: number
  out?: string
  err?: string
}

const lines = (...list: object[]) => list.map((line) => JSON.stringify(line)).join('\n')

const NPM_CLEAN: Said = {
  code: 0,
  out: '{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0}}}',
}
const NPM_FOUND: Said = {
  code: 1,
  out: '{"auditReportVersion":2,"vulnerabilities":{"x":{"name":"x","severity":"high","range":"<2"}},"metadata":{"vulnerabilities":{"total":1}}}',
}
const NPM_OFFLINE: Said = { code: 1, out: '{"message":"405 Method Not Allowed","error":{"summary":"","detail":""}}' }

const summary = (errors: number) => ({
  type: 'summary',
  fields: { advisories: { errors, helps: 0, notes: 0, warnings: 0 } },
})
const RUST_CLEAN: Said = { code: 0, err: lines(summary(0)) }
const RUST_FOUND: Said = {
  code: 1,
  err: lines(
    {
      type: 'diagnostic',
      fields: {
        severity: 'error',
        code: 'vulnerability',
        message: 'bad',
        advisory: { id: 'RUSTSEC-2099-0001' },
        labels: [{ span: 'x 1.0.0' }],
      },
    },
    summary(1),
  ),
}
const RUST_OFFLINE: Said = {
  code: 1,
  err: lines({
    type: 'log',
    fields: { level: 'ERROR', message: 'failed to fetch advisory database https://github.com/RustSec/advisory-db' },
  }),
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loom-live-audit-'))
})

afterEach(() => rm(folder, { recursive: true }))

async function says(name: string, { code, out = '', err = '' }: Said): Promise<void> {
  const file = join(folder, name)
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  await writeFile(file, `#!/bin/sh\nprintf %s ${quoted(out)}\nprintf %s ${quoted(err)} >&2\nexit ${code}\n`)
  await chmod(file, 0o755)
}

async function audit(rust: Said, npm: Said): Promise<{ code: number; rust: string; npm: string; all: string }> {
  await Promise.all([says('cargo-deny', rust), says('npm', npm)])
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` }
    const child = execFile(process.execPath, [SCRIPT], { env }, (_, all) => {
      const line = (name: string) => new RegExp(`^${name} dependencies: (.*)$`, 'm').exec(all)?.[1] ?? all
      resolve({ code: child.exitCode ?? -1, rust: line('Rust'), npm: line('npm'), all })
    })
  })
}

test('both databases know of nothing: clean, 0', async () => {
  expect(await audit(RUST_CLEAN, NPM_CLEAN)).toMatchObject({ code: 0, rust: 'clean', npm: 'clean' })
})

test('a database that cannot be asked is not clean: 2', async () => {
  expect(await audit(RUST_OFFLINE, NPM_CLEAN)).toMatchObject({ code: 2, rust: 'not available', npm: 'clean' })
  expect(await audit(RUST_CLEAN, NPM_OFFLINE)).toMatchObject({ code: 2, rust: 'clean', npm: 'not available' })
  const { code, all } = await audit(RUST_OFFLINE, NPM_OFFLINE)
  expect(code).toBe(2)
  expect(all).not.toContain('clean')
  expect(all).toContain('failed to fetch advisory database')
  expect(all).toContain('405 Method Not Allowed')
})

test('a known vulnerability is named, whatever else could be asked: 1', async () => {
  const both = await audit(RUST_FOUND, NPM_FOUND)
  expect(both).toMatchObject({ code: 1, rust: 'VULNERABLE', npm: 'VULNERABLE' })
  expect(both.all).toContain('RUSTSEC-2099-0001 x 1.0.0: bad')
  expect(both.all).toContain('x <2: high')
  expect(await audit(RUST_OFFLINE, NPM_FOUND)).toMatchObject({ code: 1, rust: 'not available' })
  expect(await audit(RUST_FOUND, NPM_OFFLINE)).toMatchObject({ code: 1, npm: 'not available' })
})

test.each<[string, Said, Said]>([
  ['nothing, successfully', { code: 0 }, { code: 0 }],
  ['what is no report', { code: 0, err: 'advisories ok' }, { code: 0, out: 'found 0 vulnerabilities' }],
  ['a report of nothing, and that it failed', { ...RUST_CLEAN, code: 3 }, { ...NPM_CLEAN, code: 1 }],
  [
    'another report',
    { code: 0, err: lines({ type: 'summary', fields: { licenses: { errors: 0 } } }) },
    { code: 0, out: '{}' },
  ],
])('a tool that says %s has not said that all is well', async (_, rust, npm) => {
  expect(await audit(rust, npm)).toMatchObject({ code: 2, rust: 'not available', npm: 'not available' })
})
