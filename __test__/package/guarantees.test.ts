/** What docs/guarantees.md promises, each row of it, is shown by tests that exist. */

import { cellsOf, namedInCargo, namedInJest, read, testNamed } from './named_tests'

const text = cellsOf('docs/guarantees.md')
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
  const cells = text.split('\n').slice(-rows.length)
  for (const cell of cells) {
    const count = namedInJest(cell).length + namedInCargo(cell).length
    expect([cell, count > 0]).toEqual([cell, true])
  }
})

testNamed(text, { titles: 20, rust: 4 })
