import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { LoomError } from './errors'
import { notFound, notForSystem, notLoaded, otherVersion } from './no_addon'
import { setOwnFolder } from './places'
import { fileOf, packageOf, platform, platforms } from './platform'

export type {
  NativeConnection,
  NativeHistogram,
  NativeLoom,
  NativeMetrics,
  NativeUpgrade,
  OpenedForm,
  PostedForm,
} from './addon'

/** The addon's exports. `addon.d.ts` is made from `src/node/`. */
export type Native = typeof import('./addon')

const BUNDLED =
  'loom-live was put into a bundle, and the bundle does not find the package of loom-live: mark loom-live as external ' +
  '(esbuild: --external:loom-live; Vite: ssr.external; Rollup: external), so that the bundle loads loom-live from node_modules, ' +
  'and install loom-live there'

interface Manifest {
  readonly name?: string
  readonly version?: string
}

function manifestOf(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined
}

/**
 * The package's own folder. This file is usually in the package's `dist/`. If an application has bundled this file, the
 * application's `require` finds the package.
 */
function findRoot(): string {
  // A bundler may have turned this file into an ES module, which has neither variable.
  const isModule = typeof __dirname !== 'string' || typeof __filename !== 'string'
  if (!isModule && existsSync(join(__dirname, 'client.js')) && manifestOf(join(__dirname, '..'))?.name === 'loom-live')
    return join(__dirname, '..')
  const from = isModule ? (process.argv[1] ?? join(process.cwd(), 'index.js')) : __filename
  try {
    return dirname(createRequire(from).resolve('loom-live/package.json'))
  } catch {
    throw new LoomError('LOOM_PLATFORM', BUNDLED)
  }
}

export const root = findRoot()
setOwnFolder(join(root, 'dist'))

/**
 * Loads the addon: from a file that the user names, as napi-rs has it; from the repository's own build; or, as usual,
 * from the package of this platform, which the package manager has chosen from the optional dependencies.
 */
function load(): Native {
  const require = createRequire(join(root, 'package.json'))
  const named = process.env['NAPI_RS_NATIVE_LIBRARY_PATH']
  const built = join(root, 'native', fileOf(platform))
  const wanted = named || (existsSync(built) ? built : packageOf(platform))
  let file
  try {
    file = require.resolve(wanted)
  } catch (error) {
    if (wanted === packageOf(platform) && !platforms.includes(platform)) throw notForSystem(error)
    throw notFound(error, wanted, (name) => resolves(require, packageOf(name)))
  }
  if (wanted === packageOf(platform)) {
    const [ours, its] = [manifestOf(root)?.version, manifestOf(dirname(file))?.version]
    if (ours !== its) throw otherVersion(String(ours), String(its))
  }
  try {
    return require(file) as Native
  } catch (error) {
    throw notLoaded(error, file)
  }
}

function resolves(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}

export const native: Native = load()
