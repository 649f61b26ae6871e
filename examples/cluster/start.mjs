// The demo on three processes behind a proxy that sends each connection to the next one, with Redis: `npm run cluster`.
// A page of the demo, /cluster, shows what runs where.

import { fork, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROCESSES = 3
/** A process that has ended is started again after so long, so that one can watch. */
const PAUSE_MS = 3_000
const port = Number(process.env.PORT || 3000)
const secret = process.env.LOOM_SECRET || randomBytes(32).toString('hex')

/** The pictures of all processes, which each of them shows. */
const album = process.env.ALBUM || mkdtempSync(join(tmpdir(), 'loom-cluster-album-'))

/** @typedef {{ child: import('node:child_process').ChildProcess, port: number | undefined }} Running */

/** By their numbers, from 1. */
const running = /** @type {Map<number, Running>} */ (new Map())
let isEnding = false

const redis = await redisServer()

/** The Redis of `REDIS_URL`, or one of its own on a free port, which ends with this process. */
async function redisServer() {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, end: () => {} }
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    console.error(
      'npm run cluster needs Redis. Install it (apt-get install redis-server, brew install redis), or give the URL of one: ' +
        'docker run --rm -p 6379:6379 redis:7 and REDIS_URL=redis://127.0.0.1:6379 npm run cluster',
    )
    process.exit(1)
  }
  const free = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'loom-cluster-'))
  const where = ['--port', String(free), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
  // A shell ends Redis when this process closes its end of the pipe, or is gone: by SIGKILL, too. It has a group of its
  // own, so that Ctrl+C ends this process first.
  const script = 'folder="$1"; shift; redis-server "$@" & cat; kill $!; wait; rm -rf "$folder"'
  const shell = spawn('sh', ['-c', script, 'sh', folder, ...where], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  return { url: `redis://127.0.0.1:${free}`, end: () => shell.stdin.end() }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** @param {number} number */
function start(number) {
  const child = fork(fileURLToPath(new URL('process.mjs', import.meta.url)), {
    env: {
      ...process.env,
      LOOM_SECRET: secret,
      LOOM_REDIS: redis.url,
      LOOM_PROCESS: String(number),
      ALBUM: album,
      PORT: '0',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  /** @type {Running} */
  const one = { child, port: undefined }
  running.set(number, one)
  child.on('message', (message) => {
    const { port, order } = /** @type {{ port?: number, order?: { number: number, kill: boolean } }} */ (message)
    if (port !== undefined) one.port = port
    // A click on the page, in whatever process.
    if (order !== undefined) running.get(order.number)?.child.kill(order.kill ? 'SIGKILL' : 'SIGTERM')
  })
  child.on('exit', () => {
    one.port = undefined
    if (!isEnding) setTimeout(() => !isEnding && start(number), PAUSE_MS)
  })
}

for (let number = 1; number <= PROCESSES; number++) start(number)

let turn = 0

/** Sends each connection to the next process; if that does not take it, to the one after it. */
const proxy = createServer({ pauseOnConnect: true }, (client) => {
  client.on('error', () => client.destroy())
  /** @param {number} tries */
  const next = (tries) => {
    const ports = [...running.values()].flatMap(({ port }) => (port === undefined ? [] : [port]))
    const to = ports[turn++ % ports.length]
    if (to === undefined || tries > PROCESSES) return client.destroy()
    const server = connect(to, '127.0.0.1')
    server.once('error', () => (server.connecting || server.bytesRead === 0 ? next(tries + 1) : client.destroy()))
    server.once('connect', () => {
      server.removeAllListeners('error')
      server.on('error', () => client.destroy())
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroySoon())
      client.pipe(server).pipe(client)
      client.resume()
    })
  }
  next(0)
})
proxy.on('error', (error) => {
  const inUse = 'code' in error && error.code === 'EADDRINUSE'
  console.error(inUse ? `Port ${port} is in use; choose another one: PORT=3001 npm run cluster` : error)
  end()
})
proxy.listen(port, '127.0.0.1', async () => {
  while ([...running.values()].some(({ port }) => port === undefined)) await new Promise((go) => setTimeout(go, 50))
  const address = proxy.address()
  const at = typeof address === 'object' ? address?.port : port
  console.log(`The demo is at http://127.0.0.1:${at}, and what runs where at http://127.0.0.1:${at}/cluster`)
})

async function end() {
  if (isEnding) return
  isEnding = true
  proxy.close()
  const all = [...running.values()].filter(({ child }) => child.exitCode === null && child.signalCode === null)
  const ended = all.map(({ child }) => new Promise((resolve) => child.once('exit', resolve)))
  for (const { child } of all) child.kill('SIGTERM')
  await Promise.all(ended)
  redis.end()
  if (!process.env.ALBUM) rmSync(album, { recursive: true, force: true })
  process.exit()
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)
