// Builds the addon with cargo and puts it where lib/native.ts looks for it.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const platform = `${process.platform}-${process.arch}`

export const addon = join(root, 'native', `loom-live.${platform}.node`)

const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')

/**
 * The file into which napi-derive writes the types of the addon's exports, a line of JSON for each; see
 * scripts/edge.mjs.
 */
export const typeDefinitions = join(target, 'napi-types', 'loom-live')

const library = { darwin: 'libloom_live.dylib', win32: 'loom_live.dll' }[process.platform] ?? 'libloom_live.so'

/** Whether the addon exists and can be loaded. An addon for another C library exists but cannot be loaded. */
export function loads() {
  if (!existsSync(addon)) return false
  const load = 'process.dlopen({ exports: {} }, process.argv[1])'
  return spawnSync(process.execPath, ['--eval', load, addon], { stdio: 'ignore' }).status === 0
}

/** Extra flags for rustc. The toolchain for musl links the C library statically, which an addon must not do. */
function flags() {
  const { glibcVersionRuntime } = process.report?.getReport().header ?? {}
  if (process.platform !== 'linux' || glibcVersionRuntime !== undefined) return {}
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() }
}

/** Builds the addon. Returns `undefined` if that has worked, otherwise the error to show. */
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
    // A new file is renamed into place, so that a running process keeps the old file.
    copyFileSync(built, `${addon}.new`)
    renameSync(`${addon}.new`, addon)
  }
  return undefined
}
