// Shows that each target finds a fault of its kind: one is put into a copy of the sources, and the
// target has to come upon it in time. Fails if one does not.
//
//   node fuzz/planted.mjs [--seconds 120] [--target templates]

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { build, here, options, TARGETS } from './build.mjs'

/** By target: what is made wrong, where, and how. */
const FAULTS = {
  frames: [
    {
      what: 'fragments together may be longer than a message',
      file: 'src/transport/websocket.rs',
      from: '.max_message_size(Some(limits.message_bytes))',
      to: '.max_message_size(None)',
    },
    {
      what: 'pings of a client that does not read are taken for ever',
      file: 'src/transport/websocket.rs',
      from: 'let listens = may_read && !(self.owes && self.unwritten_since.is_some());',
      to: 'let listens = may_read;',
    },
    {
      what: 'a message that is not whole counts nowhere',
      file: 'src/transport/websocket.rs',
      from: 'share.set(self.partial);',
      to: '',
    },
  ],
  classic: {
    what: 'an id may be one byte too long',
    file: 'src/protocol/client.rs',
    from: 'if id.len() > MAX_ID {',
    to: 'if id.len() > MAX_ID + 1 {',
  },
  extended: {
    what: 'members behind the last one are passed over',
    file: 'src/protocol/extended/parse.rs',
    from: 'Some(_) => Err(A::Error::custom("more members than the message has")),',
    to: 'Some(_) => Ok(message),',
  },
  tokens: {
    what: 'the version is not looked at',
    file: 'src/token/keyring.rs',
    from: 'let [VERSION, rest @ ..] = bytes.as_slice() else {',
    to: 'let [_, rest @ ..] = bytes.as_slice() else {',
  },
  checkpoints: {
    what: 'a checkpoint may be one event older than the component that lives',
    file: 'src/session/mod.rs',
    from: '(answered > number && state.unheard',
    to: '(answered > number + 1 && state.unheard',
  },
  trees: {
    what: 'control characters stand in JSON as they are',
    file: 'src/tree/json.rs',
    from: "|byte: &u8| *byte >= b' ' && *byte != b'\"'",
    to: "|byte: &u8| *byte != b'\"'",
  },
  compact: {
    what: 'the number of a list’s steps is trusted with an allocation',
    file: 'src/tree/compact.rs',
    from: 'script.steps.reserve((count as usize).min(self.ops.len()));',
    to: 'script.steps.reserve(count as usize);',
  },
  templates: {
    what: 'single quotes are not escaped',
    file: 'src/template/escape.rs',
    from: "b'\\'' => Some(\"&#39;\"),",
    to: "b'\\'' => None,",
  },
  elements: {
    what: 'less-than signs are not escaped',
    file: 'src/template/escape.rs',
    from: 'b\'<\' => Some("&lt;"),',
    to: "b'<' => None,",
  },
  forms: {
    what: 'each field is compared with all before it: their hashes are the same',
    file: 'src/bridge/form.rs',
    from: 'let mut places = HashMap::<K, usize>::new();',
    to: `
      #[derive(Default)]
      struct Same;
      impl std::hash::Hasher for Same {
          fn finish(&self) -> u64 { 0 }
          fn write(&mut self, _: &[u8]) {}
      }
      let mut places = HashMap::<K, usize, std::hash::BuildHasherDefault<Same>>::default();`,
  },
  addresses: {
    what: 'a port behind brackets may be 255 at most',
    file: 'src/sessions/addresses.rs',
    from: 'number.parse::<u16>()',
    to: 'number.parse::<u8>()',
  },
  logged: {
    what: 'the handler of an event is logged as the client wrote it',
    file: 'src/live_socket/actor.rs',
    from: 'format!("the event {}", Quoted(&handler))',
    to: 'format!("the event {handler}")',
  },
}

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
  [FAULTS[target]].flat().map((fault, position) => find(target, fault, position)),
)
console.log(
  `\n| target | planted | outcome | after | executions |\n| --- | --- | --- | --- | --- |\n${results.map(({ text }) => text).join('\n')}`,
)
process.exit(results.every(({ passed }) => passed) ? 0 : 1)
