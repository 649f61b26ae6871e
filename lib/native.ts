import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { LoomError, textOf } from './errors'
import { setOwnFolder } from './places'

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
  'loom-live was put into a bundle, and its package is not to be found from there: mark loom-live as external ' +
  '(esbuild: --external:loom-live; Vite: ssr.external; Rollup: external), so that it is loaded from node_modules, and install it there'

/**
 * The package's own folder. This file usually stands in the package's `dist/`. If an application has bundled it, the
 * package is where the application's `require` finds it.
 */
function findRoot(): string {
  // A bundler may have turned this file into an ES module, which has neither variable.
  const isModule = typeof __dirname !== 'string' || typeof __filename !== 'string'
  if (!isModule && existsSync(join(__dirname, '..', 'native')) && existsSync(join(__dirname, 'client.js')))
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

function load(): Native {
  const platform = `${process.platform}-${process.arch}`
  const file = join(root, 'native', `loom-live.${platform}.node`)
  const build =
    'run `npm rebuild loom-live` where it is to run, with Rust 1.88 or newer (https://rustup.rs) and a C linker, to build it for this system'
  if (!existsSync(file)) {
    throw new LoomError('LOOM_PLATFORM', `loom-live has no addon for ${platform}, ${file} is missing: ${build}`)
  }
  try {
    return createRequire(join(root, 'package.json'))(file) as Native
  } catch (error) {
    // The loader's own message comes first: it says what this system lacks.
    throw new LoomError(
      'LOOM_PLATFORM',
      `${textOf(error)}\nSo loom-live's addon for ${platform} could not be loaded, which was built on another system (an older or another C ` +
        `library?): ${build}`,
      { cause: error },
    )
  }
}

export const native: Native = load()
