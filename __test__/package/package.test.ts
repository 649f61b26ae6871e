import { readFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../browser'
import { ADDON_FILE, ADDON_PACKAGE, PLATFORM } from '../support/addon'
import { freePort, ServerProcess } from '../support/process'
import { filesOf, Installed, ROOT, run, tool, type Outcome } from './installed'

const EXAMPLES = join(ROOT, 'examples')

let installed: Installed
let browser: Browser
/** What the compiler said; it also made the CommonJS variant of the Fastify example. */
let compiled: Outcome

beforeAll(async () => {
  ;[installed, browser] = await Promise.all([Installed.make(), launchBrowser()])
  await writeSources()
  compiled = await tool(installed.application, 'typescript/bin/tsc', '--project', 'tsconfig.json')
}, 120_000)

afterAll(async () => {
  await browser.close()
  await installed.remove()
})

/** What a file that is not strictly right would get past the compiler. */
const USES = `
import { createLoom, html, type LiveModule, type Loom } from 'loom-live'

const loom: Loom = createLoom()
const list = loom.register('list', {
  props: { items: [{ id: 1, title: 'one' }], open: false },
  handle: {
    toggle: (props, event) => ({ ...props, open: event.checked ?? !props.open }),
    later: async (props, event, ctx) => {
      const title: string = (await fetch('http://localhost', { signal: ctx.signal })).statusText
      return { ...props, items: [...props.items, { id: props.items.length, title }] }
    },
    mutate: (props) => {
      props.open = true
    },
  },
  render: ({ items }) => html\`\${items.map(({ title }) => html\`<p>\${title.toUpperCase()}</p>\`)}\`,
})

// @ts-expect-error the props' type is that of the first props
loom.register('wrong', { props: { open: false }, handle: { set: () => ({ open: 'yes' }) }, render: () => html\`\` })

loom.register('missing', {
  props: { count: 0 },
  handle: {},
  // @ts-expect-error there is no such member
  render: (props) => html\`\${props.total}\`,
})

export const pages: Promise<string>[] = [
  loom.mount(list),
  loom.mount(list, { open: true }),
  loom.mount('list', { anything: 1 }),
  // @ts-expect-error not a boolean
  loom.mount(list, { open: 1 }),
  // @ts-expect-error no such member
  loom.mount(list, { closed: true }),
]

export const standalone: LiveModule<{ count: number }> = {
  handle: (props, { handler, form }) => ({ count: props.count + (handler === 'add' ? Number(form?.['by']) : 0) }),
  render: ({ count }) => html\`\${count.toFixed(2)}\`,
}
loom.register('standalone', standalone)
`

/** The examples as they stand, once in each module system. */
async function writeSources(): Promise<void> {
  const { application } = installed
  const write = (name: string, text: string) => writeFile(join(application, name), text)
  for (const name of ['express.mjs', 'express.cjs', 'fastify.mjs']) {
    await copyFile(join(EXAMPLES, name), join(application, name))
  }
  await mkdir(join(application, 'source'))
  const express = await readFile(join(EXAMPLES, 'express.mjs'), 'utf8')
  const fastify = await readFile(join(EXAMPLES, 'fastify.mjs'), 'utf8')
  // CommonJS has no await at the top.
  const [, imports = '', body = ''] = /^((?:import .*\n)*)([^]*)$/.exec(fastify) ?? []
  await write('source/express.mts', express)
  await write('source/express.cts', express)
  await write('source/fastify.mts', fastify)
  await write('source/fastify.cts', `${imports}\nvoid (async () => {\n${body}})()\n`)
  await write('source/uses.mts', USES)
  await write('source/uses.cts', USES)
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    rootDir: 'source',
    outDir: 'compiled',
  }
  await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['source'] }))
}

test('the tarball holds what an application needs', async () => {
  const files = await filesOf(installed.package)
  expect(files).toEqual(
    expect.arrayContaining([
      'dist/client.js',
      'dist/jsx-compiler.cjs',
      'dist/jsx-compiler.mjs',
      'dist/jsx-dev-runtime.cjs',
      'dist/jsx-dev-runtime.mjs',
      'dist/jsx-loader.cjs',
      'dist/jsx-runtime.cjs',
      'dist/jsx-runtime.mjs',
      'dist/bindings.js',
      'dist/commands.js',
      'client.d.mts',
      'client.d.ts',
      'dist/fields.js',
      'dist/hooks.js',
      'dist/imports.cjs',
      'dist/imports.mjs',
      'dist/uploads.js',
      'dist/recovery.js',
      'dist/index.cjs',
      'dist/index.mjs',
      'dist/status.js',
      'dist/testing.cjs',
      'dist/testing.mjs',
      'testing.d.mts',
      'testing.d.ts',
      'dom.d.ts',
      'index.d.mts',
      'index.d.ts',
      'package.json',
    ]),
  )
})

