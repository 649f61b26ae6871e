// Builds the addons of a release with `napi build`, and checks the built files.
//
// On Linux, zig links them (cargo-zigbuild). So the addons for glibc need no newer version than OLDEST_GLIBC, whatever
// this system has, and the addons for musl and for arm64 can be made on any Linux. The addons for macOS and Windows are
// made on these systems.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileOf, platformHere, targets } from '../platforms.mjs'
import { tool } from '../tools.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The glibc of CentOS 7 and of manylinux2014, and the oldest for which Node.js 20 and 22 are built anywhere. */
export const OLDEST_GLIBC = '2.17'

const run = (command, parameters, options = {}) =>
  spawnSync(command, parameters, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26, ...options })

/** Whether Rust's standard library for the target is installed. `mayFetch`: if it is not, rustup may download it. */
function hasStandardLibrary(target, mayFetch) {
  const { stdout, status } = run('rustc', ['--print', 'target-libdir', '--target', target])
  if (status === 0 && existsSync(stdout.trim())) return true
  if (!mayFetch) return false
  return run('rustup', ['target', 'add', target], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

/** Why the addon of a platform cannot be built on this system; `undefined` if it can. */
function obstacle(platform, mayFetch) {
  const [system] = platform.split('-')
  const target = targets.get(platform)
  if (target === undefined) return `package.json names no target for it`
  if (system !== process.platform)
    return `it is built on ${{ darwin: 'macOS', win32: 'Windows', linux: 'Linux' }[system]}`
  if (run('rustc', ['--version']).status !== 0) return 'rustc is missing (https://rustup.rs)'
  if (!hasStandardLibrary(target, mayFetch))
    return `Rust's standard library for ${target} is not here: rustup target add ${target}`
  if (system === 'linux' && (tool('zig') === undefined || tool('cargo-zigbuild') === undefined))
    return 'zig and cargo-zigbuild are missing, and could not be installed'
  return undefined
}

/** The target, flags and environment of `napi build`. */
function recipe(platform) {
  const target = targets.get(platform)
  if (platform.startsWith('linux-')) {
    const PATH = [dirname(tool('cargo-zigbuild')), process.env.PATH].join(delimiter)
    const env = { PATH, CARGO_ZIGBUILD_ZIG_PATH: tool('zig') }
    return { target: platform.endsWith('-gnu') ? `${target}.${OLDEST_GLIBC}` : target, flags: ['--cross-compile'], env }
  }
  // Microsoft's C runtime is linked in, because not every Windows has it. Nothing else is shared with Node.js.
  if (platform.startsWith('win32-')) return { target, flags: [], env: { RUSTFLAGS: '-C target-feature=+crt-static' } }
  return { target, flags: [], env: { MACOSX_DEPLOYMENT_TARGET: '11.0' } }
}

/**
 * Builds the addon of a platform into `folder`. Returns why it cannot be built here, or `undefined` if it is built. An
 * addon that does not compile is an error. `mayFetch`: missing parts of Rust for the target may be downloaded.
 */
export function buildAddon(platform, folder, { mayFetch = false } = {}) {
  const problem = obstacle(platform, mayFetch)
  if (problem !== undefined) return problem
  mkdirSync(folder, { recursive: true })
  const { target, flags, env } = recipe(platform)
  const napi = createRequire(import.meta.url)
    .resolve('@napi-rs/cli')
    .replace(/dist[\\/][^\\/]+$/, 'cli.mjs')
  const { status } = run(
    process.execPath,
    [
      napi,
      'build',
      '--release',
      '--platform',
      '--no-js',
      '--target',
      target,
      ...flags,
      '--output-dir',
      folder,
      '--',
      '--locked',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } },
  )
  if (status !== 0) throw new Error(`The addon for ${platform} could not be built; the message is above`)
  return undefined
}

/** The first bytes of an addon's file, by system. */
const MAGIC = {
  linux: [0x7f, 0x45, 0x4c, 0x46],
  darwin: [0xcf, 0xfa, 0xed, 0xfe],
  win32: [0x4d, 0x5a],
}
const MACHINES = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }
/** The libraries that every system with this C library has. */
const LIBRARIES = {
  gnu: /^(lib(c|m|dl|rt)\.so\.6|lib(dl|rt|util)\.so\.[12]|libpthread\.so\.0|libgcc_s\.so\.1|ld-linux-(x86-64|aarch64)\.so\.[12])$/,
  musl: /^libc(\.musl-\w+)?\.so(\.1)?$/,
}

const isNewer = (version, other) => version.localeCompare(other, 'en', { numeric: true }) > 0

/** The faults of an addon for Linux: a wrong machine, a library that it must not need, or too new a glibc. */
function problemsOfLinux(platform, file) {
  const [, architecture, abi] = platform.split('-')
  const { status, stdout, error } = run('readelf', ['--wide', '--file-header', '--dynamic', '--version-info', file], {
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (status !== 0) return [`readelf (Debian's binutils) could not read it: ${error?.message ?? `exit code ${status}`}`]
  const problems = []
  const machine = /^ *Machine: +(.*)$/m.exec(stdout)?.[1]
  if (machine !== MACHINES[architecture]) problems.push(`it is for ${machine}`)
  const needed = [...stdout.matchAll(/\(NEEDED\) +Shared library: \[(.*)\]/g)].map(([, name]) => name)
  if (needed.length === 0) problems.push('it needs no library, not even the C library')
  for (const name of needed) if (!LIBRARIES[abi].test(name)) problems.push(`it needs ${name}`)
  const versions = [...new Set([...stdout.matchAll(/Name: GLIBC_([\d.]+)/g)].map(([, version]) => version))]
  const newest = versions.reduce((one, other) => (isNewer(other, one) ? other : one), '0')
  if (abi === 'musl' && versions.length > 0) problems.push(`it asks for glibc ${newest}`)
  if (abi === 'gnu' && isNewer(newest, OLDEST_GLIBC))
    problems.push(`it asks for glibc ${newest}, newer than ${OLDEST_GLIBC}`)
  return problems
}

/** The faults of a platform's addon, as sentences. On its own system the addon is loaded, too. */
export function problemsOf(platform, folder) {
  const file = join(folder, fileOf(platform))
  const [system] = platform.split('-')
  const bytes = readFileSync(file)
  if (!MAGIC[system].every((byte, at) => bytes[at] === byte)) return [`it is no file of ${system}`]
  const problems = system === 'linux' ? problemsOfLinux(platform, file) : []
  if (platform !== platformHere()) return problems
  const load = 'const m = { exports: {} }; process.dlopen(m, process.argv[1]); m.exports.codec()'
  const loaded = run(process.execPath, ['--eval', load, file])
  if (loaded.status !== 0) problems.push(`it cannot be loaded: ${loaded.stderr.trim()}`)
  return problems
}
