// docs/telemetry.md has a row for each code, each metric and each channel, and for nothing else.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testLoom } from '../support/site'

const read = (file: string): string => readFileSync(join(__dirname, '../..', file), 'utf8')
const docs = read('docs/telemetry.md')

/** The names in code style in the first columns of all tables. */
function namesInTables(pattern: RegExp): string[] {
  const rows = docs.split('\n').filter((line) => line.startsWith('| `'))
  const first = rows.map((row) => row.split('|')[1] ?? '')
  return first
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    .filter((name) => pattern.test(name))
}

test('each code of the log', () => {
  const types = /export type LogCode =\n([^]*?)\n\n/.exec(read('index.d.ts'))?.[1] ?? ''
  const codes = [...types.matchAll(/'(LOOM_\w+)'/g)].map(([, code = '']) => code)
  expect(codes.length).toBeGreaterThan(25)
  expect(namesInTables(/^LOOM_/).sort()).toEqual(codes.sort())
  const rust = [...read('src/codes.rs').matchAll(/=> "(LOOM_\w+)"/g)].map(([, code]) => code)
  expect(rust.length).toBeGreaterThan(20)
  expect(rust.filter((code) => !codes.includes(String(code)))).toEqual([])
})

test('each metric', () => {
  const text = testLoom().loom.metrics()
  const named = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name)
  // Those have a value only when something has failed, or with Redis.
  const seldom = ['loom_live_errors_total', 'loom_live_redis_losses_total', 'loom_live_redis_up']
  expect(namesInTables(/^loom_live_/).sort()).toEqual([...named, ...seldom].sort())
})

test('each channel', () => {
  const channels = [...read('lib/telemetry/channels.ts').matchAll(/channel\('(loom-live:[\w:]+)'\)/g)]
  expect(channels.length).toBeGreaterThan(10)
  expect(namesInTables(/^loom-live:/).sort()).toEqual(channels.map(([, name]) => name).sort())
})
