// Uploads beside live pages: one of 200 MB whose connection is cut ten times, with the memory of the server; and how
// long clicks of another page take while ten files come at once, beside none.
//
//     node bench/uploads.mjs [--mb 200] [--cuts 10] [--rate 20] [--seconds 10] [--rounds 5] [--free]
//
// `--rate`: how fast each of the ten files comes, in Mbit/s; 0: as fast as it can. The server has one core. The
// processes that click and that send files have the other core, and the clicks come first there; with `--free` all have
// both cores.

import { fork, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { leaveServersTheirCore } from './support/publishing.mjs'
import { spread } from './support/statistics.mjs'
import { table } from './support/table.mjs'
import { BLOCK, openPage, permitFor, send } from './support/uploading.mjs'

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '200' },
    cuts: { type: 'string', default: '10' },
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    free: { type: 'boolean', default: false },
  },
})
const SIZE = Number(values.mb) * 1e6
const CUTS = Number(values.cuts)

const LOAD = fileURLToPath(new URL('support/uploading.mjs', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'loom-uploads-'))
const server = fork(fileURLToPath(new URL('servers/uploads.mjs', import.meta.url)), {
  env: { ...process.env, DIRECTORY: directory },
  execArgv: ['--expose-gc'],
})
const told = (name) =>
  new Promise((resolve) => {
    const listen = (message) => {
      if (!(name in message)) return
      server.off('message', listen)
      resolve(message)
    }
    server.on('message', listen)
  })
const { port } = await told('port')
if (!values.free) {
  spawnSync('taskset', ['-a', '-p', '-c', '0', String(server.pid)], { stdio: 'ignore' })
  leaveServersTheirCore()
}

/** The memory that the server uses now, in bytes. */
async function memory(collects = false) {
  const answer = told('memory')
  server.send({ collects })
  return (await answer).memory
}

/** The file's hash, as it was sent and as it arrived. */
async function hashes(path, size) {
  const [sent, arrived] = [createHash('sha256'), createHash('sha256')]
  for (let at = 0; at < size; at += BLOCK.length) sent.update(BLOCK.subarray(0, Math.min(BLOCK.length, size - at)))
  for await (const chunk of createReadStream(path)) arrived.update(chunk)
  return [sent.digest('hex'), arrived.digest('hex')]
}

const page = await openPage(port)

/** Sends a file, from its choice to the receiver, with cuts at even distances. */
async function upload(name, size, cuts) {
  const asked = await permitFor(page, name, size)
  const arrived = told('handed')
  let offset = 0
  for (let cut = 0; offset < size;) {
    const end = cut < cuts ? Math.min(size, Math.ceil(((cut + 1) * size) / (cuts + 1))) : size
    const { status, offset: next } = await send(port, asked, offset === 0 ? 'POST' : 'PATCH', offset, size, end)
    if (status >= 200 && status < 300) {
      offset = next
      continue
    }
    cut += 1
    const found = await send(port, asked, 'HEAD')
    if (found.status !== 200) throw new Error(`Expected 200 but received ${found.status}`)
    offset = found.offset
  }
  await page.event('loom.upload', 'upload', { v: JSON.stringify({ u: 'file', d: asked.permit }) })
  return arrived
}

// The first file loads code, so it does not count.
await upload('first', 32e6, 1)
const before = await memory(true)
let most = before
let isOver = false
const watching = (async () => {
  while (!isOver) {
    most = Math.max(most, await memory())
    await setTimeout(50)
  }
})()
const began = performance.now()
const { path, bytes } = await upload('large', SIZE, CUTS)
const seconds = (performance.now() - began) / 1000
isOver = true
await watching
const [sent, arrived] = await hashes(path, SIZE)
const mib = (count) => (count / 2 ** 20).toFixed(0)
console.log(
  `${values.mb} MB with ${CUTS} cuts in ${seconds.toFixed(1)} s: ${bytes === SIZE && sent === arrived ? 'arrived whole' : 'NOT WHOLE'}; ` +
    `the server held ${mib(before)} MiB before and ${mib(most - before)} MiB more at most`,
)

async function clicks() {
  const times = []
  const end = performance.now() + Number(values.seconds) * 1000
  while (performance.now() < end) {
    const at = performance.now()
    await other.event('click', 'click')
    times.push(performance.now() - at)
    await setTimeout(2)
  }
  times.sort((a, b) => a - b)
  const at = (part) => times[Math.floor(times.length * part)]
  return { p50: at(0.5), p99: at(0.99) }
}
const rate = Number(values.rate)
const other = await openPage(port)
await clicks()
/** Clicks while ten files are sent. `isBare`: Node itself takes the files, without loom-live. */
async function besideFiles(isBare) {
  const load = fork(LOAD, [port, rate, Number(isBare)].map(String))
  const sent = async (stop) => {
    load.send({ stop })
    const [{ sent }] = await once(load, 'message')
    return sent
  }
  await setTimeout(1000)
  const [from, at] = [await sent(false), performance.now()]
  const times = await clicks()
  const [to, end] = [await sent(true), performance.now()]
  await once(load, 'exit')
  return { ...times, perSecond: (to - from) / (end - at) / 1000 }
}
const rounds = []
for (let round = 0; round < Number(values.rounds); round++)
  rounds.push({ alone: await clicks(), ours: await besideFiles(false), bare: await besideFiles(true) })
const row = (name, part) => [name, ...['p50', 'p99'].map((at) => spread(rounds.map((round) => part(round, at))))]
const speed = rate === 0 ? 'full speed' : `${rate} Mbit/s each`
console.log(
  table(
    ['clicks', 'p50', 'p99'],
    [
      row('alone, ms', ({ alone }, at) => alone[at]),
      row(`beside ten files at ${speed}, ms`, ({ ours }, at) => ours[at]),
      row('beside ten files that Node pipes to the disk, ms', ({ bare }, at) => bare[at]),
      row('**ours / alone**', ({ alone, ours }, at) => ours[at] / alone[at]),
      row('**Node / alone**', ({ alone, bare }, at) => bare[at] / alone[at]),
    ],
  ),
)
for (const kind of ['ours', 'bare'])
  console.log(`${kind}: ${spread(rounds.map((round) => round[kind].perSecond))} MB a second were sent`)
server.kill()
rmSync(directory, { recursive: true, force: true })
process.exit(bytes === SIZE && sent === arrived && most - before < 64 * 2 ** 20 ? 0 : 1)
