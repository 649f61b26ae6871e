// Uploads beside live pages: one of 200 MB whose connection is cut ten times, with the memory of the server; and how long
// clicks of another page take while ten files come at once, beside none.
//
//     node bench/uploads.mjs [--mb 200] [--cuts 10] [--rate 100] [--seconds 10]
//
// `--rate`: how fast each of the ten files comes, in Mbit/s; 0: as fast as it can.

import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '200' },
    cuts: { type: 'string', default: '10' },
    rate: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
  },
})
const SIZE = Number(values.mb) * 1e6
const CUTS = Number(values.cuts)
const BLOCK = randomBytes(2 ** 20)

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

/** What the server holds just now, in bytes. */
async function memory(collects = false) {
  const answer = told('memory')
  server.send({ collects })
  return (await answer).memory
}

/** A page with one component: its events, one after the other. */
async function openPage() {
  const html = await (await fetch(`http://127.0.0.1:${port}/`)).text()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/loom/ws`, 'loom.2', { perMessageDeflate: false })
  let number = 0
  let waiting
  let pushed
  const live = new Promise((resolve) => {
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString())
      for (const message of Array.isArray(frame[0]) ? frame : [frame]) {
        if (message[0] === 'j') resolve()
        if (message[0] === 'p') pushed = message[3]
        if ((message[0] === 1 || message[0] === 'e') && waiting) waiting(message)
      }
    })
  })
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(JSON.stringify(['j', 1, 'album', /data-l-token="([^"]+)"/.exec(html)[1]]))
  await live
  return {
    event: (handler, type, vars) =>
      new Promise((resolve) => {
        number += 1
        waiting = () => {
          waiting = undefined
          resolve(pushed)
        }
        socket.send(JSON.stringify(['e', 1, number, number - 1, handler, type, ...(vars ? [vars] : [])]))
      }),
    close: () => socket.close(),
  }
}

async function permitFor(page, name, size) {
  const file = { k: name, name, type: 'application/octet-stream', size }
  const { asked, to } = await page.event('loom.upload', 'upload', { v: JSON.stringify({ u: 'file', a: [file] }) })
  return { ...asked[0], to }
}

/** One request, which ends early at `end`. Gives the status, and how far the server is. */
function send({ id, permit, to }, method, from, size, end, rate = 0) {
  return new Promise((resolve) => {
    const headers = { 'tus-resumable': '1.0.0', 'loom-permit': permit }
    if (method !== 'HEAD') {
      headers['content-type'] = 'application/offset+octet-stream'
      headers['content-length'] = size - from
      headers[method === 'POST' ? 'upload-length' : 'upload-offset'] = method === 'POST' ? size : from
    }
    const path = method === 'POST' ? to : `${to}/${id}`
    const one = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      response.resume()
      response.on('end', () =>
        resolve({ status: response.statusCode, offset: Number(response.headers['upload-offset']) }),
      )
    })
    one.on('error', () => resolve({ status: 0, offset: NaN }))
    if (method === 'HEAD') return void one.end()
    let at = from
    const began = performance.now()
    const write = () => {
      while (at < end) {
        const due = rate === 0 ? Infinity : from + ((performance.now() - began) * rate) / 8e-3 / 1e6 + BLOCK.length / 8
        if (at > due) return void setTimeout(write, 5)
        const start = at % BLOCK.length
        const block = BLOCK.subarray(
          start,
          start + Math.min(rate === 0 ? BLOCK.length : 65_536, BLOCK.length - start, end - at),
        )
        at += block.length
        if (!one.write(block)) return void one.once('drain', write)
      }
      if (end === size) one.end()
      else setTimeout(() => one.destroy(), 20)
    }
    write()
  })
}

/** The file's hash, as it was sent and as it arrived. */
async function hashes(path, size) {
  const [sent, arrived] = [createHash('sha256'), createHash('sha256')]
  for (let at = 0; at < size; at += BLOCK.length) sent.update(BLOCK.subarray(0, Math.min(BLOCK.length, size - at)))
  for await (const chunk of createReadStream(path)) arrived.update(chunk)
  return [sent.digest('hex'), arrived.digest('hex')]
}

const page = await openPage()

/** From its choice to the receiver, with cuts at even distances. */
async function upload(name, size, cuts) {
  const asked = await permitFor(page, name, size)
  const arrived = told('handed')
  let offset = 0
  for (let cut = 0; offset < size;) {
    const end = cut < cuts ? Math.min(size, Math.ceil(((cut + 1) * size) / (cuts + 1))) : size
    const { status, offset: next } = await send(asked, offset === 0 ? 'POST' : 'PATCH', offset, size, end)
    if (status >= 200 && status < 300) {
      offset = next
      continue
    }
    cut += 1
    const found = await send(asked, 'HEAD')
    if (found.status !== 200) throw new Error(`Expected 200 but received ${found.status}`)
    offset = found.offset
  }
  await page.event('loom.upload', 'upload', { v: JSON.stringify({ u: 'file', d: asked.permit }) })
  return arrived
}

// What is loaded with the first file does not count.
await upload('first', 32e6, 1)
const before = await memory(true)
let most = before
let isOver = false
const watching = (async () => {
  while (!isOver) {
    most = Math.max(most, await memory())
    await new Promise((resolve) => setTimeout(resolve, 50))
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
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  times.sort((a, b) => a - b)
  const at = (part) => times[Math.floor(times.length * part)]
  return { p50: at(0.5), p99: at(0.99) }
}
const other = await openPage()
await clicks()
const alone = await clicks()
const rate = Number(values.rate)
let goesOn = true
const coming = Array.from({ length: 10 }, async (_, index) => {
  while (goesOn) {
    const asked = await permitFor(await openPage(), `file ${index}`, 5e8)
    let offset = 0
    while (goesOn && offset < 5e8) {
      const end = Math.min(5e8, offset + 25e6)
      await send(asked, offset === 0 ? 'POST' : 'PATCH', offset, 5e8, end, rate)
      offset = (await send(asked, 'HEAD')).offset
    }
    await send(asked, 'DELETE', 0, 0, 0)
  }
})
const beside = await clicks()
goesOn = false
await Promise.all(coming)
const ms = ({ p50, p99 }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
console.log(
  `clicks alone: ${ms(alone)}; beside ten files at ${rate === 0 ? 'full speed' : `${rate} Mbit/s each`}: ${ms(beside)}`,
)
server.kill()
rmSync(directory, { recursive: true, force: true })
process.exit(bytes === SIZE && sent === arrived && most - before < 64 * 2 ** 20 ? 0 : 1)
