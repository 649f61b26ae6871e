/** What SECURITY.md says is shown by a test is a test, by its whole name, in what Jest and Cargo themselves say they run. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const ROOT = join(__dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const runner = join(dirname(createRequire(__filename).resolve('jest/package.json')), 'bin', 'jest.js')

/** The last cells of the tables, as they are read. */
const cells = read('SECURITY.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => (line.split(' | ').at(-1) ?? '').replace(/\\_/g, '_'))
const text = cells.join('\n')

interface Named {
  path: string
  title?: string
}

/** Each path with each of the titles behind it. */
function named(pattern: RegExp, title: RegExp): Named[] {
  return [...text.matchAll(pattern)].flatMap(([, path = '', titles = '']) => {
    const found = [...titles.matchAll(title)].map(([, title = '']) => ({ path, title }))
    return found.length > 0 ? found : [{ path }]
  })
}

/** `server/bind` "a title", "another": a title may leave out with … what differs between several tests. */
const inJest = named(/`((?:server|client|package|demo)\/\w+)`((?:,? "[^"]+")*)/g, /"([^"]+)"/g)
/** `token.rs` `a_name`, `another`. */
const inCargo = named(/`([\w/]+\.rs)`((?:,? `\w+`(?!\.rs))*)/g, /`(\w+)`/g)

/** Whether a test has this title, alone or behind those of the blocks that it is in. */
function matches(titles: string[], wanted: string): boolean {
  const parts = wanted.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's')
  return titles.some((_, from) => pattern.test(titles.slice(from).join(' ')))
}

/** The tests that Jest would run of these files, by their titles from the outermost block on. */
function jestTests(files: string[]): Map<string, string[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'listing-'))
  try {
    const listing = join(folder, 'tests')
    writeFileSync(listing, '')
    const parameters = [
      '--env',
      join(ROOT, '__test__', 'support', 'listing.cjs'),
      '--maxWorkers',
      '1',
      '--runTestsByPath',
      ...files,
    ]
    const { status, stderr } = spawnSync(process.execPath, [runner, ...parameters], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, LOOM_LISTING: listing },
    })
    if (status !== 0) throw new Error(stderr)
    const tests = new Map<string, string[][]>(files.map((file) => [file, []]))
    for (const line of readFileSync(listing, 'utf8').split('\n').filter(Boolean)) {
      const [file, titles] = JSON.parse(line) as [string, string[]]
      tests.get(file)?.push(titles)
    }
    return tests
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The names of the tests that Cargo would run. */
function cargoTests(): string[] {
  const list = (...parameters: string[]): string[] => {
    const { status, stdout, stderr } = spawnSync(
      'cargo',
      ['test', '--locked', '--lib', '--', '--list', ...parameters],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    )
    if (status !== 0) throw new Error(stderr)
    return [...stdout.matchAll(/^(\S+): test$/gm)].map(([, name = '']) => name)
  }
  const ignored = new Set(list('--ignored'))
  return list().filter((name) => !ignored.has(name))
}

test('the tests in JavaScript are among those that Jest runs', () => {
  const fileOf = ({ path }: Named): string => join(ROOT, '__test__', `${path}.test.ts`)
  const tests = jestTests([...new Set(inJest.map(fileOf))])
  const missing = inJest.filter((one) => {
    const found = tests.get(fileOf(one)) ?? []
    return (
      found.length === 0 || (one.title !== undefined && !found.some((titles) => matches(titles, one.title as string)))
    )
  })
  expect(missing).toEqual([])
  expect(inJest.filter(({ title }) => title !== undefined).length).toBeGreaterThan(20)
}, 300_000)

test('the tests in Rust are among those that Cargo runs', () => {
  const tests = cargoTests()
  const missing = inCargo.filter(({ path, title }) => {
    // Its interleavings are a build of their own, which `npm test` runs beside the others.
    if (path === 'models.rs') return !read('scripts/test.mjs').includes("'scripts', 'models.mjs'")
    const module = path.replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::')
    if (title !== undefined)
      return !tests.some((name) => name === `${module}::${title}` || name === `${module}::tests::${title}`)
    return !tests.some((name) => name.startsWith(`${module}::`))
  })
  expect(missing).toEqual([])
  expect(inCargo.length).toBeGreaterThan(20)
}, 900_000)

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

test('the scripts are in package.json, and the attacks among those that run', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, name = ''] of text.matchAll(/`npm run (\w+)`/g)) expect(Object.keys(scripts)).toContain(name)
  const attacks = [...read('__test__/attack/attacks.ts').matchAll(/^ {4}name: '([^']+)',$/gm)].map(([, name]) => name)
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
