import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createLoom, type LoomOptions } from 'loom-live'
import { Child, ROOT } from '../support/child'
import { atEnd } from '../support/cleanup'
import { counter, SECRET, Site, tokenIn } from '../support/site'

function refused(options: LoomOptions): { code: string; message: string } {
  try {
    createLoom(options)
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('Expected the secret to be refused')
}

test.each<[string, LoomOptions]>([
  ['none', {}],
  ['undefined', { secret: undefined }],
  ['empty', { secret: '' }],
])('production refuses to start without a secret: %s', (_, options) => {
  const { code, message } = refused({ ...options, development: false })
  expect(code).toBe('LOOM_SECRET')
  expect(message).toContain('LOOM_SECRET')
})

test.each<[string, LoomOptions]>([
  ['31 bytes', { secret: 'x'.repeat(31) }],
  ['the first of a list', { secret: ['short', SECRET] }],
  ['the last of a list', { secret: [SECRET, 'x'.repeat(31)] }],
  ['an empty one in a list', { secret: [SECRET, ''] }],
])('a short secret is refused, in development too: %s', (_, options) => {
  for (const development of [true, false]) {
    const { code, message } = refused({ ...options, development })
    expect(code).toBe('LOOM_SECRET')
    expect(message).toContain('32 bytes')
    expect(message).not.toContain('xxxx')
  }
})

test.each<[string, unknown]>([
  ['a number', 7],
  ['an object', {}],
  ['an empty list', []],
  ['a list of numbers', [1]],
  ['null', null],
])('what is no secret is refused: %s', (_, secret) => {
  expect(refused({ secret: secret as string, development: false }).code).toMatch(/^LOOM_(ARGUMENT|SECRET)$/)
})

test('a loom that is logged does not show it', () => {
  const loom = createLoom({ secret: [SECRET, 'x'.repeat(32)], development: false })
  const shown = inspect(loom, { depth: null, showHidden: true })
  expect(shown).toContain('/loom')
  expect(shown).not.toContain(SECRET)
  expect(shown).not.toContain('xxxx')
})

test('bytes count, not characters', () => {
  expect(() => createLoom({ secret: 'é'.repeat(16), development: false })).not.toThrow()
})

test('development makes a secret, and keeps it for the next start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'loom-live-test-'))
  atEnd(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'node_modules'))
  await mkdir(join(folder, 'sub'))
  const source = `
    const { createLoom, html } = require(${JSON.stringify(join(ROOT, 'dist', 'index.cjs'))})
    const loom = createLoom()
    loom.register('counter', { props: { count: 3 }, handle: {}, render: () => html\`\` })
    loom.mount('counter').then(console.log)`
  const page = await Child.start(source, { cwd: folder, env: { NODE_ENV: 'development' } }).result()
  const file = join(folder, 'node_modules', '.cache', 'loom-live', 'secret')
  const secret = (await readFile(file, 'utf8')).trim()
  expect(Buffer.byteLength(secret)).toBeGreaterThanOrEqual(32)
  expect((await stat(file)).mode & 0o077).toBe(0)
  await Child.start(source, { cwd: join(folder, 'sub'), env: { NODE_ENV: 'development' } }).result()
  expect((await readFile(file, 'utf8')).trim()).toBe(secret)

  const site = await Site.start({ secret })
  counter(site.loom)
  const client = await site.connect()
  expect(await client.joined('c0', 'counter', tokenIn(page))).toBe('<b>3</b>')

  const production = Child.start(source, { cwd: folder, env: { NODE_ENV: 'production' } })
  expect((await production.exit()).code).toBe(1)
  expect(production.errors).toContain('LOOM_SECRET')
})
