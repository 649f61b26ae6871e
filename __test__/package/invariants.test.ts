// ARCHITECTURE.md says what is deliberately not in the code; what can be read from the code is checked here.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(__dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

function filesIn(folder: string, ending: RegExp): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.map((file) => join(folder, file)).filter((file) => ending.test(file))
}

/** Rust's files that are no tests. */
const RUST = filesIn('src', /\.rs$/).filter(
  (file) => !/\/(?:tests|fuzzing)\/|\/(?:tests|testing|models)\.rs$/.test(file),
)

/** Code without comments, and without the tests that stand at the end of a file. */
const codeOf = (text: string): string => text.replace(/\/\/.*/g, '').replace(/#\[cfg\(test\)\]\s*mod \w+ \{[^]*$/, '')

/** The lines of these files that match. */
function linesWith(pattern: RegExp, files: string[]): string[] {
  return files.flatMap((file) =>
    codeOf(read(file))
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
}

const isPure = (file: string): boolean => /^src\/(?:(?:tree|template|props|protocol|token)\/|rope\.rs$)/.test(file)

const IMPURE = /\b(?:tokio\w*|napi\w*|std::(?:fs|io|net|process|thread|time::(?:Instant|SystemTime)))\b/

test('comments and tests are not read as code', () => {
  const text = 'use std::fmt; // std::fs\n/// tokio\nfn a() {}\n#[cfg(test)]\nmod tests {\n    use tokio::test;\n}\n'
  expect(IMPURE.test(codeOf(text))).toBe(false)
  expect(IMPURE.test(codeOf('use std::fs::File;'))).toBe(true)
})

test('tree, template, rope, props, protocol and token know no tokio, no napi and no I/O', () => {
  const files = RUST.filter(isPure)
  const rooms = new Set(files.map((file) => file.split('/')[1]))
  expect([...rooms].sort()).toEqual(['props', 'protocol', 'rope.rs', 'template', 'token', 'tree'])
  expect(linesWith(IMPURE, files)).toEqual([])
})

test('only src/node/ knows napi', () => {
  const napi = /\bnapi/
  expect(linesWith(napi, filesIn('src/node', /\.rs$/)).length).toBeGreaterThan(0)
  expect(
    linesWith(
      napi,
      RUST.filter((file) => !file.startsWith('src/node/')),
    ),
  ).toEqual([])
})

test('unsafe code stands in src/transport/descriptor.rs and in what napi’s macros generate', () => {
  expect(read('Cargo.toml')).toMatch(/^unsafe_code = "deny"$/m)
  const allowed = RUST.filter((file) => /allow\([^)]*\bunsafe_code\b/.test(codeOf(read(file))))
  expect(allowed.sort()).toEqual(['src/node/mod.rs', 'src/transport/descriptor.rs'])
  const unsafe = new Set(linesWith(/\bunsafe\b(?!_)/, RUST).map((line) => line.split(':')[0]))
  expect([...unsafe]).toEqual(['src/transport/descriptor.rs'])
})

test('no channel is without a bound', () => {
  expect(linesWith(/\bsync_channel\(|\bmpsc::channel\(/, RUST).length).toBeGreaterThan(0)
  const unbounded = linesWith(/\bunbounded_channel\b|\bUnboundedSender\b|\bchannel\(\)/, RUST)
  expect(unbounded.filter((line) => !/\boneshot::channel\(\)/.test(line))).toEqual([])
})

test('each invariant that stands in the code names a test that exists', () => {
  const files = [...RUST, ...filesIn('lib', /\.ts$/), ...filesIn('client', /\.ts$/)]
  const comments = files.flatMap((file) =>
    read(file)
      .replace(/\n\s*(?:\/\/[/!]?|\*)(?= )/g, ' ')
      .split('\n')
      .flatMap((text) => text.split('Architecture invariant:').slice(1))
      .map((invariant) => ({ file, invariant })),
  )
  expect(comments.length).toBeGreaterThan(8)
  for (const { file, invariant } of comments) {
    const tests = [...invariant.matchAll(/`((?:__test__|src)\/[\w/.]+)`/g)].map(([, path = '']) => path)
    const named = /\(`([^`]+)`\)/.exec(invariant)?.[1]
    const isOwn = invariant.includes('tests of this file')
    const problems = tests.filter((path) => !existsSync(join(root, path)))
    if (tests.length === 0 && !isOwn) problems.push('no test is named')
    if (named !== undefined && !tests.some((path) => read(path).includes(named))) problems.push(`no test ${named}`)
    expect([file, problems]).toEqual([file, []])
  }
})
