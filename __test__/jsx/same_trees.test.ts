// JSX shows what `html` shows, whoever compiles it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from 'loom-live'
import { compileJsx } from 'loom-live/jsx-compiler'
import { inside, testLoom } from '../support/site'
import type { Case } from './cases'
import { MODES, run, runFile } from './modes'

const FILE = join(__dirname, 'cases.tsx')

/** What a page shows of it. */
async function shown(render: () => Tree): Promise<string> {
  const { loom } = testLoom({ development: false })
  loom.register('page', { props: {}, handle: {}, render })
  return inside(await loom.mount('page'))
}

const names = [...readFileSync(FILE, 'utf8').matchAll(/^ {2}'(.*)': \{/gm)].map(([, name = '']) => name)

test('there are many cases', () => {
  expect(names.length).toBeGreaterThan(35)
})

describe.each(Object.keys(MODES))('%s', (mode) => {
  const { cases } = runFile<{ cases: Record<string, Case> }>(mode, FILE)

  test.each(names)('%s', async (name) => {
    const one = cases[name]
    if (one === undefined) throw new Error(`There is no case ${name}`)
    const expected = await shown(one.html)
    expect(await shown(one.jsx)).toBe(expected)
  })
})

// As source text, since a formatter of code would move the blanks.
test.each([
  ['<p>\n  one  two\t \n\n  three {x}\n  four\n</p>', '<p>one  two three Xfour</p>'],
  ['<p> a {x} b </p>', '<p> a X b </p>'],
  ['<p>\n  {x}\n  {" "}\n  b\n</p>', '<p>X b</p>'],
  ['<p>a\r\n  b &#32;\n</p>', '<p>a b  </p>'],
  ['<p>\n</p>', '<p></p>'],
  ['<p>\t</p>', '<p>\t</p>'],
])('blanks and lines: %j', async (jsx, expected) => {
  for (const mode of Object.keys(MODES)) {
    const { page } = run<{ page: () => Tree }>(mode, `const x = 'X'\nexport const page = () => (${jsx})`)
    expect([mode, await shown(page)]).toEqual([mode, expected])
  }
})

test('the compile step leaves no call of the runtime, but for components and spreads', () => {
  const { code = '' } = compileJsx(`const page = <main class="a"><p title={x}>{y}</p><br/></main>`) ?? {}
  expect(code).toContain('_template`<main class="a"><p title="${x}">${y}</p><br></main>`')
  expect(code).not.toContain('_jsx(')
})
