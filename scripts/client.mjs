// Bundles the browser's client into one file. Parts that only some pages need become files of their own: for fields,
// for further bindings, for `@visible`, for commands, for hooks, for forms that are recovered, for uploads, for links
// that are followed without a load, for flashes, and for the display of its states. The module that scripts import is a
// bundle of its own, too. `node scripts/client.mjs` writes the client to stdout, `… fields`, `… bindings`, `… visible`,
// `… commands`, `… recovery`, `… uploads`, `… navigation`, `… hooks`, `… flash` and `… status` the others.

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { minify } from '@swc/core'
import { build } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** All names that match `pattern` in the files of `folder`, and of the folders in it. */
function namesIn(folder, files, pattern) {
  const names = new Set()
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!files.test(file)) continue
    for (const [, name] of readFileSync(join(folder, file), 'utf8').matchAll(pattern)) names.add(name)
  }
  return names
}

/** Names that the browser has, too, but on objects on which the client never looks for them. */
const OURS = new Set(
  'closed container drop element finish flush index item list resume rows take values waiting'.split(' '),
)

/**
 * The properties that only the client itself uses, so that they may get shorter names: the members of its interfaces,
 * except members that a type of the language or the browser has, too, and members that an interface writes in quotes.
 * Names of one letter belong to the wire. (So the client must never name such a property in a string.)
 */
function ownProperties() {
  const client = join(root, 'client')
  const types = join(root, 'node_modules', 'typescript', 'lib')
  const taken = namesIn(types, /^lib\.[^/]*\.d\.ts$/, /^\s+(?:readonly |get |set )?(\w+)\??[:(<]/gm)
  const quoted = namesIn(client, /\.ts$/, /'(\w+)'\??[:(]/g)
  const members = namesIn(client, /\.ts$/, /^ {2}(?:readonly )?(\w{2,})\??[:(]/gm)
  return [...members].filter((name) => OURS.has(name) || (!taken.has(name) && !quoted.has(name)))
}

/** The part of a file's name that changes with it, as in lib/script.ts: short, since the client holds it. */
function hashOf(source) {
  return createHash('sha256').update(source).digest('base64url').slice(0, 8)
}

/**
 * The files that the client loads, and the modules that they are made of. A file's name has a hash of its content,
 * which is known once all files are built.
 */
const EXTRAS = {
  fields: 'input/with_fields',
  bindings: 'input/with_bindings',
  visible: 'input/with_visible',
  commands: 'commands/with_commands',
  recovery: 'input/with_recovery',
  uploads: 'upload/with_uploads',
  navigation: 'navigation/with_navigation',
  hooks: 'hooks/with_hooks',
  flash: 'flash/with_flash',
}
const placeOf = (name) => `${name}.01234567.js`

/**
 * `name`: a file of client/, bundled with its imports. `mangleCache`: short names that files share; names are added to
 * it.
 */
async function bundle(name, mangleCache = {}) {
  const built = await build({
    absWorkingDir: root,
    entryPoints: [`client/${name}.ts`],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2021',
    mangleProps: new RegExp(`^(${ownProperties().join('|')})$`),
    mangleCache,
    define: Object.fromEntries(
      Object.keys(EXTRAS).map((extra) => [extra.toUpperCase(), JSON.stringify(placeOf(extra))]),
    ),
    write: false,
  })
  Object.assign(mangleCache, built.mangleCache)
  // esbuild has shortened names already. The second minifier's output compresses better: it uses the same short names
  // in each scope. Options that are off would make files shorter, but not when they are compressed. "Unsafe" options
  // can break objects with a `valueOf` or a constructor of their own: the client has none.
  const { code } = await minify(built.outputFiles[0].text, {
    module: true,
    compress: { passes: 3, hoist_vars: name === 'index', sequences: false, if_return: false, unsafe: true },
    mangle: { toplevel: true },
  })
  return code
}

/**
 * `client`, `fields`, `bindings`, `visible`, `commands`, `recovery`, `uploads`, `navigation`, `hooks`, `flash` or
 * `status`.
 */
export async function bundleClient(name = 'client') {
  if (name === 'status') return Buffer.from(await bundle('live/status'))
  const shared = {}
  const files = [['client', await bundle('index', shared)]]
  for (const [extra, entry] of Object.entries(EXTRAS)) files.push([extra, await bundle(entry, shared)])
  // A file contains the names of the files that it loads, so these are named first: the last one of the list begins.
  for (let at = files.length - 1; at >= 0; at--) {
    const [extra, code] = files[at]
    if (name === extra) return Buffer.from(code)
    for (const file of files.slice(0, at)) file[1] = file[1].replaceAll(placeOf(extra), `${extra}.${hashOf(code)}.js`)
  }
  throw new Error(`There is no file ${name}`)
}

/**
 * The module that scripts of pages import, as `/loom/client.js` or `loom-live/client`. It starts no client, and knows
 * none.
 */
export async function bundleImports(format = 'esm') {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['client/hooks/hook.ts'],
    bundle: true,
    minify: true,
    format,
    target: 'es2021',
    write: false,
  })
  return outputFiles[0].text
}

/** Bundles the code that is added to the client in development; its bytes are not counted. */
export async function bundleDevelopment() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['client/live/development.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2021',
    write: false,
    // The code is appended to the client's file, in a block, where the banner gives it the file's URL.
    define: { 'import.meta.url': 'import_meta_url' },
    banner: { js: '\n;{const import_meta_url=import.meta.url;' },
    footer: { js: '}' },
  })
  return outputFiles[0].text
}

/**
 * Bundles the code that stands before the client in development, in the same module: it slows down the client's
 * sockets.
 */
export async function bundleNetwork() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['client/live/network.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'loom_network',
    target: 'es2021',
    write: false,
    footer: { js: 'const WebSocket=loom_network.SlowSocket;' },
  })
  return outputFiles[0].text
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(await bundleClient(process.argv[2]))
