import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build as esbuild, type Format } from 'esbuild'
import { Installed, ROOT, run } from './installed'

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
