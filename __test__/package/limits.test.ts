// Every limit stands in one table, src/limits.rs. What applications read of limits is compared with it here.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLoom, type Limits } from 'loom-live'
import { BUILT_ADDON } from '../support/addon'
import { SECRET } from '../support/site'

interface Limit {
  name: string
  unit: 'bytes' | 'count' | 'rate' | 'time'
  default: number
  least: number
  most: number
}

const root = join(__dirname, '..', '..')
const table = JSON.parse(jest.requireActual<{ limits(): string }>(BUILT_ADDON).limits()) as Limit[]

const UNITS: Record<Limit['unit'], [size: number, name: string][]> = {
  bytes: [
    [1 << 20, ' MiB'],
    [1 << 10, ' KiB'],
    [1, ' bytes'],
  ],
  time: [
    [86_400_000, ' days'],
    [1000, ' s'],
    [1, ' ms'],
  ],
  count: [[1, '']],
  rate: [[1, '']],
}

/** A default as people write it: 1 MiB, 14 days, 20,000. */
function written({ unit, default: value }: Limit): string {
  const [size, name] = UNITS[unit].find(([size]) => value % size === 0) as [number, string]
  return (value / size).toLocaleString('en-US') + name
}

const expected = table.map((limit) => [limit.name, written(limit)])

test('docs/limits.md has each limit once, with its default', () => {
  const page = readFileSync(join(root, 'docs/limits.md'), 'utf8')
  const [, rows = ''] = /\| limit \| default \|.*\n\| --- .*\n((?:\|.*\n)+)/.exec(page) ?? []
  expect([...rows.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm)].map(([, name, value]) => [name, value])).toEqual(expected)
})

test('index.d.ts has each limit once, with its default', () => {
  const types = readFileSync(join(root, 'index.d.ts'), 'utf8')
  const [, members = ''] = /\nexport interface Limits \{\n([^]*?)\n\}\n/.exec(types) ?? []
  const found = [...members.matchAll(/ Default ([^*]*)\.\s*\*\/\n {2}(\w+): number$/gm)]
  expect(found.map(([, value, name]) => [name, value])).toEqual(expected)
})

test('a limit may be what it is by default, and the least and the most it can be', async () => {
  for (const { name, default: value, least, most } of table) {
    for (const given of [value, least, most]) {
      const loom = createLoom({ secret: SECRET, limits: { [name]: given } })
      await loom.close()
    }
  }
})

test('a limit that cannot be is an error that names it, what it takes and what was given', () => {
  for (const { name, unit, least, most } of table) {
    const wrong: unknown[] = [least - 1, most * 2, NaN, Infinity, -Infinity, '1', null, true, {}]
    if (unit !== 'time') wrong.push(least + 0.5)
    for (const given of wrong) {
      const make = () => createLoom({ secret: SECRET, limits: { [name]: given } as Partial<Limits> })
      expect(make).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
      expect(make).toThrow(new RegExp(`^Expected a .*number.* for limits\\.${name} but received `))
    }
  }
})
