#!/usr/bin/env node
// npm create loom-live@latest app

import { spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { FRAMEWORKS, LANGUAGES, problemWith, version, writeApplication } from './application.mjs'

const HELP = `npm create loom-live@latest FOLDER -- [FLAGS]

  --framework express|fastify   default: express
  --language js|ts              default: js
  --yes, -y                     take the defaults, ask nothing
  --no-install                  do not run npm install
  --version, --help`

function stop(problem) {
  console.error(`create-loom-live: ${problem}`)
  process.exit(1)
}

function flags() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        'framework': { type: 'string' },
        'language': { type: 'string' },
        'yes': { type: 'boolean', short: 'y' },
        'no-install': { type: 'boolean' },
        'help': { type: 'boolean', short: 'h' },
        'version': { type: 'boolean' },
      },
    })
  } catch (error) {
    return stop(`${error.message}\n\n${HELP}`)
  }
}

const { values, positionals } = flags()
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
if (values.version) {
  console.log(version)
  process.exit(0)
}
if (positionals.length > 1) stop(`expected one folder but received ${positionals.length}: ${positionals.join(', ')}`)

const asks = process.stdin.isTTY && process.stdout.isTTY && !values.yes
const terminal = asks ? createInterface({ input: process.stdin, output: process.stdout }) : undefined
// Ctrl-C, or the end of the input: nothing is written.
terminal?.once('close', () => process.exit(1))

/** What the flag says, or the user, or the first choice. */
async function choose(flag, choices) {
  const given = values[flag]
  if (given !== undefined) {
    if (!choices.includes(given))
      stop(`expected ${choices.join(' or ')} for --${flag} but received ${JSON.stringify(given)}`)
    return given
  }
  for (;;) {
    const answer = (await terminal?.question(`${flag}, ${choices.join(' or ')}? (${choices[0]}) `))
      ?.trim()
      .toLowerCase()
    if (!answer) return choices[0]
    const found = choices.filter((choice) => choice.startsWith(answer))
    if (found.length === 1) return found[0]
    console.log(`Please answer ${choices.join(' or ')}.`)
  }
}

const folder = positionals[0] ?? ((await terminal?.question('folder? (app) '))?.trim() || 'app')
const problem = await problemWith(folder)
if (problem !== undefined) stop(problem)
const framework = await choose('framework', FRAMEWORKS)
const language = await choose('language', LANGUAGES)
terminal?.removeAllListeners('close').close()

await writeApplication(folder, { framework, language })
const names = { express: 'Express', fastify: 'Fastify', js: 'JavaScript', ts: 'TypeScript' }
console.log(`${folder} has an application with ${names[framework]}, in ${names[language]}.`)

if (!values['no-install']) {
  const { status } = spawnSync('npm', ['install', '--no-fund', '--no-audit'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0)
    stop(`the files are in ${folder}, but npm install has failed. Its message is above; run npm install there again`)
}
const install = values['no-install'] ? '\n  npm install' : ''
console.log(`\n  cd ${folder}${install}\n  npm run dev\n  npm test`)
