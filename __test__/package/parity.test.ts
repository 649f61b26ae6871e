/** Each test that docs/parity.md names exists, and each row says either which test shows it or why there is none. */

import { missingInJest, namedInJest, read } from './named_tests'

const page = read('docs/parity.md')
const scenarios = (page.split("## LiveView's scenarios")[1] ?? '').split('\n## ')[0] ?? ''

test('the tests that are named are among those that Jest runs', () => {
  const wanted = namedInJest(page)
  expect(wanted.filter(({ title }) => title !== undefined).length).toBeGreaterThan(100)
  expect(missingInJest(wanted)).toEqual([])
}, 300_000)

test('each scenario names a test with its title, or begins with why there is none', () => {
  const rows = scenarios.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:scenario|---) \|/.test(line))
  expect(rows.length).toBeGreaterThan(150)
  for (const row of rows) {
    const [scenario = '', cell = '', more] = row.slice(2, -2).split(' | ')
    const isShown = namedInJest(cell).some(({ title }) => title !== undefined)
    const isExplained = /^(?:Not built|Not here|Differs)\b/.test(cell)
    expect([scenario, isShown || isExplained, more]).toEqual([scenario, true, undefined])
  }
})
