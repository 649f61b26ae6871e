// The platforms that have a ready addon, a package for each: made of the targets in package.json, which `napi` reads,
// too.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { familySync, MUSL } from 'detect-libc'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { napi } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64' }
const SYSTEMS = { 'unknown-linux': 'linux', 'apple-darwin': 'darwin', 'pc-windows': 'win32' }

/** The name that napi-rs gives the platform of a Rust target: `linux-x64-gnu` for `x86_64-unknown-linux-gnu`. */
export function nameOf(target) {
  const [, architecture, system, abi] = /^(\w+?)-(\w+-(?:linux|darwin|windows))(?:-(\w+))?$/.exec(target) ?? []
  const parts = [SYSTEMS[system], ARCHITECTURES[architecture], abi]
  if (parts[0] === undefined || parts[1] === undefined) throw new Error(`There is no platform for the target ${target}`)
  return parts.filter(Boolean).join('-')
}

/** Rust's target of each platform, by the platform's name. */
export const targets = new Map(napi.targets.map((target) => [nameOf(target), target]))

/** The beginning of the names of the platforms' packages: a dash and the platform's name follow. */
export const packagePrefix = napi.packageName

/** The platform that this process runs on; it may be one without a ready addon. */
export function platformHere() {
  const abi = { linux: familySync() === MUSL ? 'musl' : 'gnu', win32: 'msvc' }[process.platform]
  return [process.platform, process.arch, abi].filter(Boolean).join('-')
}

/** The name of an addon's file. */
export const fileOf = (platform) => `${napi.binaryName}.${platform}.node`
