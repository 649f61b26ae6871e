/**
 * The packages as people get them: published to a registry on this machine by the script that releases them, and installed
 * from there into empty folders by each package manager, on a system without Rust. What is installed runs the README's
 * examples, on each supported line of Node.js.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../browser'
import { ADDON_PACKAGE } from '../support/addon'
import { passOverFor, TESTS_ALL } from '../support/passed_over'
import { freePort, ServerProcess } from '../support/process'
import { until } from '../support/until'
import { ROOT, run, type Outcome } from './installed'

jest.setTimeout(120_000)

interface Binaries {
  /** Why the package managers could not be installed. */
  problem?: string
  /** What Node.js runs of each package manager, and of the registry. */
  scripts: Record<'verdaccio' | 'pnpm' | 'yarn' | 'yarnModern', string>
  runtimes: { name: string; program: string }[]
}

const { stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/binaries.mjs')], { encoding: 'utf8' })
const { problem, scripts, runtimes } = JSON.parse(stdout) as Binaries

/** The addons that are published: those of a release, or else the repository's own. */
const ADDONS = process.env['LOOM_ADDONS'] ?? join(ROOT, 'native')

/** The newest version that is here of each line of Node.js; Node.js 20 is what `package.test.ts` uses. */
const nodes = ['22', '24', '26'].flatMap((line) =>
  runtimes.filter(({ name }) => name.startsWith(`Node ${line}.`)).slice(-1),
)
const bun = runtimes.find(({ name }) => name.startsWith('Bun '))?.program ?? ''
/** What runs the package managers: what Fastify 5 needs today has left Node.js 20 behind. */
const node = nodes[1]?.program ?? process.execPath

const missing =
  problem !== undefined
    ? `verdaccio and the package managers, which npm could not install: ${problem}`
    : nodes.length < 3 || bun === ''
      ? 'Bun and Node.js 22, 24 and 26, which `npm run runtimes` installs'
      : undefined
if (missing !== undefined) {
  if (TESTS_ALL) throw new Error(`The packages cannot be installed from a registry without ${missing}`)
  passOverFor('The packages were not installed from a registry', `for want of ${missing}`)
}

const folder = mkdtempSync(join(tmpdir(), 'loom-live-registry-'))
let registry: string
let verdaccio: ChildProcess
let browser: Browser
let env: NodeJS.ProcessEnv

/** The path without Rust, and with the Node.js that runs the package managers first. */
function pathWithoutRust(): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(node, join(bin, 'node'))
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const npm = folders.find((one) => existsSync(join(one, 'npm')))
  const rest = folders.filter((one) => !existsSync(join(one, 'cargo')) && !existsSync(join(one, 'rustc')))
  if (npm !== undefined && !rest.includes(npm)) symlinkSync(join(npm, 'npm'), join(bin, 'npm'))
  return [bin, ...rest].join(delimiter)
}