test('and nothing else', async () => {
  const files = await filesOf(installed.package)
  const known =
    /^(package\.json|(index|client|opentelemetry|testing|jsx-(runtime|dev-runtime|compiler))\.d\.m?ts|(dom|publish|jsx-loader)\.d\.ts|(README|ARCHITECTURE|SECURITY|CHANGELOG)\.md|LICENSE|docs\/.+\.md|dist\/(watch-hooks\.mjs|(client|bindings|commands|fields|flash|hooks|navigation|recovery|status|uploads|visible)\.js|(imports|testing)\.[cm]js|index\.[cm]js|index\.cjs\.map|publish\.cjs|jsx-(runtime|dev-runtime|compiler)\.[cm]js|opentelemetry\.[cm]js|jsx-loader\.cjs))$/
  expect(files.filter((name) => !known.test(name))).toEqual([])
})

test('the addon is a package of its own, for its system alone', async () => {
  expect(await filesOf(installed.addonPackage)).toEqual(['LICENSE', 'README.md', ADDON_FILE, 'package.json'])
  const manifestOf = async (folder: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
  const [own, addon, repository] = await Promise.all([installed.package, installed.addonPackage, ROOT].map(manifestOf))
  const { version } = repository ?? {}
  expect(addon).toMatchObject({
    name: ADDON_PACKAGE,
    version,
    main: ADDON_FILE,
    os: [process.platform],
    cpu: [process.arch],
  })
  if (process.platform === 'linux') expect(addon?.['libc']).toEqual([PLATFORM.endsWith('musl') ? 'musl' : 'glibc'])
  expect(own?.['optionalDependencies']).toEqual({ [ADDON_PACKAGE]: version })
  // No package manager has anything to run, or to ask about.
  for (const manifest of [own, addon]) expect(manifest).not.toHaveProperty('scripts')
  for (const name of ['private', 'devDependencies', 'napi']) expect(own).not.toHaveProperty(name)
})

test('the repository cannot be published by mistake: npm would leave the addons out', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>
  expect(manifest).toMatchObject({ private: true })
  // A fresh clone installs no package that npm may not have yet.
  expect(manifest).not.toHaveProperty('optionalDependencies')
})

test('publint has nothing to object to', async () => {
  const { code, output } = await tool(ROOT, 'publint/src/cli.js', 'run', installed.tarball, '--strict')
  expect(`${code}\n${output}`).toMatch(/^0\n/)
})

test('the types hold under --strict, in ES modules and in CommonJS', () => {
  expect(compiled).toEqual({ code: 0, output: '' })
})

test('both module systems get the same library, and all that is declared', async () => {
  const { application } = installed
  await writeFile(
    join(application, 'both.mjs'),
    `import { createRequire } from 'node:module'
     import * as imported from 'loom-live'
     const required = createRequire(import.meta.url)('loom-live')
     const { default: _, 'module.exports': __, ...names } = imported
     for (const name of new Set([...Object.keys(required), ...Object.keys(names)]))
       if (required[name] !== imported[name]) throw new Error(name)
     console.log(Object.keys(required).sort().join())`,
  )
  const declarations = await readFile(join(installed.package, 'index.d.ts'), 'utf8')
  const declared = [...declarations.matchAll(/^export (?:declare )?(?:function|class|const) (\w+)/gm)].map(
    ([, name]) => name,
  )
  expect(declared).toContain('createLoom')
  expect(await run(application, process.execPath, ['both.mjs'])).toEqual({
    code: 0,
    output: `${[...new Set(declared)].sort().join()}\n`,
  })
})

test('JSX is the same library, in both module systems and for development', async () => {
  const { application } = installed
  await writeFile(
    join(application, 'jsx.mjs'),
    `import { createRequire } from 'node:module'
     import { Fragment, html } from 'loom-live'
     import * as runtime from 'loom-live/jsx-runtime'
     import * as development from 'loom-live/jsx-dev-runtime'
     const require = createRequire(import.meta.url)
     const trees = [html\`\`, runtime.jsx('p', {}), development.jsxDEV('p', {}), require('loom-live/jsx-runtime').jsx('p', {}), require('loom-live/jsx-dev-runtime').jsxDEV('p', {})]
     console.log(trees.every((tree) => tree.constructor === trees[0].constructor), runtime.Fragment === Fragment, Object.keys(runtime).filter((name) => /^[a-z]/i.test(name) && !/default|module/.test(name)).sort().join())`,
  )
  expect(await run(application, process.execPath, ['jsx.mjs'])).toEqual({
    code: 0,
    output: 'true true Fragment,jsx,jsxs,keyed,template\n',
  })
})

test.each(['express.mjs', 'express.cjs', 'fastify.mjs', 'compiled/fastify.cjs'])(
  '%s works in a browser',
  async (script) => {
    const server = await ServerProcess.start(script, await freePort(), { cwd: installed.application })
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('console', (message) => {
      if (/error|warning/.test(message.type())) problems.push(message.text())
    })
    page.on('pageerror', (error) => problems.push(error.message))
    try {
      await page.goto(server.url)
      for (const count of ['1', '2']) {
        await page.click('button')
        await page.waitForFunction((text) => document.querySelector('button')?.textContent === text, count)
      }
      expect(problems.filter((problem) => !/favicon/.test(problem))).toEqual([])
      expect(server.output).toBe('')
    } finally {
      await page.close()
      await server.stop()
    }
  },
)
