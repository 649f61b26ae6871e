// Builds the addon with cargo, for this system, and puts it where lib/native.ts looks for it in the repository.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileOf, platformHere } from './platforms.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const platform = platformHere()

export const addon = join(root, 'native', fileOf(platform))

const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')

/**
 * The file into which napi-derive writes the types of the addon's exports, a line of JSON for each; see
 * scripts/edge.mjs.
 */
export const typeDefinitions = join(target, 'napi-types', 'loom-live')

const library = { darwin: 'libloom_live.dylib', win32: 'loom_live.dll' }[process.platform] ?? 'libloom_live.so'

/** Extra flags for rustc. The toolchain for musl links the C library statically, which an addon must not do. */
function flags() {
  if (!platform.endsWith('-musl')) return {}
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() }
}

/** Builds the addon. Returns `undefined` if that has worked, otherwise the error to show. */
export function buildAddon() {
  mkdirSync(dirname(typeDefinitions), { recursive: true })
  const cargo = spawnSync('cargo', ['build', '--release', '--lib', '--locked'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...flags(), CARGO_TARGET_DIR: target, NAPI_TYPE_DEF_TMP_FOLDER: dirname(typeDefinitions) },
  })
  if (cargo.error !== undefined) {
    return (
      `loom-live: cargo, which builds the addon for ${platform}, did not start (${cargo.error.message}).\n` +
      'Install Rust 1.88 or newer (https://rustup.rs) and a C compiler, then try again'
    )
  }
  if (cargo.status !== 0) {
    return (
      `loom-live: the addon for ${platform} could not be built; cargo's message is above.\n` +
      'Rust 1.88 or newer and a C compiler are needed'
    )
  }
  const built = join(target, 'release', library)
  if (!existsSync(addon) || statSync(built).mtimeMs > statSync(addon).mtimeMs) {
    mkdirSync(dirname(addon), { recursive: true })
    // A new file is renamed into place, so that a running process keeps the old file.
    copyFileSync(built, `${addon}.new`)
    renameSync(`${addon}.new`, addon)
  }
  return undefined
}
