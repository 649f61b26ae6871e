// ARCHITECTURE.md says what may import what; here its lines are held against the imports.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const root = join(__dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

function filesIn(folder: string, ending: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.map((file) => join(folder, file)).filter((file) => file.endsWith(ending))
}

/** The rooms of a folder, by how far up they stand; those of one level share their number. */
function levelsOf(folder: string): Map<string, number> {
  const block = read('ARCHITECTURE.md').match(new RegExp(`^ {4}${folder}/ ((?:.*\\n)(?: {6,}.*\\n)*)`, 'm'))?.[1] ?? ''
  const levels = block.split('>').map((level) => level.trim().split(/\s+/))
  return new Map(levels.reverse().flatMap((rooms, level) => rooms.map((room): [string, number] => [room, level])))
}

type Graph = Map<string, string[]>

/** The files of each circle: those that import each other, however long the way. */
function circlesIn(graph: Graph): string[][] {
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>()
    const open = [...(graph.get(from) ?? [])]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(...(graph.get(next) ?? []))
    }
    return seen
  }
  const reached = new Map([...graph.keys()].map((file) => [file, reach(file)]))
  const inCircle = [...graph.keys()].filter((file) => reached.get(file)?.has(file))
  const circles = inCircle.map((file) => inCircle.filter((other) => reached.get(file)?.has(other)).sort())
  return [...new Map(circles.map((circle) => [circle.join(), circle])).values()]
}

/** What this code imports, types included: `from '…'`, `import '…'` and `import('…')`. */
function pathsIn(code: string): string[] {
  return [...code.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) => path)
}

/** What TypeScript files import of each other. */
function typescript(folder: string): Graph {
  const files = new Set(filesIn(folder, '.ts'))
  const importsOf = (file: string): string[] =>
    pathsIn(read(file)).flatMap((to) => {
      const path = normalize(join(dirname(file), to))
      return [`${path}.ts`, `${path}.d.ts`].filter((other) => files.has(other))
    })
  return new Map([...files].map((file) => [file, importsOf(file)]))
}

/** Rust's modules that are no tests: their code without comments, by their path (`tree::node`). */
function modules(): Map<string, string> {
  const texts = filesIn('src', '.rs').map((file): [string, string] => {
    const path = file
      .slice('src/'.length, -'.rs'.length)
      .replace(/\/mod$/, '')
      .replaceAll('/', '::')
    const code = read(file).replace(/\/\/.*/g, '')
    return [path, code.replace(/#\[cfg\((?:test|all\(test[^\]]*)\)\]\s*(?:pub(?:\(crate\))? )?mod \w+ \{[^]*$/, '')]
  })
  const isTest = /(^|::)(tests|testing)(::|$)|^(models|fuzzing|lib)(::|$)/
  return new Map(texts.filter(([path]) => !isTest.test(path)))
}

/** What Rust's modules name of each other. */
function rust(): Graph {
  const all = modules()
  const folders = new Set(
    filesIn('src', '/mod.rs').map((file) => dirname(file).slice('src/'.length).replaceAll('/', '::')),
  )
  const known = (parts: string[]): string | undefined => {
    for (let count = parts.length; count > 0; count--) {
      const path = parts.slice(0, count).join('::')
      if (all.has(path)) return path
    }
    return undefined
  }
  const namesOf = ([path, code]: [string, string]): string[] =>
    [...code.matchAll(/\b(crate|super|self)((?:::\w+)+)/g)].flatMap(([, start, rest = '']) => {
      let base = start === 'crate' ? [] : path.split('::')
      let parts = rest.split('::').slice(1)
      if (start === 'super') base = base.slice(0, -1)
      while (parts[0] === 'super') [base, parts] = [base.slice(0, -1), parts.slice(1)]
      const to = known([...base, ...parts])
      // A room's own file declares what is in the room, and passes it on.
      const isInside =
        to !== undefined && (to.startsWith(`${path}::`) || (folders.has(to) && path.startsWith(`${to}::`)))
      return to === undefined || to === path || isInside ? [] : [to]
    })
  return new Map([...all].map((module) => [module[0], namesOf(module)]))
}

function upward(graph: Graph, roomOf: (file: string) => string, levels: Map<string, number>): string[] {
  const faults: string[] = []
  for (const [file, imports] of graph) {
    for (const other of imports) {
      const [from, to] = [roomOf(file), roomOf(other)]
      if (from === to) continue
      const [above, below] = [levels.get(from), levels.get(to)]
      if (above === undefined) faults.push(`${from} (${file}) has no place in ARCHITECTURE.md`)
      else if (below === undefined || below >= above) faults.push(`${file} imports ${other}`)
    }
  }
  return faults
}

test('a circle and an import upward are found', () => {
  const graph: Graph = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['b']],
  ])
  expect(circlesIn(graph)).toEqual([['b', 'c']])
  const levels = new Map(Object.entries({ a: 2, b: 1, c: 0 }))
  expect(upward(graph, (file) => file, levels)).toEqual(['c imports b'])
})