async function startRegistry(): Promise<void> {
  const port = await freePort()
  registry = `http://127.0.0.1:${port}/`
  const { output: upstream } = await run(ROOT, 'npm', ['config', 'get', 'registry'])
  const anybody = { access: '$all', publish: '$all' }
  const config = {
    storage: join(folder, 'storage'),
    uplinks: { upstream: { url: upstream.trim(), maxage: '1h' } },
    // Ours are nowhere else: nothing of what is tested here can come from another registry.
    packages: {
      'loom-live': anybody,
      '@loom-live/*': anybody,
      'create-loom-live': anybody,
      '**': { access: '$all', proxy: 'upstream' },
    },
    max_body_size: '100mb',
    log: { type: 'file', path: join(folder, 'registry.log'), level: 'warn' },
  }
  // JSON is YAML, too.
  writeFileSync(join(folder, 'registry.yaml'), JSON.stringify(config))
  const parameters = [scripts.verdaccio, '--config', join(folder, 'registry.yaml'), '--listen', `127.0.0.1:${port}`]
  verdaccio = spawn(process.execPath, parameters, { cwd: folder, stdio: 'ignore' })
  await until('the registry to answer', () =>
    fetch(`${registry}-/ping`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
}

/** Runs `scripts/release.mjs` with what is to be published. */
const release = (...parameters: string[]): Promise<Outcome> =>
  run(
    ROOT,
    process.execPath,
    ['scripts/release.mjs', '--addons', ADDONS, '--out', join(folder, 'packages'), ...parameters],
    env,
  )

if (missing === undefined) {
  beforeAll(async () => {
    const home = join(folder, 'home')
    mkdirSync(home)
    env = {
      PATH: pathWithoutRust(),
      HOME: home,
      USERPROFILE: home,
      CI: undefined,
      NO_COLOR: '1',
      // Each package manager begins with an empty cache.
      npm_config_cache: join(folder, 'cache', 'npm'),
      npm_config_userconfig: join(home, '.npmrc'),
      BUN_INSTALL_CACHE_DIR: join(folder, 'cache', 'bun'),
      YARN_CACHE_FOLDER: join(folder, 'cache', 'yarn'),
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: join(home, 'cache'),
    }
    await startRegistry()
    env['npm_config_registry'] = registry
    writeFileSync(join(home, '.npmrc'), `registry=${registry}\n${registry.replace('http:', '')}:_authToken=anybody\n`)
    browser = await launchBrowser()
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    verdaccio.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  describe('a release', () => {
    test('goes to a registry as a whole or not at all', async () => {
      const { code, output } = await release('--publish', '--registry', 'https://registry.invalid/')
      expect(code).toBe(1)
      expect(output).toMatch(/^Nothing was published: there is no addon for .*darwin-arm64/)
      expect(existsSync(join(folder, 'packages'))).toBe(false)
    })

    test('has the tag of its version', async () => {
      const tag = { GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: 'v0.0.0' }
      Object.assign(env, tag)
      const { code, output } = await release('--publish', '--registry', registry)
      for (const name of Object.keys(tag)) Reflect.deleteProperty(env, name)
      expect([code, output]).toEqual([1, expect.stringMatching(/^Nothing was published: the tag is v0\.0\.0/)])
    })

    test('publishes the platforms first, then what asks for them, and what makes applications last', async () => {
      const { code, output } = await release('--publish', '--registry', registry)
      expect(`${code} ${output}`).toMatch(/^0 /)
      const published = [...output.matchAll(/^published (.*)@/gm)].map(([, name]) => name)
      expect(published).toContain(ADDON_PACKAGE)
      expect(published.slice(-2)).toEqual(['loom-live', 'create-loom-live'])
    })

    test('that stopped is gone on with: what is there is left out', async () => {
      const { code, output } = await release('--publish', '--registry', registry)
      expect(`${code} ${output}`).toMatch(/^0 /)
      expect(output).not.toContain('published')
    })
  })

  const names = ['loom-live', 'express', 'fastify']
  interface Manager {
    name: string
    command: [string, ...string[]]
    /** What its settings need beside the environment. */
    files?: () => Record<string, string>
    warning: RegExp
    /** Options of Node.js to run what it has installed. */
    before?: string[]
  }
  /** The settings of yarn 4, which by itself wants https, and nothing that was published a moment ago. */
  const yarnModern = (more = ''): Record<string, string> => ({
    '.yarnrc.yml': `npmRegistryServer: "${registry}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nnpmMinimalAgeGate: 0\n${more}`,
    'yarn.lock': '',
  })
  const managers: Manager[] = [
    { name: 'npm', command: ['npm', 'install', '--no-audit', ...names], warning: /warn/i },
    { name: 'pnpm', command: [node, scripts.pnpm, 'add', ...names], warning: /warn|ignored build/i },
    { name: 'yarn 1', command: [node, scripts.yarn, 'add', ...names], warning: /^warning/im },
    {
      name: 'yarn 4, without node_modules',
      command: [node, scripts.yarnModern, 'add', ...names],
      files: () => yarnModern(),
      // YN0000 is what it does, YN0013 and YN0085 say what it has fetched and added, YN0092 that its own way of loading
      // modules is experimental.
      warning: /YN00(?!00|13|85|92)/,
      before: ['--no-warnings', '--require', './.pnp.cjs', '--experimental-loader', './.pnp.loader.mjs'],
    },
    {
      name: 'yarn 4, with node_modules',
      command: [node, scripts.yarnModern, 'add', ...names],
      files: () => yarnModern('nodeLinker: node-modules\n'),
      warning: /warn|YN00(?!00|13|85)/i,
    },
    { name: 'Bun', command: [bun, 'add', ...names], warning: /warn|blocked/i },
  ]

  const folderOf = (name: string): string => join(folder, name.replaceAll(/\W+/g, '-'))

  /** Opens the page that the script serves, and clicks. */
  async function click(name: string, script: string, options: { program?: string; before?: string[] }): Promise<void> {
    const server = await ServerProcess.start(script, await freePort(), {
      cwd: folderOf(name),
      env,
      program: node,
      ...options,
    })
    const page = await browser.newPage()
    try {
      await page.goto(server.url)
      await page.click('button')
      await page.waitForFunction(() => document.querySelector('button')?.textContent === '1')
      expect(server.output).toBe('')
    } finally {
      await page.close()
      await server.stop()
    }
  }

  describe.each(managers)('$name', ({ name, command: [program, ...parameters], files, warning, before = [] }) => {
    test('installs loom-live into an empty folder, without a word of warning', async () => {
      const cwd = folderOf(name)
      mkdirSync(cwd)
      const manifest = { name: 'application', version: '1.0.0', license: 'MIT', private: true }
      writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest))
      for (const [file, text] of Object.entries(files?.() ?? {})) writeFileSync(join(cwd, file), text)
      const { code, output } = await run(cwd, program, parameters, env)
      expect(`${code} ${output}`).toMatch(/^0 /)
      expect(output).not.toMatch(warning)
      for (const example of ['express.mjs', 'fastify.mjs', 'express.cjs'])
        copyFileSync(join(ROOT, 'examples', example), join(cwd, example))
    })

    test.each(['express.mjs', 'fastify.mjs', 'express.cjs'])("the README's example, %s, answers a click", (script) =>
      click(name, script, { before }),
    )
  })

  test('npm create makes an application, installed from the registry', async () => {
    const parameters = ['create', '--yes', 'loom-live@latest', 'made', '--', '--framework', 'fastify', '--yes']
    const { code, output } = await run(folder, 'npm', parameters, env)
    expect(`${code} ${output}`).toMatch(/^0 /)
    const tested = await run(join(folder, 'made'), 'npm', ['test'], env)
    expect(`${tested.code} ${tested.output}`).toMatch(/^0 /)
  })

  test("what Bun has installed runs the README's example on Bun", () => click('Bun', 'express.mjs', { program: bun }))

  describe("what npm has installed runs the README's examples on", () => {
    test.each(nodes)('$name', async ({ program }) => {
      await click('npm', 'express.mjs', { program })
      await click('npm', 'fastify.mjs', { program })
    })
  })

  test('nothing was built: there is no Rust, and no package has an install script', async () => {
    expect((await run(folder, 'cargo', ['--version'], env)).code).not.toBe(0)
    const lock = JSON.parse(readFileSync(join(folderOf('npm'), 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>
    }
    expect(Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
    expect(lock.packages[`node_modules/${ADDON_PACKAGE}`]).toMatchObject({ optional: true })
    const own = join(folderOf('npm'), 'node_modules/loom-live')
    expect(readdirSync(own)).toEqual(expect.not.arrayContaining(['Cargo.toml', 'src', 'native', 'scripts']))
  })
} else {
  test.skip('the packages are installed from a registry', () => undefined)
}
