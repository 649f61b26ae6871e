/** The checks that keep an addon out of a package that it does not fit; and which addon is right. */

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { versionSync } from 'detect-libc'
import { BUILT_ADDON, PLATFORM } from '../support/addon'
import { ROOT, run } from './installed'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loom-live-release-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** What the release says of a file as the addon of a platform. */
async function problemsOf(platform: string): Promise<string[]> {
  const script = `import { problemsOf } from './scripts/release/addons.mjs'
    console.log(JSON.stringify(problemsOf(${JSON.stringify(platform)}, ${JSON.stringify(folder)})))`
  const { code, output } = await run(ROOT, process.execPath, ['--input-type=module', '--eval', script])
  if (code !== 0) throw new Error(output)
  return JSON.parse(output) as string[]
}

const fileOf = (platform: string): string => join(folder, `loom-live.${platform}.node`)

test.each(['linux-x64-gnu', 'darwin-arm64', 'win32-x64-msvc'])(
  'a page of text is no addon for %s',
  async (platform) => {
    await writeFile(fileOf(platform), '<!doctype html><title>Not found</title>')
    expect(await problemsOf(platform)).toEqual([`it is no file of ${platform.split('-')[0] ?? ''}`])
  },
)

const [system, architecture = '', abi] = PLATFORM.split('-')
const onGlibc = system === 'linux' && abi === 'gnu' ? describe : describe.skip

onGlibc('an addon that was built for glibc', () => {
  test('is none for musl', async () => {
    const musl = PLATFORM.replace('gnu', 'musl')
    await copyFile(BUILT_ADDON, fileOf(musl))
    expect(await problemsOf(musl)).toEqual(
      expect.arrayContaining(['it needs libc.so.6', expect.stringMatching(/^it asks for glibc 2\.\d+$/)]),
    )
  })

  test('is none for another machine', async () => {
    const other = PLATFORM.replace(architecture, architecture === 'x64' ? 'arm64' : 'x64')
    await copyFile(BUILT_ADDON, fileOf(other))
    expect(await problemsOf(other)).toEqual(expect.arrayContaining([expect.stringMatching(/^it is for /)]))
  })

  test('asks for a glibc that is too new, if this system linked it', async () => {
    await copyFile(BUILT_ADDON, fileOf(PLATFORM))
    const problems = await problemsOf(PLATFORM)
    // Since 2.34 what threads need is in another file, so that programs that are linked there run nowhere older.
    const [, minor = '0'] = (versionSync() ?? '').split('.')
    if (Number(minor) >= 34)
      expect(problems).toEqual([expect.stringMatching(/^it asks for glibc 2\.\d+, newer than 2\.17$/)])
    else expect(problems.filter((problem) => !problem.includes('newer than'))).toEqual([])
  })
})

test('what cannot be built here is said, and is no release', async () => {
  const other = system === 'darwin' ? 'win32-x64-msvc' : 'darwin-arm64'
  const { code, output } = await run(ROOT, process.execPath, [
    'scripts/release.mjs',
    '--build',
    other,
    '--addons',
    folder,
  ])
  expect([code, output]).toEqual([1, `${other}: it is built on ${system === 'darwin' ? 'Windows' : 'macOS'}\n`])
})
