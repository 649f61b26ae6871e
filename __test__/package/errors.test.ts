/** docs/errors.md has each code once, with its cause and its mend; errors and log lines name their section of it. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLoom, html, LoomError, type LoomErrorCode } from 'loom-live'
import { ROOT } from './installed'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const page = read('docs/errors.md')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
)

const sources = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => read(join('lib', name)))
  .join('\n')

/** The codes that the types name. */
const codes = [
  ...(/type LoomErrorCode =\n([^]*?)(?:\n\n|$)/.exec(read('index.d.ts'))?.[1] ?? '').matchAll(/'(LOOM_\w+)'/g),
]
  .map(([, code = '']) => code)
  .sort()

/** Errors are made in `lib/` alone: Rust gives it texts. Lines of a log may have other codes. */
const thrown = [
  ...new Set(
    [...sources.matchAll(/\b(?:\w*Error|TopicAway|super)\(\s*'(LOOM_[A-Z_]+)'/g)].map(([, code = '']) => code),
  ),
].sort()

const rowsOf = (section: string): string[][] =>
  section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '))

test('the types, the sources and the page have the same codes', () => {
  expect(codes.length).toBeGreaterThan(10)
  expect(thrown).toEqual(codes)
  expect([...sections.keys()].sort()).toEqual(codes)
})

test.each(codes)('%s has a cause and a mend', (code) => {
  const section = sections.get(code) ?? ''
  expect(section.split('\n').find((line) => line.startsWith('| '))).toMatch(
    /\| cause \| mend \|$|^\| cause \| mend \|$/,
  )
  const rows = rowsOf(section)
  expect(rows.length).toBeGreaterThan(0)
  for (const row of rows) for (const cell of row) expect([row, cell.trim()]).not.toEqual([row, ''])
})

test('each message of the page is one that the sources have', () => {
  // One text of all literals: what is joined by + is joined, what is put in is …
  const text = sources
    .replace(/\\`/g, '`')
    .replace(/['`"]\s*\+\s*['`"]/g, '')
    .replace(/\$\{[^{}]*\}/g, '…')
  const messages = [...sections.values()].flatMap((section) =>
    section.includes('| message |') ? rowsOf(section).flatMap(([cell = '']) => /^`(.*)`$/.exec(cell)?.[1] ?? []) : [],
  )
  expect(messages.length).toBeGreaterThan(30)
  for (const message of messages)
    for (const part of message.split('…').map((part) => part.trim()))
      expect([message, part, text.includes(part)]).toEqual([message, part, true])
})

test('an error names its section, in a file that the package has', () => {
  for (const code of codes) {
    const { docs } = new LoomError(code as LoomErrorCode, 'a text')
    const [file = '', heading = ''] = docs.replace('node_modules/loom-live/', '').split('#')
    expect(read(file)).toMatch(new RegExp(`^## ${heading}$`, 'im'))
    expect(heading).toBe(code.toLowerCase())
  }
})

test('a line of the log names it as well, and what an application throws is left as it is', async () => {
  const lines: string[] = []
  const logger = { error: (text: string) => void lines.push(text), warn: () => undefined }
  const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger })
  const counter = loom.register('counter', {
    props: { count: 0 },
    handle: {
      date: () => ({ count: new Date() as unknown as number }),
      own: () => {
        throw new TypeError('an error of the application')
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const socket = await loom.start('a', () => undefined, counter, '{"count":0}')
  for (const handler of ['date', 'own']) socket.send({ type: 'event', handler, event: 'click' })
  await socket.state()
  await loom.close()
  const [props = '', own = ''] = lines
  expect(props).toMatch(/ISO|toISOString/)
  expect(props).toMatch(/\n {4}see node_modules\/loom-live\/docs\/errors\.md#loom_props$/)
  expect(own).toContain('an error of the application')
  expect(own).not.toContain('errors.md')
})
