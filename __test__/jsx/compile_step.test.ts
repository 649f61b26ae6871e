// The compile step in the tools that people build with, and what it leaves of a file.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { transformSync } from '@swc/core'
import { build, type BuildFailure } from 'esbuild'
import { compileJsx, esbuildJsx, loadJsx } from 'loom-live/jsx-compiler'
import { ROOT } from '../support/child'

const folder = mkdtempSync(join(tmpdir(), 'loom-live-jsx-'))

beforeAll(() => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules', 'loom-live'), 'junction')
  writeFileSync(join(folder, 'page.tsx'), PAGE)
  writeFileSync(join(folder, 'wrong.tsx'), 'export const a: number = 1\nexport const b = <buton>x</buton>\n')
  writeFileSync(
    join(folder, 'main.ts'),
    `import { createLoom } from 'loom-live'
     import { Page } from './page'
     const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', development: false })
     const page = loom.register('page', { props: { name: '<Ada>' }, handle: {}, render: Page })
     const html = await loom.mount(page)
     console.log(/>(<main.*<\\/main>)<\\/div>$/s.exec(html)?.[1])
     await loom.close()`,
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PAGE = `import type { Child } from 'loom-live/jsx-runtime'

const Box = <Props extends { children?: Child }>({ children }: Props) => <div class="box">{children}</div>

export const Page = ({ name }: { name: string }) => (
  <main class="a">
    <Box>
      <p>Hello, {name satisfies string}</p>
      <br />
    </Box>
  </main>
)
`

const SHOWN = '<main class="a"><div class="box"><p>Hello, &lt;Ada&gt;</p><br></div></main>\n'

/** What the program says, run beside node_modules. */
function output(file: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' })
  return stdout + stderr
}

test('the plugin of esbuild', async () => {
  const outfile = join(folder, 'esbuild.mjs')
  await build({
    entryPoints: [join(folder, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['loom-live'],
    plugins: [esbuildJsx()],
  })
  expect(readFileSync(outfile, 'utf8')).toContain('<p>Hello, ${name}</p>')
  expect(output(outfile)).toBe(SHOWN)
})

test('what is wrong with a file is an error of esbuild, with its place', async () => {
  const failed = build({
    entryPoints: [join(folder, 'wrong.tsx')],
    write: false,
    logLevel: 'silent',
    plugins: [esbuildJsx()],
  })
  const { errors } = (await failed.catch((error: unknown) => error)) as BuildFailure
  expect(errors).toHaveLength(1)
  expect(errors[0]?.text).toMatch(/no element <buton>; did you mean <button>\?/)
  expect(errors[0]?.location).toMatchObject({ line: 2, column: 17 })
  expect(errors[0]?.location?.file).toMatch(/wrong\.tsx$/)
})

/** In a process of its own: Vite is an ES module, and imports what jest does not. */
function withVite(entry: string): { status: number | null; said: string } {
  const script = `
    import { build } from ${JSON.stringify(`file://${join(ROOT, 'node_modules/vite/dist/node/index.js')}`)}
    import { viteJsx } from 'loom-live/jsx-compiler'
    await build({
      configFile: false, logLevel: 'error', root: ${JSON.stringify(folder)}, plugins: [viteJsx()],
      build: {
        ssr: ${JSON.stringify(join(folder, entry))}, outDir: ${JSON.stringify(join(folder, 'vite'))}, target: 'node20',
        rollupOptions: { output: { entryFileNames: 'vite.mjs' } }, minify: false,
      },
    })`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}

test('the plugin of Vite', () => {
  expect(withVite('main.ts')).toEqual({ status: 0, said: '' })
  const outfile = join(folder, 'vite', 'vite.mjs')
  expect(readFileSync(outfile, 'utf8')).toContain('<p>Hello, ${name}</p>')
  expect(output(outfile)).toBe(SHOWN)
}, 60_000)

test('what is wrong with a file is an error of Vite, with its place', () => {
  const { status, said } = withVite('wrong.tsx')
  expect(status).not.toBe(0)
  expect(said).toMatch(/no element <buton>; did you mean <button>\?/)
  expect(said).toMatch(/wrong\.tsx:2:1[78]/)
}, 60_000)

test('the loader of webpack and Rspack, before that of swc', () => {
  const loader = jest.requireActual<typeof loadJsx>('loom-live/jsx-loader')
  expect(loader).toBe(loadJsx)
  let given: [Error | null, string?, unknown?] | undefined
  const context = {
    resourcePath: join(folder, 'page.tsx'),
    callback: (...all: [Error | null, string?, unknown?]) => void (given = all),
  }
  loader.call(context, PAGE)
  const [error, code = '', map] = given ?? []
  expect(error).toBeNull()
  expect(map).toMatchObject({ version: 3 })
  const swc = transformSync(code, {
    swcrc: false,
    configFile: false,
    jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2022' },
  })
  expect(swc.code).toContain('<p>Hello, ${name}</p>')
  // Without JSX a file is as it was.
  loader.call(context, 'const a = 1 < 2', 'its map')
  expect(given).toEqual([null, 'const a = 1 < 2', 'its map'])
  loader.call(context, 'const a = <buton/>')
  expect(given?.[0]?.message).toMatch(/no element <buton>/)
})

test('each expression stays in its line, and the source map leads to it', () => {
  const { code = '', map } = compileJsx(PAGE, { filename: 'page.tsx' }) ?? {}
  const lines = code.split('\n')
  expect(lines).toHaveLength(PAGE.split('\n').length)
  const line = lines.findIndex((text) => text.includes('name satisfies'))
  expect(line).toBe(7)
  const found = new SourceMap(JSON.parse(String(map)) as ConstructorParameters<typeof SourceMap>[0]).findEntry(
    line,
    (lines[line] ?? '').indexOf('name satisfies'),
  )
  expect(found).toMatchObject({ originalSource: 'page.tsx', originalLine: 7, originalColumn: 17 })
})

test('files of others stay as they are', () => {
  expect(compileJsx('const a = 1 < 2')).toBeUndefined()
  expect(compileJsx('/** @jsxImportSource react */\nconst a = <p onClick={() => 1}/>')).toBeUndefined()
  expect(compileJsx('/** @jsxImportSource loom-live */\nconst a = <p/>')?.code).toContain('_template`<p></p>`')
})

test('a directive, a program’s first line and CommonJS keep their places', () => {
  expect(compileJsx("'use strict'\nconst a = <p/>")?.code).toMatch(
    /^'use strict' import \{ template as _template \} from/,
  )
  expect(compileJsx('#!/usr/bin/env node\nconst a = <p/>')?.code).toMatch(/^#!\/usr\/bin\/env node\nimport \{/)
  expect(compileJsx('const x = require("x")\nmodule.exports = <p/>', { filename: 'a.jsx' })?.code).toMatch(
    /^const \{ template: _template \} = require\("loom-live\/jsx-runtime"\); const x/,
  )
})

test('names of the file are not taken', () => {
  const { code = '' } = compileJsx('const _template = 1\nexport const a = <p>{_template}</p>') ?? {}
  expect(code).toContain('template as _template2')
  expect(code).toContain('_template2`<p>${_template}</p>`')
})

test('what is written once is evaluated once, in its order', () => {
  const source = `
    const seen = []
    const note = (value) => (seen.push(value), value)
    const Box = ({ children }) => children
    note(0)
    const page = <p title={note(1)} key={'k'}>{note(2)}<Box a={note(3)} {...{ b: note(4) }}><i>{note(5)}</i></Box>{note(6)}</p>
    module.exports = seen`
  const { code = '' } = compileJsx(source, { filename: 'a.jsx' }) ?? {}
  const module = { exports: [] as number[] }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what the compile step made of the test's own source
  const call = new Function('require', 'module', code) as (require: (name: string) => unknown, module: object) => void
  call((name) => jest.requireActual<object>(name), module)
  expect(module.exports).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('a style and a script that are written out stay as they are, and cannot end too early', () => {
  expect(compileJsx('const a = <style>{`a > b { color: red }`}</style>')?.code).toContain(
    '`<style>a > b { color: red }</style>`',
  )
  expect(() => compileJsx('const a = <script>{`"</script>"`}</script>')).toThrow(/would end it/)
})

test('without its two packages it says which, and how to get them', () => {
  const lonely = mkdtempSync(join(tmpdir(), 'loom-live-lonely-'))
  try {
    writeFileSync(join(lonely, 'compiler.cjs'), readFileSync(join(ROOT, 'dist', 'jsx-compiler.cjs')))
    const { stderr } = spawnSync(process.execPath, ['-e', `require('./compiler.cjs').compileJsx('<p/>')`], {
      cwd: lonely,
      encoding: 'utf8',
    })
    expect(stderr).toMatch(
      /The compile step of JSX needs the package @babel\/parser: npm install --save-dev @babel\/parser magic-string/,
    )
  } finally {
    rmSync(lonely, { recursive: true })
  }
})
