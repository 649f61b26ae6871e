// Every block of code that people copy is checked by the compiler, under --strict, and run.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { compileJsx } from 'loom-live/jsx-compiler'
import ts from 'typescript'
import { Client } from '../support/client'
import { freePort, ServerProcess } from '../support/process'
import { ROOT } from './installed'

interface Block {
  /** Where it begins: the file and the line. */
  place: string
  language: string
  /** What stands around it, where it is no program of its own; `<!-- frame: … -->` before the block names it. */
  frame: string | undefined
  /** The file that it is, if a program has several files; `<!-- file: … -->` before the block names it. */
  file: string | undefined
  code: string
}

/** A test of another runner, on Node's own: `__test__/testing/runners.test.ts` runs the test with its own runner. */
const onNode = (code: string): string => `
  import assert from 'node:assert/strict'
  import { after as afterAll, test } from 'node:test'
  const expect = (value: unknown) => ({
    toBe: (expected: unknown) => assert.equal(value, expected),
    toMatchInlineSnapshot: (text: string) => assert.equal(\`\\n"\${String(value)}"\\n\`, text),
  })
  ${code}
`

/** What a fragment stands in. Each makes a program of it, which ends by itself and fails where the fragment does. */
const FRAMES: Record<string, (code: string) => string> = {
  "a module's handlers": (code) => `
    import { createLoom, html } from 'loom-live'
    const orders = { insert: async (row: { id: string; items: readonly string[] }): Promise<void> => void row }
    const loom = createLoom({ secret: 'a secret of at least thirty-two bytes' })
    const names: string[] = []
    const module = {
      ...{ props: { items: ['a'], ordered: false } },
    }
    const shop = loom.register('shop', {
      ...module,
      ${code},
      render: ({ items, ordered }) => html\`\${items.length} \${ordered}\`,
    })
    const errors: unknown[] = []
    const socket = await loom.start('x', (message) => void (message.type === 'error' && errors.push(message)), shop, JSON.stringify(module.props))
    for (const [, name = ''] of ${JSON.stringify(code)}.matchAll(/^ {2}(?:async )?(\\w+)(?:\\(|: \\()/gm)) {
      names.push(name)
      socket.send({ type: 'event', handler: name, event: 'click' })
    }
    await socket.state()
    await loom.close()
    if (names.length === 0 || errors.length > 0) throw new Error(JSON.stringify({ names, errors }))
  `,
  "a page's script": (code) => `
    import type {} from 'loom-live/dom'
    const page = new EventTarget()
    let reloads = 0
    Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), location: { reload: () => (reloads += 1) } })
    ${code}
    page.dispatchEvent(Object.assign(new Event('loom:error'), { detail: { message: '', action: 'reload' } }))
    if (reloads !== 1) throw new Error('not reloaded')
  `,
  'a route that removes a user from a room': (code) => `
    import { createLoom } from 'loom-live'
    const loom = createLoom({ secret: 'a secret of at least thirty-two bytes' })
    const removed: string[] = []
    const members = { remove: async (room: string, user: string): Promise<void> => void removed.push(room + user) }
    interface Asked { params: { room: string }; user: { id: string } }
    interface Answer { end(): void }
    let ended = 0
    let route: Promise<void> | undefined
    const app = {
      post(_: string, handle: (request: Asked, response: Answer) => Promise<void>) {
        route = handle({ params: { room: '7' }, user: { id: 'ada' } }, { end: () => (ended += 1) })
      },
    }
    ${code}
    await route
    await loom.close()
    if (removed.join() !== 'room:7ada' || ended !== 1) throw new Error(JSON.stringify({ removed, ended }))
  `,
  "a module's callbacks": (code) => `
    import { createLoom, html, Refusal } from 'loom-live'
    declare module 'loom-live' { interface LiveRequest { user?: { id: string } } }
    let isMember = true
    const asked: string[] = []
    const members = {
      has: async (topic: string, user: string | undefined): Promise<boolean> => (asked.push(topic + user), isMember),
    }
    const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: { error: () => {}, warn: () => {} } })
    let kept: { authorize(ctx: object): Promise<boolean> } | undefined
    const register = ((name: string, module: never) => loom.register(name, (kept = module))) as typeof loom.register
    const room = register('room', {
      props: { room: '7' },
      handle: {},
      receive: { arrived: () => undefined },
      ${code}
      render: ({ room }) => html\`\${room}\`,
    })
    const start = (id: string) => loom.start(id, () => undefined, room, '{"room":"7"}').then(() => 'started', (error: Error) => error.message)
    const allowed = () => kept?.authorize({ request: { user: { id: 'ada' } }, topics: ['room:8'] })
    const was = [await start('a'), await allowed()]
    isMember = false
    const is = [await start('b'), await allowed()]
    await loom.close()
    const found = JSON.stringify({ was, asked })
    if (found !== '{"was":["started",true],"asked":["room:7undefined","room:8ada","room:7undefined","room:8ada"]}') throw new Error(found)
    if (!String(is[0]).includes('for its members') || is[1] !== false) throw new Error(JSON.stringify(is))
  `,
  // `__test__/server/modules_are_loaded_again.test.ts` has a real Vite.
  'a server with Vite': (code) => `
    import { EventEmitter } from 'node:events'
    ${code
      .replace("import { createServer } from 'vite'", '')
      .replace('app.listen(process.env.PORT ?? 3000)', "server = app['listen'](0)")
      .replace(
        'const loom =',
        `
    let server: import('node:http').Server | undefined
    const loaded: string[] = []
    const createServer = async (options: object) => {
      void options
      const middlewares = (request: unknown, response: unknown, next: () => void): void => void [request, response, next()]
      return { watcher: new EventEmitter(), middlewares, ssrLoadModule: async (file: string) => void loaded.push(file) }
    }
    const loom =`,
      )}
    if (vite.watcher.listenerCount('change') !== 1 || loaded.join() !== '/pages/counter.ts') throw new Error(loaded.join())
    server?.close()
    await loom.close()
    if (vite.watcher.listenerCount('change') !== 0) throw new Error('still watched')
  `,
  'a module that Vite loads': (code) => `
    import { createLoom } from 'loom-live'
    Object.assign(globalThis, { loom: createLoom({ secret: 'a secret of at least thirty-two bytes' }) })
    ${code}
    if (!(await loom.mount('counter')).includes('>0<')) throw new Error('not rendered')
    await loom.close()
  `,
  'a test of jest': (code) => onNode(code),
  'a test of vitest': (code) => onNode(code.replace(/^import .* from 'vitest'\n/m, '')),
  // It is run where there is a document: by `__test__/testing/runners.test.ts`.
  'a test in a document': (code) => `
    const test = (name: string, run: () => Promise<void>) => void [name, run]
    const afterAll = (end: () => Promise<void>) => void end()
    const expect = (value: unknown) => ({ toBe: (expected: unknown) => void [value, expected] })
    ${code.replace(/^import .* from 'vitest'\n/m, '')}
  `,
  'a process without Redis': (code) => `
    import { createLoom as make, type Loom, type LoomOptions } from 'loom-live'
    const secret = 'a secret of at least thirty-two bytes'
    const url = 'redis://127.0.0.1:1'
    const told: string[] = []
    const logger = { error: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) }
    // Nobody answers at this address. The loom takes the options, says so, and goes on trying.
    const createLoom = (options: LoomOptions): Loom => {
      const here = JSON.stringify(options).replaceAll('user:password@redis.internal:6379', '127.0.0.1:1')
      return make({ ...(JSON.parse(here) as LoomOptions), logger })
    }
    void [url]
    ${code}
    if (!loom.ready().why.join().includes('127.0.0.1:1')) throw new Error(JSON.stringify({ ready: loom.ready(), told }))
    await loom.close()
  `,
  // No page can join without Redis, so it is not served here: it starts, and says what it has not found.
  'a program with Redis': (code) => `
    process.env.REDIS_URL = 'redis://127.0.0.1:1'
    ${code
      .replace('createLoom({', 'createLoom({ logger: { error: () => {}, warn: () => {} },')
      .replace('app.listen(process.env.PORT ?? 3000)', "app['listen'](0)")}
    if (!loom.ready().why.join().includes('127.0.0.1:1')) throw new Error(JSON.stringify(loom.ready()))
    server.close()
    await loom.close()
  `,
  'a process without a loom': (code) => `
    const sent: string[][] = []
    const client = {
      eval: async (script: string, keys: number, ...args: string[]): Promise<unknown> => (void script, void keys, sent.push(args)),
      evalsha: async (sha: string, keys: number, ...args: string[]): Promise<unknown> => (void sha, void keys, sent.push(args)),
    }
    ${code}
    if (!sent[0]?.includes('{"price":7}') || !sent[0].includes('order-7')) throw new Error(JSON.stringify(sent))
  `,
  'a route that says whether the process is ready': (code) => `
    import { createLoom } from 'loom-live'
    const loom = createLoom({ secret: 'a secret of at least thirty-two bytes' })
    const said: unknown[] = []
    interface Answer { status(code: number): { json(body: object): void } }
    let ask = (): void => undefined
    const app = {
      get(path: string, handle: (request: object, response: Answer) => void) {
        ask = () => handle({}, { status: (code) => ({ json: (body) => void said.push(path, code, body) }) })
      },
    }
    ${code}
    ask()
    await loom.close()
    ask()
    const [path, is, , , was] = said
    if (path !== '/ready' || is !== 200 || was !== 503) throw new Error(JSON.stringify(said))
  `,
  'a program with a store of its own': (code) => `
    import { createLoom as make, html, type LoomOptions, type OwnStore, type SavedState } from 'loom-live'
    const secret = 'a secret of at least thirty-two bytes'
    const states = new Map<string, SavedState>()
    const claim: OwnStore['claim'] = (instance, after) => {
      const kept = states.get(instance)
      return kept && { life: Math.max(kept.life, after) + 1, revision: kept.revision, state: kept.state }
    }
    const save: OwnStore['save'] = (list) => {
      for (const state of list) states.set(state.instance, state)
      return list.map(({ instance }) => instance)
    }
    const createLoom = (options: LoomOptions) => make(options)
    ${code}
    const one = loom.register('one', { props: { count: 1 }, handle: {}, render: ({ count }) => html\`\${count}\` })
    if (!(await loom.mount(one)).includes('>1<')) throw new Error('not rendered')
    await loom.close()
  `,
  'a calculation': (code) => `
    ${code}
    // What the page says of its own example, and what the long run of bench/README.md has held.
    const quiet = { joinsPerSecond: 0, messagesPerSecond: 0, sharedFramesPerSecond: 0 }
    const of = needed({ connections: 10_000, eventsPerSecond: 1_000, handlerMicroseconds: 50, ...quiet })
    const found = [of.cores.toFixed(2), of.processes, Math.round(of.megabytes)].join()
    if (found !== '0.12,1,199' || Math.abs(of.megabytes - 193) > 20) throw new Error(found)
  `,
  'a program with express-session': (code) => `
    import type {} from 'express-session'
    ${code}
    await loom.close()
  `,
  'a program with @fastify/session': (code) => `
    import type {} from '@fastify/session'
    declare module 'fastify' { interface Session { user?: { id: string; name: string } } }
    ${code}
    await loom.close()
  `,
}