test('each way to import a file is seen', () => {
  const code = `import { a } from './a'
import type { B } from '../b'
export * from './c'
import './d'
type E = typeof import('./e')
const f = await import(
  './f'
)
import { readFileSync } from 'node:fs'`
  expect(pathsIn(code)).toEqual(['./a', '../b', './c', './d', './e', './f'])
})

test('lib/ imports downward', () => {
  const levels = levelsOf('lib')
  expect([...levels.keys()]).toHaveLength(14)
  const ground = new Set(['addon.d', 'check', 'codec', 'errors', 'native', 'nearest', 'no_addon', 'places', 'platform'])
  const roomOf = (file: string): string => {
    const [, room = '', inside] = file.split('/')
    return inside !== undefined ? room : ground.has(room.replace(/\.ts$/, '')) ? 'ground' : 'loom'
  }
  const graph = typescript('lib')
  expect(graph.size).toBeGreaterThan(40)
  expect(upward(graph, roomOf, levels)).toEqual([])
  expect(circlesIn(graph)).toEqual([])
})

describe('client/', () => {
  const levels = levelsOf('client')
  const roomOf = (file: string): string => {
    const [, room = '', inside] = file.split('/')
    return inside === undefined ? room.replace(/\.ts$/, '') : room
  }

  test('imports downward', () => {
    expect([...levels.keys()].reverse()).toEqual([
      'index',
      'live',
      'upload',
      'navigation',
      'hooks',
      'flash',
      'commands',
      'input',
      'dom',
    ])
    const graph = typescript('client')
    expect(graph.size).toBeGreaterThan(35)
    expect([...new Set([...graph.keys()].map(roomOf))].sort()).toEqual([...levels.keys()].sort())
    expect(upward(graph, roomOf, levels)).toEqual([])
    expect(circlesIn(graph)).toEqual([])
  })

  // Each was so once.
  test.each([
    ['client/dom/view.ts', 'client/input/loading.ts'],
    ['client/input/events.ts', 'client/live/page.ts'],
  ])('if %s imported %s, that would be found', (file, other) => {
    const graph = typescript('client')
    graph.get(file)?.push(other)
    expect(upward(graph, roomOf, levels)).toEqual([`${file} imports ${other}`])
  })

  test.each([
    ['client/live/connection.ts', 'client/live/component.ts'],
    ['client/input/forms.ts', 'client/input/special_vars.ts'],
    ['client/dom/template.ts', 'client/dom/tree.ts'],
  ])('if %s imported %s, the two would be in a circle', (file, other) => {
    const graph = typescript('client')
    graph.get(file)?.push(other)
    expect(circlesIn(graph).flat()).toEqual(expect.arrayContaining([file, other]))
  })
})

test('src/ imports downward', () => {
  const levels = levelsOf('src')
  const graph = rust()
  expect(graph.size).toBeGreaterThan(80)
  const rooms = new Set([...graph.keys()].map((path) => path.split('::')[0]))
  expect([...rooms].filter((room) => room !== undefined && !levels.has(room))).toEqual([])
  expect(upward(graph, (path) => path.split('::')[0] ?? '', levels)).toEqual([])
})

test('no two files of a room in src/ import each other', () => {
  expect(circlesIn(rust())).toEqual([])
})

describe('ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md')
  const names = [...new Set([...text.matchAll(/`([^`\s]+)`/g)].map(([, name = '']) => name))]

  test('names no file and no folder that is not there', () => {
    const folders = ['.github', '__test__', 'client', 'docs', 'fuzz', 'lib', 'scripts', 'site', 'src']
    const inside = folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `/${folder}/${name}`),
    )
    const all = [...inside, ...readdirSync(root).map((name) => `/${name}`)].map((path) => path.replaceAll('\\', '/'))
    // A folder of this repository begins the name, or a file's ending or a slash ends it.
    const isPath = (name: string): boolean =>
      folders.some((folder) => name.startsWith(`${folder}/`)) || /^[\w./-]+(?:\.(?:rs|m?ts|mjs|md|yml)|\/)$/.test(name)
    const named = names.filter(isPath)
    expect(named.length).toBeGreaterThan(150)
    // Many names are short: the text around them says which folder is meant.
    const isThere = (name: string): boolean => all.some((path) => path.endsWith(`/${name.replace(/\/$/, '')}`))
    expect(named.filter((name) => !isThere(name))).toEqual([])
    expect(isThere('src/no_such_file.rs')).toBe(false)
  })

  test('says of each room what it has', () => {
    const rooms = ['lib', 'client', 'src'].flatMap((folder) => [...levelsOf(folder).keys()])
    expect(rooms.length).toBeGreaterThan(60)
    // `client/index.ts` is one file.
    expect(rooms.filter((room) => room !== 'index' && !names.includes(room))).toEqual([])
  })
})
