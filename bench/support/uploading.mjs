// The parts of bench/uploads.mjs that act as browsers do: a page with one component, permits for files, and files in
// pieces. Started as a process, it sends ten files at once until it is ended: `node bench/support/uploading.mjs PORT
// RATE BARE`.

import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

/** All files are made of these bytes. */
export const BLOCK = randomBytes(2 ** 20)

const AT_ONCE = 10
const SIZE = 5e8
/** After so many bytes a connection is cut, and the file goes on with another connection. */
const PIECE = 25e6

/** How many bytes of files this process has sent. */
let sent = 0

/** A page with one component: its events, one after the other. */
export async function openPage(port) {
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
  }
}

export async function permitFor(page, name, size) {
  const file = { k: name, name, type: 'application/octet-stream', size }
  const { asked, to } = await page.event('loom.upload', 'upload', { v: JSON.stringify({ u: 'file', a: [file] }) })
  return { ...asked[0], to }
}

/**
 * One request, which ends early at `end`. Returns the status, and how many bytes the server has. `rate`: at most so
 * many Mbit/s; 0: as fast as possible.
 */
export function send(port, { id, permit, to }, method, from, size, end, rate = 0) {
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
        // A Mbit/s is 125 bytes a millisecond.
        const due = rate === 0 ? Infinity : from + (performance.now() - began) * rate * 125 + 65_536
        if (at > due) return void setTimeout(write, 5)
        const start = at % BLOCK.length
        const block = BLOCK.subarray(
          start,
          start + Math.min(rate === 0 ? BLOCK.length : 65_536, BLOCK.length - start, end - at),
        )
        at += block.length
        sent += block.length
        if (!one.write(block)) return void one.once('drain', write)
      }
      if (end === size) one.end()
      else setTimeout(() => one.destroy(), 20)
    }
    write()
  })
}

/** Sends a file again and again, through `loom.uploads`. */
async function sendOurs(port, rate, index, files) {
  while (!isOver) {
    const asked = await permitFor(await openPage(port), `file ${index}`, SIZE)
    files.add(asked)
    let offset = 0
    while (offset < SIZE && !isOver) {
      await send(port, asked, offset === 0 ? 'POST' : 'PATCH', offset, SIZE, Math.min(SIZE, offset + PIECE), rate)
      offset = (await send(port, asked, 'HEAD')).offset
    }
    files.delete(asked)
  }
}

/** Sends a file again and again, to a server that uses Node alone. */
async function sendBare(port, rate) {
  while (!isOver) await send(port, { id: '', permit: '', to: '/bare' }, 'POST', 0, SIZE, PIECE, rate)
}

let isOver = false

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The process that measures clicks on this core comes first.
  setPriority(19)
  const [port, rate, isBare] = process.argv.slice(2).map(Number)
  const files = new Set()
  process.on('message', async ({ stop }) => {
    process.send({ sent })
    if (!stop) return
    isOver = true
    // The number of unfinished files from one address is bounded.
    for (const file of files) await send(port, file, 'DELETE', 0, 0, 0)
    process.exit()
  })
  for (let index = 0; index < AT_ONCE; index++)
    void (isBare ? sendBare(port, rate) : sendOurs(port, rate, index, files))
}
