// Installs and builds what is missing or out of date. `npm start` and `npm test` begin with it.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeEdge } from './edge.mjs'
import { buildAddon } from './native.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function stop(problem) {
  console.error(problem)
  process.exit(1)
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.loom-live-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  // `npm ci` would refuse a lock file that lacks the optional packages of other platforms.
  const npm = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) stop('npm install failed; its message is above')
  writeFileSync(stamp, lock)
}

async function bundle() {
  const { build } = await import('esbuild')
  const { bundleClient, bundleDevelopment } = await import('./client.mjs')
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/index.ts'],
    outfile: 'dist/index.cjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    define: { DEVELOPMENT_CLIENT: JSON.stringify(await bundleDevelopment()) },
  })
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/publish.ts'],
    outfile: 'dist/publish.cjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    loader: { '.lua': 'text' },
  })
  writeFileSync(join(root, 'dist', 'client.js'), await bundleClient())
  writeFileSync(join(root, 'dist', 'status.js'), await bundleClient('status'))
  writeFileSync(join(root, 'dist', 'fields.js'), await bundleClient('fields'))
  writeFileSync(join(root, 'dist', 'uploads.js'), await bundleClient('uploads'))
  writeFileSync(join(root, 'dist', 'bindings.js'), await bundleClient('bindings'))
  writeFileSync(join(root, 'dist', 'recovery.js'), await bundleClient('recovery'))
  // The ES module exports the CommonJS one, so that there is one copy of the library: two copies would not know each
  // other's templates. It is required by the package's name, which bundlers do not follow, so that a bundle, too, loads
  // it from node_modules.
  const names = [
    'createLoom',
    'html',
    'each',
    'raw',
    'on',
    'sanitized',
    'form',
    'validated',
    'peopleAfter',
    'LiveSocket',
    'LoomError',
    'Refusal',
    'StartError',
  ]
  writeFileSync(
    join(root, 'dist', 'index.mjs'),
    `import { createRequire } from 'node:module'

function load() {
  const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
  try {
    require.resolve('loom-live')
  } catch (cause) {
    const text =
      'loom-live was put into a bundle, and its package is not to be found from there: mark loom-live as external ' +
      '(esbuild: --external:loom-live; Vite: ssr.external; Rollup: external), so that it is loaded from node_modules, and install it there'
    throw Object.assign(new Error(text, { cause }), { name: 'LoomError', code: 'LOOM_PLATFORM' })
  }
  return require('loom-live')
}

export const { ${names.join(', ')} } = load()
`,
  )
}

installPackages()
const problem = buildAddon()
if (problem !== undefined) stop(problem)
writeEdge()
await bundle()
