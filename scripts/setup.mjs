// Installs and builds what is missing or out of date. `npm start` and `npm test` begin with it.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

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

/** The names that a file of TypeScript exports, without its types. */
async function exportsOf(file) {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [file],
    outdir: 'dist',
    format: 'esm',
    write: false,
    metafile: true,
  })
  return Object.values(metafile.outputs)[0].exports
}

async function bundle() {
  const { build } = await import('esbuild')
  const { bundleClient, bundleDevelopment, bundleImports, bundleNetwork } = await import('./client.mjs')
  const { targets } = await import('./platforms.mjs')
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
    define: {
      ADDON_PLATFORMS: JSON.stringify([...targets.keys()]),
      DEVELOPMENT_CLIENT: JSON.stringify(await bundleDevelopment()),
      DEVELOPMENT_NETWORK: JSON.stringify(await bundleNetwork()),
    },
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
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/testing/index.ts'],
    outfile: 'dist/testing.cjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // The WebSocket client is in the file: an application does not have it, and in jsdom's place another one is found.
    external: ['./index.cjs', 'bufferutil', 'utf-8-validate'],
    banner: { js: '// Contains ws, https://github.com/websockets/ws, under the MIT licence.' },
  })
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/opentelemetry/index.ts'],
    outfile: 'dist/opentelemetry.cjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
  })
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/compiler/index.ts'],
    outfile: 'dist/jsx-compiler.cjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
  })
  await build({
    absWorkingDir: root,
    entryPoints: ['lib/watch/hooks.ts'],
    outfile: 'dist/watch-hooks.mjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  })
  writeFileSync(join(root, 'dist', 'client.js'), await bundleClient())
  writeFileSync(join(root, 'dist', 'status.js'), await bundleClient('status'))
  writeFileSync(join(root, 'dist', 'fields.js'), await bundleClient('fields'))
  writeFileSync(join(root, 'dist', 'uploads.js'), await bundleClient('uploads'))
  writeFileSync(join(root, 'dist', 'navigation.js'), await bundleClient('navigation'))
  writeFileSync(join(root, 'dist', 'flash.js'), await bundleClient('flash'))
  writeFileSync(join(root, 'dist', 'bindings.js'), await bundleClient('bindings'))
  writeFileSync(join(root, 'dist', 'visible.js'), await bundleClient('visible'))
  writeFileSync(join(root, 'dist', 'commands.js'), await bundleClient('commands'))
  writeFileSync(join(root, 'dist', 'recovery.js'), await bundleClient('recovery'))
  writeFileSync(join(root, 'dist', 'hooks.js'), await bundleClient('hooks'))
  writeFileSync(join(root, 'dist', 'imports.mjs'), await bundleImports())
  writeFileSync(join(root, 'dist', 'imports.cjs'), await bundleImports('cjs'))
  writeEntries(await exportsOf('lib/index.ts'), await exportsOf('lib/compiler/index.ts'))
}

/**
 * The entries beside `dist/index.cjs`. All of them give what that file has, so that there is one copy of the library: two
 * copies would not know each other's templates. ES modules require it by the package's name, which bundlers do not
 * follow, so that a bundle, too, loads it from node_modules.
 */
function writeEntries(names, ofCompiler) {
  const load = `import { createRequire } from 'node:module'

function load() {
  const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
  try {
    require.resolve('loom-live')
  } catch (cause) {
    const text =
      'loom-live was put into a bundle, and the bundle does not find the package of loom-live: mark loom-live as external ' +
      '(esbuild: --external:loom-live; Vite: ssr.external; Rollup: external), so that the bundle loads loom-live from node_modules, ' +
      'and install loom-live there'
    throw Object.assign(new Error(text, { cause }), { name: 'LoomError', code: 'LOOM_PLATFORM' })
  }
  return require('loom-live')
}
`
  const write = (name, text) => writeFileSync(join(root, 'dist', name), text)
  // In this form Node sees which names a CommonJS file exports.
  const exported = (names, from) => names.map((name) => `exports.${name} = ${from}.${name}\n`).join('')
  write('index.mjs', `${load}\nexport const { ${names.join(', ')} } = load()\n`)
  const runtimes = {
    'jsx-runtime': ['Fragment', 'jsx', 'jsxs', 'keyed', 'template'],
    'jsx-dev-runtime': ['Fragment', 'jsxDEV'],
  }
  for (const [name, functions] of Object.entries(runtimes)) {
    write(`${name}.mjs`, `${load}\nexport const { ${functions.join(', ')} } = load().jsxRuntime\n`)
    const required = `'use strict'\nconst { jsxRuntime } = require('./index.cjs')\n`
    write(`${name}.cjs`, required + exported(functions, 'jsxRuntime'))
  }
  write(
    'jsx-compiler.mjs',
    `import { createRequire } from 'node:module'\n\nexport const { ${ofCompiler.join(', ')} } = createRequire(import.meta.url)('./jsx-compiler.cjs')\n`,
  )
  write(
    'testing.mjs',
    `import { createRequire } from 'node:module'\n\nexport const { openPage } = createRequire(import.meta.url)('./testing.cjs')\n`,
  )
  write(
    'opentelemetry.mjs',
    `import { createRequire } from 'node:module'\n\nexport const { instrument } = createRequire(import.meta.url)('./opentelemetry.cjs')\n`,
  )
  write('jsx-loader.cjs', `'use strict'\nmodule.exports = require('./jsx-compiler.cjs').loadJsx\n`)
}

installPackages()
// These import packages, so that they are loaded when the packages are there.
const { buildAddon } = await import('./native.mjs')
const { writeEdge } = await import('./edge.mjs')
const problem = buildAddon()
if (problem !== undefined) stop(problem)
writeEdge()
await bundle()
