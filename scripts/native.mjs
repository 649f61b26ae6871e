// Builds the addon with cargo and puts it where lib/native.ts looks for it.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const platform = `${process.platform}-${process.arch}`

export const addon = join(root, 'native', `loom-live.${platform}.node`)

const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')

/** Where napi-derive writes the shapes at the addon's edge, a line of JSON for each: see scripts/edge.mjs. */
export const typeDefinitions = join(target, 'napi-types', 'loom-live')

const library = { darwin: 'libloom_live.dylib', win32: 'loom_live.dll' }[process.platform] ?? 'libloom_live.so'

/** Whether the addon can be loaded on this system: one for another C library is there, and cannot. */
export function loads() {
  if (!existsSync(addon)) return false
  const load = 'process.dlopen({ exports: {} }, process.argv[1])'
  return spawnSync(process.execPath, ['--eval', load, addon], { stdio: 'ignore' }).status === 0
}

/** musl's own toolchain links the C library into everything, which no addon may have. */
function flags() {
  const { glibcVersionRuntime } = process.report?.getReport().header ?? {}
  if (process.platform !== 'linux' || glibcVersionRuntime !== undefined) return {}
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() }
}

/** The error to show where there is no addon and none can be built; undefined when it is built. */
export function buildAddon({ anew = false } = {}) {
  mkdirSync(dirname(typeDefinitions), { recursive: true })
  const cargo = spawnSync('cargo', ['build', '--release', '--lib', '--locked'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...flags(), CARGO_TARGET_DIR: target, NAPI_TYPE_DEF_TMP_FOLDER: dirname(typeDefinitions) },
  })
  if (cargo.error !== undefined) {
    return (
      `loom-live: there is no ready addon for ${platform}, and cargo, which would build it, did not start ` +
      `(${cargo.error.message}).\nInstall Rust 1.88 or newer (https://rustup.rs), then install loom-live again`
    )
  }
  if (cargo.status !== 0) {
    return (
      `loom-live: there is no ready addon for ${platform}, and building it failed; cargo's message is above.\n` +
      'Rust 1.88 or newer and a C linker are needed. Then install loom-live again'
    )
  }
  const built = join(target, 'release', library)
  if (anew || !existsSync(addon) || statSync(built).mtimeMs > statSync(addon).mtimeMs) {
    mkdirSync(dirname(addon), { recursive: true })
    // Renamed into place: a process that has the old file mapped keeps it.
    copyFileSync(built, `${addon}.new`)
    renameSync(`${addon}.new`, addon)
  }
  return undefined
}
