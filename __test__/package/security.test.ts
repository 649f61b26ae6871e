/** What SECURITY.md says is shown by a test is in that test. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(__dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const lines = read('SECURITY.md').split('\n')
/** The last cells of the tables. */
const cells = lines.filter((line) => line.startsWith('| ')).map((line) => line.split(' | ').at(-1) ?? '')

test('the tests that it names are there', () => {
  const text = cells.join('\n').replaceAll('\\_', '_')
  let named = 0
  for (const [, path = '', title] of text.matchAll(/`((?:server|client|package)\/\w+)`(?: "([^"]+)")?/g)) {
    named += 1
    const source = read(`__test__/${path}.test.ts`)
    // A title may leave out what is different in each of several tests.
    for (const part of title?.split('…') ?? []) expect(source).toContain(part.trim())
  }
  for (const [, path = '', name] of text.matchAll(/`([\w/]+\.rs)`(?: `(\w+)`)?/g)) {
    named += 1
    const source = read(`src/${path}`)
    expect(source).toContain('#[')
    if (name !== undefined) expect(source).toContain(`fn ${name}()`)
  }
  for (const [, targets = ''] of text.matchAll(/fuzz targets? ((?:`\w+`(?:, | and )?)+)/g)) {
    for (const [, target = ''] of targets.matchAll(/`(\w+)`/g)) {
      named += 1
      expect(existsSync(join(ROOT, 'fuzz', 'fuzz_targets', `${target}.rs`))).toBe(true)
    }
  }
  expect(named).toBeGreaterThan(50)
})
