/** The package as an application gets it: packed as for a release, and installed into an empty folder. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ADDON_PACKAGE } from '../support/addon'

export const ROOT = join(__dirname, '../..')

/** What the examples need beside this package; those of the repository serve as well as new ones. */
const LINKED = ['express', 'fastify', '@types']

const execute = promisify(execFile)

export interface Outcome {
  code: number
  output: string
}

/** Runs a command to its end; one that fails is an outcome as well. */
export async function run(
  cwd: string,
  command: string,
  parameters: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  try {
    const { stdout, stderr } = await execute(command, parameters, {
      cwd,
      env: { ...process.env, NODE_ENV: undefined, ...env },
      shell: process.platform === 'win32',
    })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
    return { code: typeof code === 'number' ? code : -1, output: `${stdout}${stderr}` }
  }
}

/** Runs a script of one of the repository's own development dependencies. */
export function tool(cwd: string, script: string, ...parameters: string[]): Promise<Outcome> {
  return run(cwd, process.execPath, [join(ROOT, 'node_modules', script), ...parameters])
}

/** Installs tarballs into a new folder, and what they need from npm's cache, if it is there. */
async function install(folder: string, tarballs: readonly string[]): Promise<Outcome> {
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  return run(folder, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs])
}

export class Installed {
  private constructor(
    private readonly folder: string,
    readonly tarball: string,
  ) {}

  static async make(): Promise<Installed> {
    const folder = await mkdtemp(join(tmpdir(), 'loom-live-package-'))
    const out = join(folder, 'packages')
    const release = ['scripts/release.mjs', '--pack', '--addons', 'native', '--out', out]
    const packed = await run(ROOT, process.execPath, release)
    if (packed.code !== 0) throw new Error(packed.output)
    const tarballs = (await readdir(out)).filter((name) => /^loom-live.*\.tgz$/.test(name))
    const own = tarballs.find((name) => /^loom-live-\d/.test(name)) ?? ''
    const installed = new Installed(folder, join(out, own))
    const outcome = await install(
      installed.application,
      tarballs.map((name) => join(out, name)),
    )
    if (outcome.code !== 0) throw new Error(outcome.output)
    for (const name of LINKED) {
      await symlink(join(ROOT, 'node_modules', name), join(installed.application, 'node_modules', name), 'junction')
    }
    return installed
  }

  /** The application's folder. */
  get application(): string {
    return this.path('application')
  }

  /** The installed package's folder. */
  get package(): string {
    return join(this.application, 'node_modules', 'loom-live')
  }

  /** The folder of the package that has the addon. */
  get addonPackage(): string {
    return join(this.application, 'node_modules', ADDON_PACKAGE)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }
}

/** All files below a folder, by their paths from there. */
export async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
}
