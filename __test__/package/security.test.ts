/** What SECURITY.md says is shown by a test is a test, by its whole name, in what Jest and Cargo themselves say they run. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cellsOf, jestTests, matches, read, testNamed } from './named_tests'

const ROOT = join(__dirname, '../..')
const text = cellsOf('SECURITY.md')

testNamed(text, { titles: 20, rust: 20 })

test('the fuzz targets are built, each for the property of its name', () => {
  const manifest = read('fuzz/Cargo.toml')
  const targets = [...text.matchAll(/fuzz targets? ((?:`\w+`(?:, | and )?)+)/g)]
    .flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)])
    .map(([, name = '']) => name)
  expect(targets.length).toBeGreaterThan(5)
  for (const target of targets) {
    expect(manifest).toContain(`[[bin]]\nname = "${target}"\npath = "fuzz_targets/${target}.rs"\n`)
    expect(read(`fuzz/fuzz_targets/${target}.rs`)).toMatch(
      new RegExp(`^libfuzzer_sys::fuzz_target!\\([^]*::${target}\\n`, 'm'),
    )
  }
})

test('each fault that is planted for a fuzz target has its one place in the sources', () => {
  type Fault = Record<'what' | 'file' | 'from' | 'to', string>
  const faults = Object.values(JSON.parse(read('fuzz/faults.json')) as Record<string, Fault[]>).flat()
  expect(faults.length).toBeGreaterThan(10)
  for (const { what, file, from } of faults) expect([what, read(file).split(from).length - 1]).toEqual([what, 1])
})

test('the scripts are in package.json, and the attacks among those that run', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, name = ''] of text.matchAll(/`npm run (\w+)`/g)) expect(Object.keys(scripts)).toContain(name)
  const sources = ['attacks', 'shared_attacks'].map((name) => read(`__test__/attack/${name}.ts`)).join('')
  const attacks = [...sources.matchAll(/^ {4}name: '([^']+)',$/gm)].map(([, name]) => name)
  const named = [...text.matchAll(/`npm run attack`((?:,? "[^"]+")*)/g)].flatMap(([, names = '']) => [
    ...names.matchAll(/"([^"]+)"/g),
  ])
  expect(named.length).toBeGreaterThan(5)
  for (const [, name] of named) expect(attacks).toContain(name)
})

test('a name in a comment, a skipped test and one beside a focused one are no tests', () => {
  const folder = mkdtempSync(join(ROOT, '__test__', 'package', 'listing-'))
  try {
    const write = (name: string, source: string): string => {
      const file = join(folder, `${name}.test.ts`)
      writeFileSync(file, source)
      return file
    }
    const files = [
      write(
        'one',
        `// test('commented', () => {})\ntest.skip('skipped', () => {})\ntest.todo('to do')\ndescribe('in', () => { test('real', () => { throw new Error('run') }) })\ndescribe.skip('out', () => { test('skipped too', () => {}) })`,
      ),
      write('two', `test.only('focused', () => {})\ntest('beside', () => {})`),
    ]
    const tests = jestTests(files)
    expect(files.map((file) => tests.get(file))).toEqual([[['in', 'real']], [['focused']]])
    expect(matches(['in', 'real'], 'real') && matches(['in', 'real'], 'in real') && matches(['a realm'], 'a r…m')).toBe(
      true,
    )
    expect(matches(['in', 'real'], 'rea') || matches(['in', 'real'], 'commented')).toBe(false)
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 60_000)
