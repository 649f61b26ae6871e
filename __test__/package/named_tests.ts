/** Finds the tests that a page of the documentation names, and those that Jest and Cargo themselves say they run. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const ROOT = join(__dirname, '../..')
const runner = join(dirname(createRequire(__filename).resolve('jest/package.json')), 'bin', 'jest.js')

/** The text of a page. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The last cells of a page's tables, as they are read. */
export const cellsOf = (page: string): string =>
  read(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => (line.split(' | ').at(-1) ?? '').replace(/\\_/g, '_'))
    .join('\n')

export interface Named {
  path: string
  title?: string
}

/** Each path with each of the titles behind it. */
function named(text: string, pattern: RegExp, title: RegExp): Named[] {
  return [...text.matchAll(pattern)].flatMap(([, path = '', titles = '']) => {
    const found = [...titles.matchAll(title)].map(([, title = '']) => ({ path, title }))
    return found.length > 0 ? found : [{ path }]
  })
}

/** `server/bind` "a title", "another": a title may leave out with … what differs between several tests. */
export const namedInJest = (text: string): Named[] =>
  named(text, /`((?:server|client|browsers|package|demo|torture|jsx|testing)\/\w+)`((?:,? "[^"]+")*)/g, /"([^"]+)"/g)
/** `token/tests.rs` `a_name`, `another`. */
export const namedInCargo = (text: string): Named[] => named(text, /`([\w/]+\.rs)`((?:,? `\w+`(?!\.rs))*)/g, /`(\w+)`/g)

/** Whether a test has this title, alone or behind those of the blocks that it is in. */
export function matches(titles: string[], wanted: string): boolean {
  const parts = wanted.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  // eachBrowser adds the browser to a title.
  const pattern = new RegExp(`^${parts.join('.*')}(?: \\((?:chromium|firefox|webkit)(?:, dark)?\\))?$`, 's')
  return titles.some((_, from) => pattern.test(titles.slice(from).join(' ')))
}

/** The tests that Jest would run of these files, by their titles from the outermost block on. */
export function jestTests(files: string[]): Map<string, string[][]> {
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

/** Those of the named tests that Jest would not run. */
export function missingInJest(wanted: Named[]): Named[] {
  const fileOf = ({ path }: Named): string => join(ROOT, '__test__', `${path}.test.ts`)
  const tests = jestTests([...new Set(wanted.map(fileOf))])
  return wanted.filter((one) => {
    const found = tests.get(fileOf(one)) ?? []
    const { title } = one
    return found.length === 0 || (title !== undefined && !found.some((titles) => matches(titles, title)))
  })
}

/** Those of the named tests that Cargo would not run. */
function missingInCargo(wanted: Named[]): Named[] {
  const tests = cargoTests()
  return wanted.filter(({ path, title }) => {
    // Its interleavings are a build of their own, which `npm test` runs beside the others.
    if (path === 'models.rs') return !read('scripts/test.mjs').includes("'scripts', 'models.mjs'")
    const module = path.replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::')
    // Perhaps in a module of the file, as those of a macro are.
    if (title !== undefined) return !tests.some((name) => name.startsWith(`${module}::`) && name.endsWith(`::${title}`))
    return !tests.some((name) => name.startsWith(`${module}::`))
  })
}

/** Tests that those which a text names are among what Jest and Cargo run, and that it names so many at least. */
export function testNamed(text: string, least: { titles: number; rust: number }): void {
  test('the tests in JavaScript are among those that Jest runs', () => {
    const wanted = namedInJest(text)
    expect(missingInJest(wanted)).toEqual([])
    expect(wanted.filter(({ title }) => title !== undefined).length).toBeGreaterThan(least.titles)
  }, 300_000)

  test('the tests in Rust are among those that Cargo runs', () => {
    const wanted = namedInCargo(text)
    expect(missingInCargo(wanted)).toEqual([])
    expect(wanted.length).toBeGreaterThan(least.rust)
  }, 900_000)
}
