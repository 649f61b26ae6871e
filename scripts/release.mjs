// Makes and publishes the packages of a release. All of its steps can be tried on one's own machine:
//
//   node scripts/release.mjs --build linux-x64-gnu   builds one addon, and checks it; adds its target to Rust, if it is missing
//   node scripts/release.mjs --dry-run               builds each addon that can be built here, checks it, makes the packages
//   node scripts/release.mjs --pack                  makes the packages of the addons that are there, as they are
//   node scripts/release.mjs --publish               checks the addons, makes the packages, and publishes them
//
// Addons are in the folder `artifacts` (`--addons DIR`), packages in the folder `release` (`--out DIR`). npm publishes to
// the registry of its settings (`--registry URL`). A registry gets the packages of all platforms, checked, or none; only
// one on this machine, for tests, gets what is there, as it is.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { packagePrefix, targets } from './platforms.mjs'
import { buildAddon, problemsOf } from './release/addons.mjs'
import { makePackages, platformsIn } from './release/packages.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const { values } = parseArgs({
  options: {
    'build': { type: 'string', multiple: true },
    'dry-run': { type: 'boolean' },
    'pack': { type: 'boolean' },
    'publish': { type: 'boolean' },
    'addons': { type: 'string', default: 'artifacts' },
    'out': { type: 'string', default: 'release' },
    'registry': { type: 'string' },
  },
})
const addons = resolve(values.addons)
const out = resolve(values.out)

class Refused extends Error {}

/** Throws if an addon is not what its package promises. */
function checkAddons(platforms) {
  const problems = platforms.flatMap((name) => problemsOf(name, addons).map((problem) => `${name}: ${problem}`))
  if (problems.length > 0) throw new Refused(`An addon cannot be published:\n${problems.join('\n')}`)
}

/** Builds and checks the addons of the platforms. Returns which are built, and why the others cannot be built here. */
function build(platforms, options) {
  const built = []
  const notBuilt = []
  for (const platform of platforms) {
    const problem = buildAddon(platform, addons, options)
    if (problem === undefined) built.push(platform)
    else notBuilt.push(`${platform}: ${problem}`)
  }
  checkAddons(built)
  return { built, notBuilt }
}

async function make(platforms) {
  const packages = await makePackages(platforms, addons, out)
  for (const { name, version, size, unpackedSize } of packages) {
    const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
    console.log(`${name}@${version}: ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`)
  }
  return packages
}

const isHere = (registry) => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(registry).hostname)

function npm(...parameters) {
  const registry = values.registry === undefined ? [] : ['--registry', values.registry]
  return spawnSync('npm', [...parameters, ...registry], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
}

/** The packages that the registry does not have yet. One that it has with other content cannot be published. */
function unpublished(packages) {
  return packages.filter(({ name, version, integrity }) => {
    const { status, stdout, stderr } = npm('view', `${name}@${version}`, 'dist.integrity', '--json')
    const error = status === 0 ? undefined : /"code": "(\w+)"/.exec(stdout)?.[1]
    if (error === 'E404' || (status === 0 && stdout.trim() === '')) return true
    if (status !== 0) throw new Refused(`The registry could not be asked for ${name}: ${stderr || stdout}`)
    if (JSON.parse(stdout) === integrity) return false
    throw new Refused(
      `The registry has another ${name}@${version} already. Nothing was published: raise the version in package.json`,
    )
  })
}

/**
 * Publishes the platforms' packages, `loom-live`, which asks for them, and what makes applications with that, in this
 * order. So an application gets the release when all of it is there. If it stops in between, it can be run again with the same tarballs: what is there is left out.
 */
async function publish() {
  const registry = values.registry ?? npm('config', 'get', 'registry').stdout.trim()
  const platforms = platformsIn(addons)
  const missing = [...targets.keys()].filter((name) => !platforms.includes(name))
  if (missing.length > 0 && !(isHere(registry) && platforms.length > 0))
    throw new Refused(`Nothing was published: there is no addon for ${missing.join(', ')} in ${addons}`)
  const { GITHUB_REF_TYPE, GITHUB_REF_NAME, GITHUB_ACTIONS } = process.env
  if (GITHUB_REF_TYPE === 'tag' && GITHUB_REF_NAME !== `v${version}`)
    throw new Refused(`Nothing was published: the tag is ${GITHUB_REF_NAME}, and package.json says ${version}`)
  if (!isHere(registry)) checkAddons(platforms)
  const packages = unpublished(await make(platforms))
  const tag = version.includes('-') ? 'next' : 'latest'
  for (const { name, tarball } of packages) {
    const provenance = GITHUB_ACTIONS === 'true' && !isHere(registry) ? ['--provenance'] : []
    const { status, stderr } = npm('publish', tarball, '--access', 'public', '--tag', tag, ...provenance)
    if (status !== 0)
      throw new Refused(`npm did not publish ${name}. Mend the cause, and run this command again:\n${stderr}`)
    console.log(`published ${name}@${version} to ${registry}`)
  }
}

async function dryRun() {
  const { built, notBuilt } = build([...targets.keys()])
  const packages = await make(built)
  console.log(`${packages.length} of ${targets.size + 2} packages are in ${out}`)
  if (notBuilt.length > 0)
    console.log(`NOT MADE HERE\n${notBuilt.map((line) => `${packagePrefix}-${line}`).join('\n')}`)
}

try {
  if (values.build !== undefined) {
    const { notBuilt } = build(values.build, { mayFetch: true })
    if (notBuilt.length > 0) throw new Refused(notBuilt.join('\n'))
  } else if (values['dry-run']) {
    await dryRun()
  } else if (values.pack) {
    await make(platformsIn(addons))
  } else if (values.publish) {
    await publish()
  } else {
    throw new Refused('Say what to do: --build PLATFORM, --dry-run, --pack or --publish')
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error
  console.error(error.message)
  process.exitCode = 1
}
