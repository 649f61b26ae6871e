// Builds a target with the coverage that libFuzzer is guided by. The compiler is the stable one; only
// AddressSanitizer needs what it keeps for itself.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const here = dirname(fileURLToPath(import.meta.url))

export const TARGETS = [
  'frames',
  'classic',
  'extended',
  'tokens',
  'checkpoints',
  'trees',
  'compact',
  'templates',
  'elements',
  'forms',
  'addresses',
  'logged',
]

const COVERAGE = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
]

function host() {
  const { stdout } = spawnSync('rustc', ['-vV'], { encoding: 'utf8' })
  return /^host: (.*)$/m.exec(stdout ?? '')?.[1]
}

/** The program's path. `root` is the folder with the crate; `only` the target to build, or all are. */
export function build(root, { address = false, only, folder = join(here, 'target') } = {}) {
  const triple = host()
  const target = join(folder, address ? 'address' : 'plain')
  const flags = address ? [...COVERAGE, '-Zsanitizer=address'] : COVERAGE
  const { status, error } = spawnSync(
    'cargo',
    // Named, so that what is built for the compiler itself does not get the flags.
    ['build', '--release', '--locked', '--target', triple, ...(only ? ['--bin', only] : ['--bins'])],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        CARGO_TARGET_DIR: target,
        RUSTFLAGS: flags.join(' '),
        ...(address && { RUSTC_BOOTSTRAP: '1' }),
      },
    },
  )
  if (status !== 0) throw new Error(error?.message ?? 'the targets could not be built; cargo’s message is above')
  return (name) => join(target, triple, 'release', name)
}

/** What both programs give libFuzzer. */
export function options(target) {
  const dictionary = join(here, 'dict', `${target === 'elements' ? 'templates' : target}.txt`)
  return [
    ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : []),
    // What the bytes only choose is large enough with few of them.
    `-max_len=${['checkpoints', 'trees', 'compact'].includes(target) ? 512 : 4096}`,
    '-timeout=10',
    '-rss_limit_mb=1024',
    '-print_final_stats=1',
  ]
}
