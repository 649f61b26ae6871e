// Makes the packages of a release: `loom-live`, without Rust and without an install script, one package a platform, and
// `create-loom-live`.

import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileOf, packagePrefix, targets } from '../platforms.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Members of package.json that are for the repository only. */
const OURS = ['private', 'napi', 'scripts', 'devDependencies', 'prettier']

/** The platforms whose addon is in the folder. */
export const platformsIn = (folder) => [...targets.keys()].filter((name) => existsSync(join(folder, fileOf(name))))

function npm(parameters, cwd) {
  const { status, stdout, stderr, error } = spawnSync('npm', parameters, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ${parameters.join(' ')} failed: ${error?.message ?? stderr}`)
  return stdout
}

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`)

/** Packs the package in `folder` into `out`. */
function pack(folder, out) {
  const [{ filename, name, version, integrity, size, unpackedSize }] = JSON.parse(
    npm(['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder),
  )
  return {
    name,
    version,
    integrity,
    size,
    unpackedSize,
    tarball: join(out, filename.replace('@', '').replace('/', '-')),
  }
}

/**
 * The members that say who owns the package. npm shows the place of the build (provenance) only if `repository` agrees.
 */
function origin() {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY) return {}
  const page = `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`
  return { repository: { type: 'git', url: `git+${page}.git` }, bugs: `${page}/issues`, homepage: `${page}#readme` }
}

/**
 * Copies the files of `source` that npm would pack to the folder `name` of `out`; `change` makes the new package.json.
 */
function stage(source, out, name, change) {
  const scratch = mkdtempSync(join(out, 'scratch-'))
  try {
    const { tarball } = pack(source, scratch)
    const { status, stderr } = spawnSync('tar', ['-xzf', tarball], { cwd: scratch, encoding: 'utf8' })
    if (status !== 0) throw new Error(`tar failed: ${stderr}`)
    const folder = join(out, name)
    renameSync(join(scratch, 'package'), folder)
    const file = join(folder, 'package.json')
    writeJson(file, change({ ...readJson(file), ...origin() }))
    return folder
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** `loom-live` itself, with a package.json for those who install it. */
function stageMain(platforms, out) {
  return stage(root, out, 'loom-live', (manifest) => ({
    ...Object.fromEntries(Object.entries(manifest).filter(([name]) => !OURS.includes(name))),
    optionalDependencies: Object.fromEntries(platforms.map((name) => [`${packagePrefix}-${name}`, manifest.version])),
  }))
}

/** The package that `npm create loom-live` runs. Its applications ask for the `loom-live` of the same release. */
function stageCreate(out) {
  const { version } = readJson(join(root, 'package.json'))
  return stage(join(root, 'packages', 'create'), out, 'create-loom-live', (manifest) => ({ ...manifest, version }))
}

/** The platforms' packages, as `napi create-npm-dirs` lays them out. */
async function stagePlatforms(platforms, addons, out) {
  const { NapiCli } = await import('@napi-rs/cli')
  const { napi, ...manifest } = readJson(join(root, 'package.json'))
  const file = join(out, 'package.json')
  writeJson(file, { ...manifest, ...origin(), napi: { ...napi, targets: platforms.map((name) => targets.get(name)) } })
  await new NapiCli().createNpmDirs({ cwd: out, npmDir: 'npm' })
  rmSync(file)
  return platforms.map((name) => {
    const folder = join(out, 'npm', name)
    copyFileSync(join(addons, fileOf(name)), join(folder, fileOf(name)))
    copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
    writeFileSync(
      join(folder, 'README.md'),
      `# ${packagePrefix}-${name}\n\nThe addon of [loom-live](https://www.npmjs.com/package/loom-live) for ${targets.get(name)}. ` +
        'It is installed with loom-live, on the systems that need it; do not depend on it yourself.\n',
    )
    return folder
  })
}

/**
 * Makes the packages of the platforms, whose addons are in the folder `addons`; then `loom-live`; and at last
 * `create-loom-live`. They are made in the folder `out`, which is emptied first. Returns the packages in the order in
 * which they have to be published.
 */
export async function makePackages(platforms, addons, out) {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const folders = [...(await stagePlatforms(platforms, addons, out)), stageMain(platforms, out), stageCreate(out)]
  return folders.map((folder) => pack(folder, out))
}
