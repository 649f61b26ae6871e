/**
 * `npm create loom-live`: packed and run as npm runs it, with each of the four applications installed from npm's registry
 * and from this repository. Each starts, counts clicks in a browser, ends in order and passes its own tests.
 */

import { spawn } from 'node:child_process'
import { readFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { validate } from 'dockerfile-utils'
import type { Browser } from 'playwright-core'
import ts from 'typescript'
import { launchBrowser } from '../browser'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'
import { until, within } from '../support/until'
import { filesOf, Installed, ROOT, run, tool, type Outcome } from './installed'

const SOURCE = join(ROOT, 'packages/create')
const TEMPLATES = join(SOURCE, 'templates')
const FRAMEWORKS = ['express', 'fastify']
const LANGUAGES = ['js', 'ts'] as const

let installed: Installed
let browser: Browser
/** What npm would run. */
let program: string

beforeAll(async () => {
  ;[installed, browser] = await Promise.all([Installed.make(), launchBrowser()])
  const folder = installed.path('packed')
  mkdirSync(folder)
  const packed = await run(SOURCE, 'npm', ['pack', '--silent', '--pack-destination', folder])
  const tarball = join(folder, packed.output.trim())
  mkdirSync(installed.path('tool'))
  writeFileSync(installed.path('tool/package.json'), '{ "private": true }')
  const outcome = await run(installed.path('tool'), 'npm', ['install', '--no-audit', '--no-fund', tarball])
  if (outcome.code !== 0) throw new Error(outcome.output)
  program = installed.path('tool/node_modules/.bin/create-loom-live')
}, 120_000)

afterAll(async () => {
  await browser.close()
  await installed.remove()
})

const create = (...parameters: string[]): Promise<Outcome> => run(installed.path('.'), program, parameters)

interface Manifest {
  name: string
  scripts: Record<string, string>
  dependencies: Record<string, string>
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** Installs what the application asks npm for. What is not published yet is that of the repository. */
async function installApplication(folder: string): Promise<void> {
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect(manifestOf(folder).dependencies['loom-live']).toBe(`^${version}`)
  const packages = installed.path('packages')
  const tarballs = (await filesOf(packages))
    .filter((name) => /^loom-live[^/]*\.tgz$/.test(name))
    .map((name) => join(packages, name))
  const outcome = await run(folder, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs])
  // A framework's own dependencies may want a newer Node than the one that runs here.
  const warnings = outcome.output.split('\n').filter((line) => /npm warn(?! EBADENGINE)/i.test(line))
  expect([outcome.code, warnings]).toEqual([0, []])
  writeFileSync(join(folder, 'package.json'), manifest)
}

/** Starts what stands in the `CMD` of its Dockerfile, clicks, and asks its health check. */
async function works(folder: string): Promise<void> {
  const dockerfile = await readFile(join(folder, 'Dockerfile'), 'utf8')
  const jsonAfter = (what: RegExp): string[] => JSON.parse(what.exec(dockerfile)?.[1] ?? '[]') as string[]
  const [, script = ''] = jsonAfter(/^CMD (\[.*\])$/m)
  const env = { NODE_ENV: 'production', LOOM_SECRET: 's'.repeat(32) }
  const server = await ServerProcess.start(script, await freePort(), { cwd: folder, env })
  atEnd(() => server.stop('SIGKILL'))
  const check = jsonAfter(/^HEALTHCHECK .* CMD (\[.*\])$/m).map((one) => one.replace(':3000/', `:${server.port}/`))
  expect((await run(folder, process.execPath, check.slice(1))).code).toBe(0)
  const page = await browser.newPage()
  atEnd(() => page.close())
  const problems: string[] = []
  page.on('console', (message) => {
    if (/error|warning/.test(message.type())) problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(server.url)
  for (const count of ['1', '2', '3']) {
    await page.click('button:text("One more")')
    await page.waitForFunction((text) => document.querySelector('output')?.textContent === text, count)
  }
  await page.click('button:text("Reset")')
  await page.waitForFunction(() => document.querySelector('output')?.textContent === '0')
  expect(problems).toEqual([])
  expect(await server.stop('SIGTERM')).toBe(0)
  expect(server.output).toBe(`${server.url}\n`)
}

const applications = FRAMEWORKS.flatMap((framework) => LANGUAGES.map((language) => [framework, language] as const))

test.each(applications)(
  '%s, %s: it is made, passes its tests, starts, counts clicks and ends in order',
  async (framework, language) => {
    const folder = installed.path(`${framework}-${language}`)
    const made = await create(folder, '--framework', framework, '--language', language, '--no-install')
    expect(made).toEqual({ code: 0, output: expect.stringContaining(`cd ${folder}`) as string })
    expect(await filesOf(folder)).toEqual(expect.arrayContaining(['.dockerignore', '.gitignore', 'Dockerfile']))
    expect(manifestOf(folder).name).toBe(`${framework}-${language}`)
    await installApplication(folder)
    const npm = (...parameters: string[]): Promise<Outcome> => run(folder, 'npm', parameters)
    if (language === 'ts') expect((await npm('run', 'build')).output).not.toContain('error')
    const tested = await npm('test')
    expect([tested.code, tested.output]).toEqual([0, expect.stringMatching(/pass 3\b[^]*fail 0\b/)])
    await works(folder)
    // Its tests can fail.
    const file = join(folder, `src/counter.${language}`)
    writeFileSync(file, (await readFile(file, 'utf8')).replace('props.count + 1', 'props.count + 2'))
    const failed = await npm('test')
    expect([failed.code, failed.output]).toEqual([1, expect.stringMatching(/fail 1\b/)])
  },
  120_000,
)

test('in development a module that has changed is loaded again, with its state', async () => {
  const folder = installed.path('watched')
  await create(folder, '--yes', '--no-install')
  // The one before has installed the same.
  symlinkSync(installed.path('express-js/node_modules'), join(folder, 'node_modules'), 'junction')
  const [, script = ''] = /^node (.*)$/.exec(manifestOf(folder).scripts['dev'] ?? '') ?? []
  const server = await ServerProcess.start(script, await freePort(), { cwd: folder })
  atEnd(() => server.stop('SIGKILL'))
  const page = await browser.newPage()
  atEnd(() => page.close())
  await page.goto(server.url)
  await page.click('button:text("One more")')
  await page.waitForFunction(() => document.querySelector('output')?.textContent === '1')
  const file = join(folder, 'src/counter.js')
  writeFileSync(file, (await readFile(file, 'utf8')).replace('One more', 'Another one'))
  await page.waitForSelector('button:text("Another one")')
  expect(await page.textContent('output')).toBe('1')
}, 60_000)

test('without a terminal it asks nothing, and takes the defaults', async () => {
  const folder = installed.path('My App!')
  expect((await create(folder, '--no-install')).code).toBe(0)
  expect(manifestOf(folder).name).toBe('my-app')
  expect(Object.keys(manifestOf(folder).dependencies)).toEqual(['express', 'loom-live'])
})

test('in a terminal it asks what it was not told', async () => {
  const folder = installed.path('asked')
  // `script` gives a program a terminal, on Linux; the flags are those of util-linux.
  const child = spawn('script', ['-qec', `${program} ${folder} --no-install`, '/dev/null'])
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = new Promise((resolve) => child.on('close', resolve))
  for (const [question, answer] of [
    ['framework, express or fastify? (express)', 'x'],
    ['Please answer express or fastify.', 'fastify'],
    ['language, js or ts? (js)', 't'],
  ] as const) {
    await until(question, () => output.includes(question))
    child.stdin.write(`${answer}\n`)
  }
  expect(await within('the program to end', exited)).toBe(0)
  expect(Object.keys(manifestOf(folder).dependencies)).toEqual(['fastify', 'loom-live'])
  expect(Object.keys(manifestOf(folder).scripts)).toContain('build')
})

test('what it cannot do it says, and writes nothing', async () => {
  const folder = installed.path('full')
  mkdirSync(folder)
  writeFileSync(join(folder, 'kept'), 'kept')
  const says = async (text: string, ...parameters: string[]): Promise<void> => {
    const { code, output } = await create(...parameters)
    expect([code, output]).toEqual([1, expect.stringContaining(text)])
  }
  await says('is not empty: name another folder', folder)
  await says('is a file: name another folder', join(folder, 'kept'))
  await says(
    'expected express or fastify for --framework but received "koa"',
    installed.path('none'),
    '--framework',
    'koa',
  )
  await says('--language js|ts', installed.path('none'), '--lang', 'ts')
  await says('expected one folder but received 2', 'a', 'b')
  expect(await filesOf(folder)).toEqual(['kept'])
  expect(await create('--version')).toEqual({ code: 0, output: `${manifestVersion()}\n` })
  expect((await create('--help')).output).toContain('--no-install')
})

const manifestVersion = (): string =>
  (JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8')) as { version: string }).version

test('its version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect(manifestVersion()).toBe(version)
})

test.each(LANGUAGES)('a linter has nothing to say of the Dockerfile (%s)', async (language) => {
  const text = await readFile(join(TEMPLATES, language, 'Dockerfile'), 'utf8')
  expect(validate(text).map(({ message, range }) => [range.start.line + 1, message])).toEqual([])
})

test('the JavaScript of the templates is their TypeScript without types', async () => {
  const folder = installed.path('stripped')
  mkdirSync(folder)
  const names: string[] = []
  for (const part of ['ts', ...FRAMEWORKS.map((framework) => `${framework}-ts`)]) {
    for (const file of (await filesOf(join(TEMPLATES, part))).filter((name) => name.endsWith('.ts'))) {
      const source = await readFile(join(TEMPLATES, part, file), 'utf8')
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
      const other = join(TEMPLATES, part.replace(/ts$/, 'js'), file.replace(/ts$/, 'js'))
      const name = `${part}-${file.replaceAll('/', '-')}`
      writeFileSync(join(folder, `${name}.from-ts.js`), ts.transpileModule(source, { compilerOptions }).outputText)
      writeFileSync(join(folder, `${name}.js`), await readFile(other, 'utf8'))
      names.push(name)
    }
  }
  expect(names).toHaveLength(7)
  await tool(folder, 'prettier/bin/prettier.cjs', '--write', '--no-config', '--print-width', '120', folder)
  // The compiler leaves out empty lines.
  const codeOf = async (file: string): Promise<string> =>
    (await readFile(join(folder, file), 'utf8')).replace(/^\s*\n/gm, '')
  for (const name of names)
    expect([name, await codeOf(`${name}.from-ts.js`)]).toEqual([name, await codeOf(`${name}.js`)])
})
