import { chmod, copyFile, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { build as esbuild, type Format } from 'esbuild'
import { Installed, ROOT, run } from './installed'

const PLATFORM = `${process.platform}-${process.arch}`
const ADDON = `native/loom-live.${PLATFORM}.node`

let installed: Installed

beforeAll(async () => {
  installed = await Installed.make()
  const imported = `import { createLoom, html } from 'loom-live'\n`
  const use = `
    const loom = createLoom({ secret: 'x'.repeat(32) })
    const module = loom.register('a', { props: {}, handle: {}, render: () => html\`<b>hello</b>\` })
    loom.mount(module).then((page) => console.log(page.includes('<b>hello</b>') && loom.script().includes('/loom/client.')))
  `
  await writeFile(join(installed.application, 'app.mjs'), imported + use)
  // JSX imports its functions from another entry of the package, which has to be the same copy of the library.
  await writeFile(join(installed.application, 'app.jsx'), imported + use.replace('html`<b>hello</b>`', '<b>hello</b>'))
  await writeFile(join(installed.application, 'app.cjs'), `const { createLoom, html } = require('loom-live')\n${use}`)
}, 120_000)

afterAll(() => installed.remove())

type Bundler = (input: string, folder: string, format: Format) => Promise<string>

const BUNDLERS: Record<string, Bundler> = {
  async esbuild(input, folder, format) {
    const outfile = join(folder, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
    const jsx = { jsx: 'automatic', jsxImportSource: 'loom-live' } as const
    const options = { bundle: true, platform: 'node', format, logLevel: 'silent', ...jsx } as const
    await esbuild({ ...options, entryPoints: [join(installed.application, input)], outfile })
    return outfile
  },
  async vite(input, folder, format) {
    // In a process of its own: it is an ES module, and imports what jest does not.
    const name = format === 'esm' ? 'bundle.mjs' : 'bundle.cjs'
    const script = `
      import { build } from ${JSON.stringify(`file://${join(ROOT, 'node_modules/vite/dist/node/index.js')}`)}
      await build({
        configFile: false, logLevel: 'error', root: ${JSON.stringify(installed.application)},
        ssr: { noExternal: true }, esbuild: { jsx: 'automatic', jsxImportSource: 'loom-live' },
        build: {
          ssr: ${JSON.stringify(join(installed.application, input))}, outDir: ${JSON.stringify(folder)}, emptyOutDir: false,
          rollupOptions: { output: { format: '${format === 'esm' ? 'es' : 'cjs'}', entryFileNames: '${name}' } },
        },
      })`
    const { code, output } = await run(installed.application, process.execPath, [
      '--input-type=module',
      '--eval',
      script,
    ])
    if (code !== 0) throw new Error(output)
    return join(folder, name)
  },
}

const CASES = Object.keys(BUNDLERS).flatMap((bundler) =>
  ['app.mjs', 'app.cjs', 'app.jsx'].flatMap((input) =>
    (['esm', 'cjs'] as const).map((format) => [bundler, input, format] as const),
  ),
)

describe.each(CASES)('%s makes a bundle of %s as %s', (bundler, input, format) => {
  test('that runs beside node_modules, and elsewhere says what to do', async () => {
    const folder = join(installed.application, `built-${bundler}-${input}-${format}`)
    await mkdir(folder)
    const file = await BUNDLERS[bundler]?.(input, folder, format)
    const beside = await run(installed.application, process.execPath, [file ?? ''])
    // esbuild turns a CommonJS application into an ES module that can require nothing at all, its own choice.
    const isEsbuilds = bundler === 'esbuild' && input === 'app.cjs' && format === 'esm'
    if (isEsbuilds) expect(beside.output).toContain('Dynamic require of')
    else expect(beside).toEqual({ code: 0, output: 'true\n' })
    const elsewhere = installed.path(`elsewhere-${bundler}-${input}-${format}`)
    await cp(folder, elsewhere, { recursive: true })
    const [name = ''] = (await readdir(elsewhere)).filter((one) => one.startsWith('bundle'))
    const lost = await run(elsewhere, process.execPath, [name])
    expect(lost.code).not.toBe(0)
    if (isEsbuilds) return
    expect(lost.output).toMatch(
      /LoomError\]?: loom-live was put into a bundle.*mark loom-live as external.*esbuild: --external:loom-live/,
    )
    expect(lost.output).toContain("code: 'LOOM_PLATFORM'")
  }, 60_000)
})

describe('an addon that is there and cannot be loaded', () => {
  const copy = async (name: string): Promise<string> => {
    const folder = installed.path(name)
    await cp(installed.package, join(folder, 'node_modules/loom-live'), { recursive: true })
    for (const other of await readdir(join(installed.application, 'node_modules'))) {
      if (other === 'loom-live' || other.startsWith('.')) continue
      await cp(join(installed.application, 'node_modules', other), join(folder, 'node_modules', other), {
        recursive: true,
        dereference: false,
      })
    }
    const bad = join(folder, 'node_modules/loom-live', ADDON)
    await rm(bad)
    await writeFile(bad, 'for another system')
    return folder
  }

  test('the loader says why first, then comes what to do', async () => {
    const folder = await copy('broken')
    const script = `try { require('loom-live') } catch (error) { console.log(error.code); console.log(error.message) }`
    const { output } = await run(folder, process.execPath, ['--eval', script])
    const [code, first, second] = output.split('\n')
    expect(code).toBe('LOOM_PLATFORM')
    expect(first).toMatch(/loom-live\..*\.node: /)
    expect(second).toMatch(
      new RegExp(`^So loom-live's addon for ${PLATFORM} could not be loaded.*npm rebuild loom-live.*Rust`),
    )
  })

  test('and npm rebuild, as it says, builds one that can', async () => {
    const folder = await copy('rebuilt')
    // A compiler that has the result ready.
    const library = process.platform === 'darwin' ? 'libloom_live.dylib' : 'libloom_live.so'
    await mkdir(join(folder, 'bin'))
    const cargo = `#!/bin/sh\nmkdir -p "$CARGO_TARGET_DIR/release"\ncp "${join(ROOT, ADDON)}" "$CARGO_TARGET_DIR/release/${library}"\n`
    await writeFile(join(folder, 'bin/cargo'), cargo)
    await chmod(join(folder, 'bin/cargo'), 0o755)
    await writeFile(join(folder, 'package.json'), '{ "private": true, "dependencies": { "loom-live": "*" } }')
    const PATH = `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`
    const env = { PATH, CARGO_TARGET_DIR: join(folder, 'target') }
    const rebuilt = await run(folder, 'npm', ['rebuild', 'loom-live'], env)
    expect(`${rebuilt.code} ${rebuilt.output}`).toMatch(/^0 /)
    const loaded = await run(folder, process.execPath, [
      '--eval',
      `console.log(typeof require('loom-live').createLoom)`,
    ])
    expect(loaded).toEqual({ code: 0, output: 'function\n' })
    // One that can be loaded is left alone.
    await rm(join(folder, 'bin/cargo'))
    await copyFile('/bin/false', join(folder, 'bin/cargo'))
    expect((await run(folder, 'npm', ['rebuild', 'loom-live'], env)).code).toBe(0)
  }, 60_000)
})
