/** What docs/guarantees.md and docs/contracts.md promise, each row of it, is shown by tests that exist. */

import { cellsOf, namedInCargo, namedInJest, read, testNamed } from './named_tests'

const own = cellsOf('docs/guarantees.md')
const text = [own, cellsOf('docs/contracts.md')].join('\n')
const [promises = '', shown = ''] = read('docs/guarantees.md').split('## Who shows it')

/** The first cells of a table's rows, without its head. */
const rowsOf = (part: string): string[] =>
  [...part.matchAll(/^\| ([^|]+?) +\|.*\n/gm)]
    .map(([, cell = '']) => cell)
    .filter((cell) => !/^(?:what|-+)$/.test(cell))

test('each promise has tests, and each row of tests has some', () => {
  const promised = rowsOf(promises).map((cell) => /\*\*(.*)\*\*/.exec(cell)?.[1] ?? cell)
  expect(promised.length).toBeGreaterThan(6)
  const rows = rowsOf(shown)
  for (const one of promised) expect([one, rows.some((row) => row.startsWith(one))]).toEqual([one, true])
  const cells = own.split('\n').slice(-rows.length)
  for (const cell of cells) {
    const count = namedInJest(cell).length + namedInCargo(cell).length
    expect([cell, count > 0]).toEqual([cell, true])
  }
})

test('each promise of docs/contracts.md has tests', () => {
  const rows = read('docs/contracts.md')
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| (?:what is promised|---) \|/.test(line))
  expect(rows.length).toBeGreaterThan(100)
  for (const row of rows) {
    const [, promise = '', cell = '', more] = row.split(/ ?\| /)
    const count = namedInJest(cell).length + namedInCargo(cell).length
    expect([promise, count > 0, more]).toEqual([promise, true, undefined])
  }
})

test('docs/nothing-is-lost.md says of a crash what docs/guarantees.md says', () => {
  const [, said = ''] =
    /^## What a crash takes back\n\n(.*?) For each kind of message:/m.exec(read('docs/nothing-is-lost.md')) ?? []
  const guaranteed = read('docs/guarantees.md').split('## What a crash takes back')[1] ?? ''
  const sentences = said.split(/(?<=\.) (?=[A-Z])/)
  expect(sentences.length).toBeGreaterThan(5)
  for (const sentence of sentences) expect(guaranteed).toContain(sentence)
})

testNamed(text, { titles: 20, rust: 4 })
