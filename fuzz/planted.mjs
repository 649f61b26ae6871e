// Shows that each target finds a fault of its kind: one is put into a copy of the sources, and the
// target has to come upon it in time. Fails if one does not.
//
//   node fuzz/planted.mjs [--seconds 120] [--target templates]

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { build, here, options, TARGETS } from './build.mjs'

/** By target: what is made wrong, where, and how. `__test__/package/security.test.ts` checks that each place is there. */
const FAULTS = JSON.parse(readFileSync(join(here, 'faults.json'), 'utf8'))

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    target: { type: 'string', multiple: true, default: TARGETS },
  },
})

const root = join(here, '..')
const copy = join(here, 'target', 'copy')

/** The sources as they are now. What is the same keeps its time, so that cargo builds no more than it must. */
function copySources() {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '-co', '--exclude-standard', 'src', 'fuzz', 'Cargo.toml', 'Cargo.lock', 'build.rs'],
    { cwd: root },
  )
  rmSync(copy, { recursive: true, force: true })
  for (const name of listed.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(copy, name)), { recursive: true })
    cpSync(join(root, name), join(copy, name), { preserveTimestamps: true })
  }
}

function find(target, fault, position) {
  const file = join(copy, fault.file)
  const source = readFileSync(file, 'utf8')
  if (source.split(fault.from).length !== 2) {
    throw new Error(`${target}: expected one place in ${fault.file} that reads ${fault.from}`)
  }
  writeFileSync(
    file,
    source.replace(fault.from, () => fault.to),
  )
  let program
  try {
    program = build(join(copy, 'fuzz'), { only: target, folder: join(here, 'target', 'planted') })
  } finally {
    writeFileSync(file, source)
  }
  // The first folder gets what is new.
  const work = join(copy, 'work', `${target}-${position}`)
  mkdirSync(work, { recursive: true })
  const started = Date.now()
  const parameters = [...options(target), `-max_total_time=${values.seconds}`, `-artifact_prefix=${copy}/${target}-`]
  const { status, stderr } = spawnSync(program(target), [...parameters, work, join(here, 'corpus', target)], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  // A seed that shows the fault by itself would prove nothing of the search.
  const searched = /INITED/.test(stderr)
  const executions = [...stderr.matchAll(/^#(\d+)/gm)].at(-1)?.[1] ?? '0'
  const outcome = status === 0 ? 'NOT FOUND' : searched ? 'found' : 'FOUND BY A SEED ALREADY'
  const took = ((Date.now() - started) / 1000).toFixed(1)
  const said = /panicked at [^\n]*\n([^\n]*)/.exec(stderr)?.[1] ?? ''
  console.log(`${target}: ${fault.what}: ${outcome} after ${took} s, about ${executions} executions: ${said}`)
  return {
    target,
    passed: status !== 0 && searched,
    text: `| ${target} | ${fault.what} | ${outcome} | ${took} s | ${executions} |`,
  }
}

copySources()
const results = values.target.flatMap((target) =>
  FAULTS[target].map((fault, position) => find(target, fault, position)),
)
console.log(
  `\n| target | planted | outcome | after | executions |\n| --- | --- | --- | --- | --- |\n${results.map(({ text }) => text).join('\n')}`,
)
process.exit(results.every(({ passed }) => passed) ? 0 : 1)
