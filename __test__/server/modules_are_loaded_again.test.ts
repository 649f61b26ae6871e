// loom.watch(): a source file that has changed is loaded again, and living components are rendered anew, with their state.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { testLoom } from '../support/site'
import { COUNTER, livePageOf, LOOM, SERVER, showing, Sources } from '../support/sources'
import { until } from '../support/until'

const FILES = {
  'server.mjs': SERVER,
  'loom.mjs': LOOM,
  'counter.mjs': COUNTER,
  'words.mjs': `export const word = 'one'`,
}
const ROOT = join(__dirname, '..', '..')

describe('modules of ECMAScript', () => {
  test('a changed module: its components are rendered anew, with their state, and go on with its handlers', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    page.event('add')
    await showing(page, '<b>one 1</b>', server)
    sources.write(
      'counter.mjs',
      COUNTER.replace('count + 1', 'count + 10').replace('<b>', '<i>').replace('</b>', '</i>'),
    )
    await showing(page, '<i>one 1</i>', server)
    page.event('add')
    await showing(page, '<i>one 11</i>', server)
    expect([page.joins, page.resumes]).toEqual([1, 0])
    // Who comes now gets it from the start.
    expect((await livePageOf(server)).text).toBe('<i>one 0</i>')
  })

  test('what a module imports is loaded again, as often as it changes, and so is the module', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    for (const word of ['two', 'three', 'four']) {
      sources.write('words.mjs', `export const word = '${word}'`)
      await showing(page, `<b>${word} 0</b>`, server)
    }
    // Now the module itself: it gets the newest of what it imports.
    sources.write('counter.mjs', COUNTER.replace('<b>', '<b>!'))
    await showing(page, '<b>!four 0</b>', server)
  })

  test('a shared component keeps its state, and so does one whose page is away', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const [one, two] = [await livePageOf(server, 'counter', '/shared'), await livePageOf(server, 'counter', '/shared')]
    const away = await livePageOf(server)
    away.event('add')
    await showing(away, '<b>one 1</b>', server)
    away.retry = () => 2 ** 31 - 1
    away.cut()
    one.event('add')
    await showing(two, '<b>one 1</b>', server)
    sources.write('words.mjs', `export const word = 'two'`)
    await showing(one, '<b>two 1</b>', server)
    await showing(two, '<b>two 1</b>', server)
    away.comeBack()
    await showing(away, '<b>two 1</b>', server)
    expect(away.resets).toBe(0)
  })

  test('what cannot be loaded changes nothing, and says where; the next that can is loaded', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    page.event('add')
    await showing(page, '<b>one 1</b>', server)
    sources.write('words.mjs', `export const word = `)
    await until('the error', () => /could not be loaded again[^]*words\.mjs[^]*SyntaxError/.test(server.output))
    page.event('add')
    await showing(page, '<b>one 2</b>', server)
    sources.write('words.mjs', `export const word = 'two'`)
    await showing(page, '<b>two 2</b>', server)
  })

  test('after a failure, what it has left out is loaded with the next that can be', async () => {
    const other = `
import { html } from 'loom-live'
import { loom } from './loom.mjs'
import { word } from './words.mjs'
if (word === 'two') throw new Error('not this word')
loom.register('other', { props: {}, handle: {}, render: () => html\`<i>\${word}</i>\` })`
    const sources = new Sources({
      ...FILES,
      'server.mjs': SERVER.replace(`import { counter }`, `import './other.mjs'\nimport { counter }`),
      'other.mjs': other,
    })
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    sources.write('words.mjs', `export const word = 'two'`)
    await until('the error', () => /could not be loaded again[^]*not this word/.test(server.output))
    expect(page.text).toBe('<b>one 0</b>')
    sources.write('other.mjs', other.replace(`'two'`, `'three'`))
    await showing(page, '<b>two 0</b>', server)
  })

  test('a folder that is taken away and is there again at once, with other files', async () => {
    const sources = new Sources({
      ...FILES,
      'counter.mjs': COUNTER.replace('./words.mjs', './parts/more/words.mjs'),
      'parts/more/words.mjs': FILES['words.mjs'],
    })
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    for (const word of ['two', 'three']) {
      rmSync(join(sources.folder, 'parts'), { recursive: true })
      sources.write('parts/more/words.mjs', `export const word = '${word}'`)
      await showing(page, `<b>${word} 0</b>`, server)
      sources.write('parts/more/words.mjs', `export const word = '${word}!'`)
      await showing(page, `<b>${word}! 0</b>`, server)
    }
  })

  test('a misspelt member of a module changes nothing', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    sources.write('counter.mjs', COUNTER.replace('handle:', 'handel:'))
    await until('the error', () => /did you mean "?handle/.test(server.output))
    page.event('add')
    await showing(page, '<b>one 1</b>', server)
  })

  test('another version of the props: pages come back as after a deploy, and upgrade is called', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    page.event('add')
    await showing(page, '<b>one 1</b>', server)
    await until('a checkpoint', () => page.isCheckpointed)
    const next = COUNTER.replace(
      '{ count: 0 },',
      '{ total: 0 }, version: 2, upgrade: ({ count }) => ({ total: count }),',
    )
      .replace('({ count: count + 1 })', '({ total: 5 })')
      .replace('({ count }) => html', '({ total: count }) => html')
      .replace('<b>', '<i>')
      .replace('</b>', '</i>')
    sources.write('counter.mjs', next)
    await showing(page, '<i>one 1</i>', server)
    expect(page.resets).toBe(0)
  })

  test('the program and what makes the loom are not loaded again, and it is said', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    sources.write('loom.mjs', `${LOOM}\n// changed`)
    await until('a warning', () =>
      /loom\.mjs has changed, but is not loaded again: it is the program itself, or makes the loom\..*Restart/.test(
        server.output,
      ),
    )
    sources.write('server.mjs', `${SERVER}\n// changed`)
    await until('a warning', () =>
      /server\.mjs has changed, but is not loaded again: it is the program itself/.test(server.output),
    )
    sources.write('other.mjs', 'export {}')
    const page = await livePageOf(server)
    page.event('add')
    await showing(page, '<b>one 1</b>', server)
    expect(server.output).not.toMatch(/other\.mjs/)
  })

  test('a new module may come with a changed file, in a new folder', async () => {
    const sources = new Sources(FILES)
    const server = await sources.start('server.mjs')
    const page = await livePageOf(server)
    sources.write('more/words.mjs', `export const word = 'more'`)
    sources.write('counter.mjs', COUNTER.replace('./words.mjs', './more/words.mjs'))
    await showing(page, '<b>more 0</b>', server)
    sources.write('more/words.mjs', `export const word = 'most'`)
    await showing(page, '<b>most 0</b>', server)
  })
})