const FILES = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

const blocks = FILES.flatMap((file): Block[] => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const found = text.matchAll(/^(?:<!-- (?:frame: (.*)|file: (.*)) -->\n)?(`{3,}|~{3,})(.*)\n([^]*?)^\3$/gm)
  return [...found].map(({ index, 1: frame, 2: name, 4: language = '', 5: code = '' }) => ({
    place: `${file}:${text.slice(0, index).split('\n').length}`,
    language,
    frame,
    file: name && `${basename(file, '.md')}/${name}`,
    code,
  }))
})

const programs = blocks.map((block, index) => {
  const source = block.frame === undefined ? block.code : (FRAMES[block.frame]?.(block.code.trimEnd()) ?? '')
  const name = block.file?.replace(/\.m[jt]s$/, '') ?? `block${index}`
  return { ...block, source, name, typed: `${name}.${block.language === 'tsx' ? 'tsx' : 'mts'}` }
})

const folder = mkdtempSync(join(tmpdir(), 'loom-live-readme-'))

beforeAll(() => {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(ROOT, join(modules, 'loom-live'), 'junction')
  for (const name of [
    'express',
    'fastify',
    'happy-dom',
    '@testing-library',
    '@fastify',
    '@opentelemetry',
    '@types',
    'chart.js',
    'pino',
    'winston',
    'zod',
    'helmet',
    'compression',
    'express-rate-limit',
    'express-session',
  ])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction')
  // What has no ending of its own for modules is one, too.
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const { name, source, typed, language } of programs) {
    mkdirSync(dirname(join(folder, typed)), { recursive: true })
    // A file with an import is a module; each has names of its own.
    writeFileSync(join(folder, typed), source)
    writeFileSync(join(folder, `${name}.mjs`), javascriptOf(source, typed))
    if (language !== 'tsx') continue
    const compiled = compileJsx(source, { filename: typed })?.code ?? ''
    writeFileSync(join(folder, `${name}.compiled.mjs`), javascriptOf(compiled, typed))
  }
})

function javascriptOf(source: string, fileName: string): string {
  const { outputText } = ts.transpileModule(source, {
    fileName,
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      jsx: ts.JsxEmit.ReactJSX,
      jsxImportSource: 'loom-live',
    },
  })
  return outputText
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('there are blocks, each says its language and, where it is no program, its frame', () => {
  expect(blocks.length).toBeGreaterThan(4)
  for (const { place, language, frame, file, code } of blocks) {
    expect([place, language]).toEqual([place, expect.stringMatching(/^(?:[jt]s|tsx)$/)])
    const imports = file === undefined ? /from 'loom-live['/]/ : /from '(?:loom-live|\.\/)/
    if (frame === undefined) expect([place, code]).toEqual([place, expect.stringMatching(imports)])
    else expect([place, Object.keys(FRAMES)]).toEqual([place, expect.arrayContaining([frame])])
  }
})

/** What a program imports from npm. */
const packagesOf = (code: string): string[] =>
  [...code.matchAll(/from '((?:@[\w-]+\/)?\w[\w.-]*)(?:\/[^']*)?'/g)].map(([, name = '']) => name)

test('a guide says beside its first page what to install, which file to write, and how to run it', () => {
  const pages = blocks.filter(({ frame, code }) => frame === undefined && code.includes('.listen('))
  const guides = new Set(pages.map(({ place }) => place.replace(/:\d+$/, '')))
  expect(guides.size).toBeGreaterThan(9)
  for (const guide of guides) {
    const text = readFileSync(join(ROOT, guide), 'utf8')
    const { code = '', language = '' } = pages.find(({ place }) => place.startsWith(`${guide}:`)) ?? {}
    const [before = '', after = ''] = text.split(code)
    const beside = `${before}\n${after.split(/^## /m)[0]}`
    const installed = [...before.matchAll(/npm install (?:--save-dev )?([^`\n]*)/g)].flatMap(([, names = '']) =>
      names.split(' '),
    )
    for (const name of packagesOf(code)) expect([guide, installed]).toEqual([guide, expect.arrayContaining([name])])
    if (language !== 'js') expect([guide, installed]).toEqual([guide, expect.arrayContaining(['tsx'])])
    const isModule = beside.includes('npm pkg set type=module')
    const file = `server.${isModule || language === 'tsx' ? language : `m${language}`}`
    const command = `${language === 'js' ? 'node' : 'npx tsx'} ${file}`
    for (const told of [`\`${file}\``, command, 'http://127.0.0.1:3000'])
      expect([guide, beside.includes(told), told]).toEqual([guide, true, told])
  }
})

test('the script for modal dialogs is the one of the demo', () => {
  const script = readFileSync(join(ROOT, 'examples/demo/public/modal.js'), 'utf8')
  const code = script.slice(script.indexOf('\n\n') + 2)
  expect(readFileSync(join(ROOT, 'docs/forms.md'), 'utf8')).toContain(code.replace(/^(?=.)/gm, '    '))
})

test('each guide of pages has a page that can be run', () => {
  const rows = [
    ...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^\| (?:pages|beyond the page) \| (.*) \|$/gm),
  ]
  const guides = rows.flatMap(([, row = '']) =>
    [...row.matchAll(/\((docs\/[\w-]+\.md)\)/g)].map(([, file = '']) => file),
  )
  expect(guides.length).toBeGreaterThan(10)
  // What docs/basics.md says of each part, docs/tour.md shows in pages.
  for (const file of guides.filter((name) => name !== 'docs/basics.md'))
    expect([file, blocks.some(({ place, code }) => place.startsWith(`${file}:`) && code.includes('.listen('))]).toEqual(
      [file, true],
    )
})

test('all are right under --strict', () => {
  const compilerOptions = {
    strict: true,
    // What people beside it often ask for.
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitReturns: true,
    noImplicitOverride: true,
    verbatimModuleSyntax: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
    jsx: 'react-jsx',
    jsxImportSource: 'loom-live',
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.mts', '**/*.tsx'] }))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8' })
  const named = programs.reduce((text, { name, typed, place }) => text.replaceAll(typed, `${place} (${name})`), stdout)
  expect(named).toBe('')
}, 240_000)

const listens = ({ source }: { source: string }): boolean => source.includes('.listen(')

const compiledToo = programs
  .filter(({ language }) => language === 'tsx')
  .map((program) => ({ ...program, name: `${program.name}.compiled`, place: `${program.place}, compiled,` }))

test.each([...programs, ...compiledToo].filter((program) => !listens(program)))(
  '$place runs',
  ({ name }) => {
    const { status, stderr } = spawnSync(process.execPath, [`${name}.mjs`], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_ENV: undefined },
    })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  },
  60_000,
)

/** Somebody who keeps cookies, and logs in if the page asks for that. */
class Visitor {
  private cookie = ''

  constructor(private readonly url: string) {}

  get headers(): Record<string, string> {
    return { cookie: this.cookie }
  }

  async page(): Promise<string> {
    const first = await this.ask('/')
    if (first.headers.get('location') !== '/login') return first.text()
    await this.ask('/login', { method: 'POST', body: new URLSearchParams({ user: 'Ada' }) })
    return (await this.ask('/')).text()
  }

  private async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, { ...init, headers: this.headers, redirect: 'manual' })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.cookie = set.split(';', 1)[0] ?? ''
    return response
  }
}

test.each(programs.filter(listens))(
  '$place serves a page that comes to life, and takes the events that it names',
  async ({ name }) => {
    const server = await ServerProcess.start(`${name}.mjs`, await freePort(), { cwd: folder })
    try {
      const user = new Visitor(server.url)
      const page = await user.page()
      const [, script = ''] = /<script type="module" src="(\/loom\/[^"]*)"/.exec(page) ?? []
      expect((await fetch(server.url + script)).status).toBe(200)
      const [container = ''] = /<[^>]* data-l-live=[^>]*>/.exec(page) ?? []
      const [module = '', path = '', token = ''] = ['live', 'ws', 'token'].map((attribute) => {
        const [, value] = new RegExp(` data-l-${attribute}="([^"]*)"`).exec(container) ?? []
        return value
      })
      const client = await Client.open(server.url.replace('http', 'ws') + path, { headers: user.headers })
      // The events of a nested component are its own.
      const [own = ''] = (await client.joined('c0', module, token)).split(' data-l-live=')
      // This client has no arguments to give, so the bindings with arguments, and chains of commands, are left out.
      const handlers = [...own.matchAll(/ data-l-(?:click|input|submit|on-[\w.-]+)="(\w+)"/g)].map(
        ([, handler = '']) => handler,
      )
      for (const handler of new Set(handlers))
        expect(await client.event('c0', handler)).not.toMatchObject({ type: 'error' })
      await client.close()
    } finally {
      await server.stop()
    }
  },
  60_000,
)

test('what has no place in props names subscriptions, which an old checkpoint brings', () => {
  const [, paragraph = ''] =
    /^## What has no place in props\n\n(.*)$/m.exec(readFileSync(join(ROOT, 'docs/nothing-is-lost.md'), 'utf8')) ?? []
  expect(paragraph).toMatch(/an old checkpoint brings old ones: `authorize` finds them in `ctx\.topics`/)
})
