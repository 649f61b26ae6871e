/** Redis servers of tests: each test file has its own, on a free port, with a folder of its own. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoomOptions } from 'loom-live'
import { notShown, passOver, TESTS_ALL } from './passed_over'
import { freePort } from './process'
import { until } from './until'

const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
const isHere = status === 0
const [, version = '', major = 0, minor = 0] = /\bv=((\d+)\.(\d+)[\d.]*)/.exec(stdout ?? '') ?? []

/** Whether this Redis can be asked to wait for its disk: since 7.2. If not, `npm test` names what it has not shown. */
export function hasWaitAof(): boolean {
  const has = Number(major) * 100 + Number(minor) >= 702
  if (isHere && !has)
    notShown(
      `durability: 'fsync' by WAITAOF, which Redis has from 7.2 on; this one is ${version} (appendfsync always is tested)`,
    )
  return has
}

/** Tests that need Redis. They are passed over if it is not on the machine. */
export function withRedis(name: string, tests: () => void): void {
  if (!isHere && !TESTS_ALL) {
    passOver('The tests with Redis were not run', 'redis-server')
    describe.skip(name, tests)
    return
  }
  describe(name, tests)
}

export class RedisServer {
  private child: ChildProcess | undefined
  private readonly folder = mkdtempSync(join(tmpdir(), 'loom-redis-'))

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  static async start(...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options)
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts the server again, on the same port and with the same folder, and waits until it listens. */
  async restart(): Promise<void> {
    await this.kill()
    const port = String(this.port)
    const where = ['--port', port, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    this.child = spawn('redis-server', [...where, ...this.options], { stdio: 'ignore' })
    await until('Redis to listen', () => listens(this.port))
  }

  async kill(): Promise<void> {
    const { child } = this
    if (!child) return
    this.child = undefined
    const ended = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Stands still, or goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal)
  }

  /** Does a command by a connection of its own. */
  ask(...command: string[]): string {
    return execFileSync('redis-cli', ['-p', String(this.port), ...command], { encoding: 'utf8' }).trim()
  }

  async end(): Promise<void> {
    this.signal('SIGCONT')
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => {
      resolve(false)
    })
  })
}

let shared: Promise<RedisServer> | undefined
let stores = 0

afterAll(async () => {
  await (await shared)?.end()
  shared = undefined
})

/** A store of its own in a server that the test file shares. */
export async function redis(): Promise<LoomOptions> {
  const { url } = await (shared ??= RedisServer.start())
  return { store: { redis: url, prefix: `test${++stores}:` } }
}

/** A store in Redis as a case of `test.each`, if Redis is on the machine. */
export function inRedis(): [string, () => Promise<LoomOptions>][] {
  if (isHere || TESTS_ALL) return [['with a store in Redis', redis]]
  passOver('The tests with Redis were not run', 'redis-server')
  return []
}
