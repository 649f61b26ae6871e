// The runtimes and the package managers that tests use. They come from npm, and are kept in the build's folder.
//
// `node scripts/binaries.mjs` installs the package managers, and prints, as JSON, where they and the runtimes are.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const target = process.env.CARGO_TARGET_DIR ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'target')
export const folder = join(target, 'runtimes')
const managers = join(target, 'package-managers')

/**
 * The oldest and the newest version of each line, and the versions before and after `shouldUpgradeCallback` came (22.21
 * and 24.9), because upgrades are taken in another way since then. The first version is the one in `engines` of
 * package.json.
 */
const NODES = ['20.0.0', '20.20.2', '22.20.0', '22.21.0', '22.23.3', '24.8.0', '24.9.0', '24.21.0', '26.10.0']
const BUN = '1.4.5'
const DENO = '2.9.6'

const system = process.platform === 'win32' ? 'win' : process.platform
const exe = process.platform === 'win32' ? '.exe' : ''
const nodePackage = `node-${system}-${process.arch}`

/** The runtimes: for each its package on npm, its program in it, and the arguments that run a file. */
export const RUNTIMES = [
  ...NODES.map((version) => ({
    name: `Node ${version}`,
    alias: `node-${version}`,
    source: `npm:${nodePackage}@${version}`,
    program: join(`node-${version}`, 'bin', `node${exe}`),
    run: [],
    isNode: true,
  })),
  {
    name: `Bun ${BUN}`,
    alias: 'bun',
    source: BUN,
    program: join(
      '@oven',
      `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`,
      'bin',
      `bun${exe}`,
    ),
    run: [],
  },
  {
    name: `Deno ${DENO}`,
    alias: 'deno',
    source: DENO,
    program: join(
      '@deno',
      `${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`,
      `deno${exe}`,
    ),
    run: ['run', '--allow-all', '--no-lock'],
  },
]

export const programOf = ({ program }) => join(folder, 'node_modules', program)

/**
 * The package managers, with the registry that they install from. Later versions of verdaccio need Node.js 22, and a
 * lock file of later versions of pnpm names programs that npm does not have.
 */
const MANAGERS = {
  dependencies: { 'verdaccio': '6.8.0', 'pnpm': '12.4.2', 'yarn': '1.22.22', '@yarnpkg/cli-dist': '4.18.1' },
  overrides: { 'node-fetch': '2.7.0' },
}

/** The file of each package manager that Node.js runs. */
const SCRIPTS = {
  'verdaccio': 'verdaccio/bin/verdaccio',
  'pnpm': 'pnpm/bin/pnpm.mjs',
  'yarn': 'yarn/bin/yarn.js',
  'yarnModern': '@yarnpkg/cli-dist/bin/yarn.js',
}

function npmInstall(cwd) {
  return spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'],
    {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
}

/**
 * Installs missing runtimes. If they cannot be installed together, each is installed alone, so that one that fails does
 * not stop the others.
 */
export function installRuntimes() {
  mkdirSync(folder, { recursive: true })
  const manifest = (list) =>
    JSON.stringify({
      private: true,
      dependencies: Object.fromEntries(list.map(({ alias, source }) => [alias, source])),
    })
  const file = join(folder, 'package.json')
  const isInstalled = () => RUNTIMES.every((runtime) => existsSync(programOf(runtime)))
  if (existsSync(file) && readFileSync(file, 'utf8') === manifest(RUNTIMES) && isInstalled()) return
  console.log('Installing runtimes, about 1.6 GB, once')
  writeFileSync(file, manifest(RUNTIMES))
  if (npmInstall(folder).status === 0) return
  const kept = []
  for (const runtime of RUNTIMES) {
    writeFileSync(file, manifest([...kept, runtime]))
    const { status, stderr } = npmInstall(folder)
    if (status === 0) kept.push(runtime)
    else console.log(`${runtime.name} cannot be installed: ${stderr.trim().split('\n').slice(0, 3).join(' ')}`)
  }
}

/** Installs the package managers, if they are missing. Returns why that has failed, or `undefined`. */
function installManagers() {
  mkdirSync(managers, { recursive: true })
  const manifest = JSON.stringify({ private: true, ...MANAGERS })
  const file = join(managers, 'package.json')
  const done = join(managers, 'installed.json')
  if (existsSync(done) && readFileSync(done, 'utf8') === manifest) return undefined
  writeFileSync(file, manifest)
  const { status, stderr } = npmInstall(managers)
  if (status !== 0) return stderr.trim()
  writeFileSync(done, manifest)
  return undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = installManagers()
  const scripts = Object.entries(SCRIPTS).map(([name, script]) => [name, join(managers, 'node_modules', script)])
  const runtimes = RUNTIMES.map((runtime) => ({ name: runtime.name, program: programOf(runtime) }))
  console.log(
    JSON.stringify({
      problem,
      scripts: Object.fromEntries(scripts),
      runtimes: runtimes.filter(({ program }) => existsSync(program)),
    }),
  )
}
