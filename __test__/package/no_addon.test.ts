/** What `require('loom-live')` says if there is no addon: the loader's own words, the system, the cause, what to do. */

import { appendFile, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { familySync, versionSync } from 'detect-libc'
import { ADDON_FILE, ADDON_PACKAGE, BUILT_ADDON, PLATFORM } from '../support/addon'
import { Installed, ROOT, run } from './installed'

let installed: Installed

beforeAll(async () => {
  installed = await Installed.make()
}, 120_000)

afterAll(() => installed.remove())

const SYSTEM =
  process.platform === 'linux'
    ? `Linux ${process.arch}, ${familySync() ?? ''} ${versionSync() ?? ''}, Node.js ${process.versions.node}`
    : `${process.arch}, Node.js ${process.versions.node}`

/** The package of another system. */
const OTHER = PLATFORM.includes('darwin') ? 'linux-x64-gnu' : 'darwin-arm64'

/** An application of its own, with links to the packages that are no part of the question. */
async function copy(name: string): Promise<{ folder: string; addon: string }> {
  const folder = installed.path(name)
  const modules = join(folder, 'node_modules')
  await mkdir(modules, { recursive: true })
  for (const other of ['cookie', 'detect-libc', 'forwarded-parse', 'fresh', 'negotiator', 'proxy-addr'])
    await symlink(join(installed.application, 'node_modules', other), join(modules, other), 'junction')
  await cp(installed.package, join(modules, 'loom-live'), { recursive: true })
  const addon = join(modules, ADDON_PACKAGE)
  await cp(installed.addonPackage, addon, { recursive: true })
  return { folder, addon }
}

/** The code and the lines of the error that `require` throws; `before` is run first. */
async function requireIn(
  folder: string,
  { before = '', env = {} }: { before?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string[]> {
  const script = `${before}; try { require('loom-live'); console.log('loaded') } catch (error) { console.log(error.code + '\\n' + error.message) }`
  const { output } = await run(folder, process.execPath, ['--eval', script], env)
  return output.trimEnd().split('\n')
}

test('with the addon, it loads', async () => {
  const { folder } = await copy('whole')
  expect(await requireIn(folder)).toEqual(['loaded'])
})

test('a package that is missing: its name, the system, and the three ways in which it was lost', async () => {
  const { folder, addon } = await copy('missing')
  await rm(addon, { recursive: true })
  const [code, loader, system, ...causes] = await requireIn(folder)
  expect(code).toBe('LOOM_PLATFORM')
  expect(loader).toBe(`Cannot find module '${ADDON_PACKAGE}'`)
  expect(system).toContain(`no addon for this system, ${PLATFORM} (`)
  expect(system).toContain(SYSTEM)
  expect(system).toMatch(`the package ${ADDON_PACKAGE} is not installed.`)
  expect(causes).toEqual([
    expect.stringContaining('optional dependency'),
    expect.stringMatching(/^- Optional dependencies were left out .*--omit=optional.*: install again with optional/),
    expect.stringMatching(/^- The lock file was made on another system.*: delete node_modules and the lock file/),
    expect.stringMatching(/^- A bundler or a Docker stage .*: mark loom-live as external/),
  ])
})

test('`npm install --omit=optional` is such a case', async () => {
  const folder = installed.path('omitted')
  await mkdir(folder)
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { 'loom-live': `file:${installed.tarball}` } }),
  )
  const npm = ['install', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  expect((await run(folder, 'npm', npm)).code).toBe(0)
  const lines = await requireIn(folder)
  expect(lines[0]).toBe('LOOM_PLATFORM')
  expect(lines.join('\n')).toContain('--omit=optional')
}, 60_000)

test('packages that were installed on another system, or for another C library, are named', async () => {
  const { folder, addon } = await copy('elsewhere')
  const name = PLATFORM.endsWith('gnu') ? PLATFORM.replace('gnu', 'musl') : OTHER
  const other = join(folder, 'node_modules/@loom-live', `native-${name}`)
  await rename(addon, other)
  await rename(join(other, ADDON_FILE), join(other, `loom-live.${name}.node`))
  const manifest = (await readFile(join(other, 'package.json'), 'utf8')).replaceAll(PLATFORM, name)
  await writeFile(join(other, 'package.json'), manifest)
  const [code, loader, system, ...rest] = await requireIn(folder)
  expect([code, loader]).toEqual(['LOOM_PLATFORM', `Cannot find module '${ADDON_PACKAGE}'`])
  expect(system).toContain(SYSTEM)
  expect(rest).toEqual([
    `Installed is @loom-live/native-${name}: node_modules was made on another system, and copied to this one.`,
    '- Delete node_modules, and install again on this system.',
    expect.stringMatching(/^- In Docker, .*Alpine has musl.*\.dockerignore/),
  ])
})

test('a bundle that was deployed without the packages', async () => {
  // As a tracer of files leaves it, which has seen no `require` of the addon.
  const { folder, addon } = await copy('traced')
  await rm(join(addon, '..'), { recursive: true })
  await writeFile(join(folder, 'server.cjs'), `require('loom-live')`)
  const { code, output } = await run(folder, process.execPath, ['server.cjs'])
  expect(code).not.toBe(0)
  expect(output).toContain(`Cannot find module '${ADDON_PACKAGE}'`)
  expect(output).toMatch(/A bundler or a Docker stage copied loom-live without its packages/)
})

test('a file that is damaged: the loader says why first', async () => {
  const { folder, addon } = await copy('damaged')
  const file = join(addon, ADDON_FILE)
  await writeFile(file, 'a page of a proxy that wants a password')
  const [code, loader, system, ...rest] = await requireIn(folder)
  expect(code).toBe('LOOM_PLATFORM')
  expect(loader).toMatch(/loom-live\..*\.node: |not a mach-o|not a valid Win32/)
  expect(system).toContain('is there, but this system')
  expect(system).toContain(SYSTEM)
  expect(system).toContain(`${ADDON_FILE}, 39 bytes.`)
  expect(rest[0]).toBe('- The file is damaged or incomplete: delete node_modules, and install again.')
  expect(rest.join('\n')).not.toContain('C library')
  expect(rest.at(-1)).toMatch(/^If that does not help: Build the addon from the repository/)
})

test('an empty file, as a full disk leaves it', async () => {
  const { folder, addon } = await copy('empty')
  await writeFile(join(addon, ADDON_FILE), '')
  const lines = await requireIn(folder)
  expect(lines[0]).toBe('LOOM_PLATFORM')
  expect(lines.join('\n')).toMatch(/, 0 bytes\.\n- The file is damaged or incomplete/)
})

const onGlibc = PLATFORM.startsWith('linux-') && PLATFORM.endsWith('-gnu') ? test : test.skip

onGlibc('a C library that is too old', async () => {
  const { folder, addon } = await copy('old')
  const file = join(addon, ADDON_FILE)
  // As on a system without this version: the addon asks for one that this system does not have.
  const bytes = await readFile(file)
  const asked = [...bytes.toString('latin1').matchAll(/GLIBC_2\.(\d+)(?=\0)/g)].map(([, minor]) => Number(minor))
  const version = `GLIBC_2.${Math.max(...asked)}`
  const wanted = version.replace(/\d{1,2}$/, (digits) => '9'.repeat(digits.length))
  let at = bytes.indexOf(`${version}\0`, 0, 'latin1')
  for (; at !== -1; at = bytes.indexOf(`${version}\0`, at + 1, 'latin1')) bytes.write(wanted, at, 'latin1')
  // The loader compares the version's hash first; see `readelf --version-info`.
  const hashOf = (name: string): number =>
    [...name].reduce((hash, letter) => {
      const next = (hash * 16 + letter.charCodeAt(0)) % 2 ** 32
      const high = Math.floor(next / 2 ** 28)
      return ((next ^ (high << 4)) & 0x0fffffff) >>> 0
    }, 0)
  const [was, is] = [Buffer.alloc(4), Buffer.alloc(4)]
  was.writeUInt32LE(hashOf(version))
  is.writeUInt32LE(hashOf(wanted))
  for (let hash = bytes.indexOf(was); hash !== -1; hash = bytes.indexOf(was, hash + 4)) is.copy(bytes, hash)
  await rm(file)
  await writeFile(file, bytes)
  const [code, loader, , ...rest] = await requireIn(folder)
  expect([code, loader]).toEqual(['LOOM_PLATFORM', expect.stringContaining(`version \`${wanted}' not found`)])
  expect(rest[0]).toMatch(/^- The C library of this system is too old, .*2\.17/)
})

test('a system that there are no addons for', async () => {
  const { folder } = await copy('unknown')
  const before = `Object.defineProperty(process, 'arch', { value: 'mips' })`
  const [code, , system, source] = await requireIn(folder, { before })
  expect(code).toBe('LOOM_PLATFORM')
  expect(system).toMatch(/^loom-live has no ready addon for this system, \w+-mips/)
  expect(system).toContain('linux-arm64-musl, darwin-x64')
  expect(source).toMatch(/^Build the addon from the repository .*NAPI_RS_NATIVE_LIBRARY_PATH/)
})

test('such a system takes an addon of its own by NAPI_RS_NATIVE_LIBRARY_PATH', async () => {
  const { folder, addon } = await copy('own')
  await rm(addon, { recursive: true })
  expect(await requireIn(folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: BUILT_ADDON } })).toEqual(['loaded'])
  const none = join(folder, 'none.node')
  const [, loader, cause] = await requireIn(folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: none } })
  expect(loader).toBe(`Cannot find module '${none}'`)
  expect(cause).toContain(`names ${none}`)
})

test('a package of another version', async () => {
  const { folder, addon } = await copy('version')
  const file = join(addon, 'package.json')
  const manifest = await readFile(file, 'utf8')
  await rm(file)
  await writeFile(file, manifest.replace(/"version": "[^"]*"/, '"version": "0.0.1"'))
  const [code, versions, cause] = await requireIn(folder)
  expect(code).toBe('LOOM_PLATFORM')
  expect(versions).toMatch(new RegExp(`^${ADDON_PACKAGE} has version 0\\.0\\.1, and loom-live has version \\d`))
  expect(cause).toMatch(/overrides.*delete node_modules, and install again/)
})

test('the platforms are those of package.json', async () => {
  const { napi } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { napi: { targets: string[] } }
  expect(napi.targets).toHaveLength(8)
  const { folder } = await copy('all')
  await appendFile(join(folder, 'node_modules/loom-live/package.json'), '\n')
  const before = `Object.defineProperty(process, 'arch', { value: 'mips' })`
  const listed = /There are addons for (.*)\./.exec((await requireIn(folder, { before }))[2] ?? '')?.[1]
  expect(listed?.split(', ')).toHaveLength(8)
})