test('CommonJS', async () => {
  const cjs = (text: string) =>
    text
      .replace(/import \{ (.*?) \} from '(.*?)'/g, "const { $1 } = require('$2')")
      .replace(/export const (\w+)/g, 'const $1 = exports.$1')
      .replaceAll('.mjs', '.cjs')
  const sources = new Sources(
    Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name.replace('.mjs', '.cjs'), cjs(text)])),
    'commonjs',
  )
  const server = await sources.start('server.cjs')
  const page = await livePageOf(server)
  page.event('add')
  await showing(page, '<b>one 1</b>', server)
  sources.write('words.cjs', `exports.word = 'two'`)
  await showing(page, '<b>two 1</b>', server)
})

test.each(['module', 'commonjs'] as const)('TypeScript with tsx, as %s', async (type) => {
  const ts = (text: string) =>
    text.replaceAll(/\.\/(\w+)\.mjs/g, './$1.js').replace('export const word =', 'export const word: string =')
  const files = Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name.replace('.mjs', '.ts'), ts(text)]))
  const sources = new Sources(files, type)
  const server = await sources.start('server.ts', {
    before: ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs')],
  })
  const page = await livePageOf(server)
  page.event('add')
  await showing(page, '<b>one 1</b>', server)
  sources.write('words.ts', `export const word: string = 'two'`)
  await showing(page, '<b>two 1</b>', server)
  sources.write('counter.ts', ts(COUNTER.replace('<b>', '<b>!')))
  await showing(page, '<b>!two 1</b>', server)
})

test('with Vite, which loads the modules', async () => {
  const vite = `
import { createServer as createVite } from 'vite'
import { createServer } from 'node:http'
import { createLoom } from 'loom-live'
const loom = (globalThis.loom = createLoom())
const vite = await createVite({ server: { middlewareMode: true, ws: false, hmr: false }, appType: 'custom', logLevel: 'silent', optimizeDeps: { noDiscovery: true } })
loom.watch({ vite })
const middleware = loom.express()
const server = createServer((request, response) => {
  middleware(request, response, async () => {
    const { counter } = await vite.ssrLoadModule('/counter.mjs')
    response.end(await loom.mount(counter, {}, { request }))
  })
})
loom.attach(server)
server.listen(process.env.PORT, '127.0.0.1')
`
  const counter = COUNTER.replace(`import { loom } from './loom.mjs'`, 'const { loom } = globalThis')
  const sources = new Sources({ 'server.mjs': vite, 'counter.mjs': counter, 'words.mjs': FILES['words.mjs'] })
  const server = await sources.start('server.mjs')
  const page = await livePageOf(server)
  page.event('add')
  await showing(page, '<b>one 1</b>', server)
  sources.write('words.mjs', `export const word = 'two'`)
  await showing(page, '<b>two 1</b>', server)
}, 60_000)

describe('a process that begins anew by itself: pages go on with their state', () => {
  test.each([
    ['node --watch', ['--watch']],
    ['tsx watch', [join(ROOT, 'node_modules/tsx/dist/cli.mjs'), 'watch']],
  ])(
    '%s',
    async (_, before) => {
      const sources = new Sources(FILES)
      const server = await sources.start('server.mjs', { before })
      const page = await livePageOf(server)
      page.event('add')
      await showing(page, '<b>one 1</b>', server)
      await until('a checkpoint', () => page.isCheckpointed)
      sources.write('words.mjs', `export const word = 'two'`)
      await showing(page, '<b>two 1</b>', server)
      expect(page.resets).toBe(0)
      sources.write('loom.mjs', `${LOOM}\n// changed`)
      const { joins } = page
      await until('the page to join the next process', () => page.joins > joins && page.isLive)
      expect(page.text).toBe('<b>two 1</b>')
    },
    60_000,
  )
})

describe('what loom.watch takes', () => {
  test('in production it is an error with advice', () => {
    const { loom } = testLoom({ development: false })
    expect(() => loom.watch()).toThrow(
      expect.objectContaining({
        code: 'LOOM_ARGUMENT',
        message: expect.stringMatching(
          /loom\.watch\(\) is for development.*process\.env\.NODE_ENV !== 'production'/,
        ) as string,
      }) as Error,
    )
  })

  test('once, and with options that there are', () => {
    const { loom } = testLoom({ development: true })
    expect(() => loom.watch({ foldr: 'x' } as object)).toThrow(/foldr.*did you mean "?folder/)
    expect(() => loom.watch({ vite: {} as never })).toThrow(/Expected what createServer of Vite gives/)
    loom.watch({ folder: __dirname })
    expect(() => loom.watch()).toThrow(/called already/)
  })
})
