// Runs the package under every runtime that it supports. `npm test` runs this script; it also runs alone.
//
// Every version of Node runs __test__/runtimes/program.mjs, which tests how upgrades are shared, in both transports and
// over https. All runtimes run the README's Express and Fastify examples: a page is loaded, joined and clicked. The
// binaries come from npm and are kept. A runtime that cannot be installed is named, and is not a failure.

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, installRuntimes, programOf, RUNTIMES } from './binaries.mjs'
import { click, tokenIn, Wire } from '../__test__/runtimes/client.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const tests = join(root, '__test__', 'runtimes')

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts a process, and gathers its output. */
function start(runtime, parameters, env = {}) {
  const child = spawn(programOf(runtime), [...runtime.run, ...parameters], {
    cwd: root,
    env: { ...process.env, NODE_ENV: undefined, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const process_ = {
    child,
    output: '',
    exited: new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal))),
  }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (process_.output += text))
  return process_
}

/**
 * Tests that an example serves its page, that a socket joins, and that a click is answered. Returns the program's
 * output.
 */
async function tryExample(runtime, example) {
  const port = await freePort()
  const program = start(runtime, [join('examples', example)], { PORT: String(port) })
  try {
    let page
    const end = Date.now() + 20_000
    while (page === undefined) {
      if (program.child.exitCode !== null || Date.now() > end)
        throw new Error(`it did not serve its page: ${program.output}`)
      page = await fetch(`http://127.0.0.1:${port}/`).then(
        (response) => response.text(),
        () => undefined,
      )
      if (page === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const script = /<script[^>]+src="([^"]+)"/.exec(page)?.[1]
    const { status } = await fetch(`http://127.0.0.1:${port}${script}`)
    if (status !== 200) throw new Error(`its script ${script} is answered with ${status}`)
    const wire = await Wire.to(port)
    try {
      const line = await wire.upgrade('/loom/ws', `Origin: http://127.0.0.1\r\n`)
      if (!line.startsWith('HTTP/1.1 101 ')) throw new Error(`the upgrade is answered with ${line}`)
      await click(wire, tokenIn(page))
    } finally {
      wire.end()
    }
    return program.output.trim()
  } catch (error) {
    throw new Error(`${example}: ${error.message}\n${program.output}`, { cause: error })
  } finally {
    program.child.kill('SIGKILL')
    await program.exited
  }
}

async function tryProgram(runtime, certificate) {
  const program = start(runtime, [join(tests, 'program.mjs'), certificate])
  const timer = setTimeout(() => program.child.kill('SIGKILL'), 60_000)
  const exit = await program.exited
  clearTimeout(timer)
  const last = program.output.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{"checks"')) throw new Error(`the program ended with ${exit}: ${program.output}`)
  const { checks, problems } = JSON.parse(last)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return checks
}

async function tryRuntime(runtime, certificate) {
  const started = Date.now()
  if (!existsSync(programOf(runtime))) return { runtime, text: `NOT TRIED, ${programOf(runtime)} is not there` }
  try {
    const said = [await tryExample(runtime, 'express.mjs'), await tryExample(runtime, 'fastify.mjs')]
    const checks = await tryProgram(runtime, certificate)
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    const notes = [...new Set(said.filter((text) => text !== ''))]
    if (runtime.isNode && notes.length > 0) throw new Error(`an example said: ${notes.join('; ')}`)
    return {
      runtime,
      passed: true,
      text: `2 examples, ${checks} checks, in ${seconds} s${notes.map((note) => `\n  ${note}`).join('')}`,
    }
  } catch (error) {
    return { runtime, passed: false, text: `FAILED\n  ${error.message.replaceAll('\n', '\n  ')}` }
  }
}

async function certificateFile() {
  const { build } = await import('esbuild')
  const outfile = join(folder, 'certificate.mjs')
  await build({
    entryPoints: [join(root, '__test__/support/certificate.ts')],
    outfile,
    platform: 'node',
    format: 'esm',
  })
  const { certificate } = await import(`file://${outfile}`)
  const file = join(folder, 'certificate.json')
  writeFileSync(file, JSON.stringify(certificate()))
  return file
}

installRuntimes()
const certificate = await certificateFile()
const only = process.argv[2]
const waiting = RUNTIMES.filter(({ name }) => only === undefined || name.toLowerCase().includes(only.toLowerCase()))
let failed = 0
const work = async () => {
  for (let runtime = waiting.shift(); runtime !== undefined; runtime = waiting.shift()) {
    const { passed, text } = await tryRuntime(runtime, certificate)
    if (passed === false) failed += 1
    console.log(`${runtime.name}: ${text}`)
  }
}
// Two at a time.
await Promise.all([work(), work()])
process.exit(failed === 0 ? 0 : 1)
