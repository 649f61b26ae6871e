/** Postgres servers of tests: each test file has its own, on a free port, with a folder of its own. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OwnStore } from 'loom-live'
import type { Pool, PoolConfig } from 'pg'
import { atEnd } from './cleanup'
import { passOver, TESTS_ALL } from './passed_over'
import { freePort } from './process'
import { until } from './until'

const DEBIAN = '/usr/lib/postgresql'

/** The folder of the server's programs, which Debian does not have in the path. */
function programs(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : []
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...versions]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

const folder = programs()

/** Tests that need Postgres. They are passed over if it is not on the machine. */
export function withPostgres(name: string, tests: () => void): void {
  if (folder === undefined && !TESTS_ALL) {
    passOver('The tests with Postgres were not run', 'postgresql')
    describe.skip(name, tests)
    return
  }
  describe(name, tests)
}

/** Postgres refuses to run as root. */
function user(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (option: string): number => {
    for (const name of ['postgres', 'nobody']) {
      try {
        return Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
      } catch {
        // There is no such user.
      }
    }
    throw new Error('Postgres does not run as root, and there is no user postgres')
  }
  return { uid: idOf('-u'), gid: idOf('-g') }
}

const { Pool: NewPool } = createRequire(__filename)('pg') as { Pool: new (config: PoolConfig) => Pool }

export interface Store extends OwnStore {
  prepare(): Promise<void>
  sweep(keep?: number): Promise<void>
}

const { PostgresStore } = createRequire(__filename)('../../examples/postgres/store.cjs') as {
  PostgresStore: new (pool: Pool) => Store
}

export class PostgresServer {
  private child: ChildProcess | undefined
  private readonly folder = mkdtempSync(join(tmpdir(), 'loom-pg-'))
  private readonly user = user()
  private schemas = 0

  private constructor(readonly port: number) {}

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort())
    const { uid, gid } = server.user
    if (uid !== undefined && gid !== undefined) chownSync(server.folder, uid, gid)
    const data = ['-D', join(server.folder, 'data'), '-U', 'loom', '-A', 'trust', '--no-sync']
    execFileSync(server.program('initdb'), data, { ...server.user, stdio: 'ignore', cwd: server.folder })
    await server.restart()
    return server
  }

  private program(name: string): string {
    return join(folder ?? '', name)
  }

  /** Starts the server, and waits until it answers. */
  async restart(): Promise<void> {
    await this.kill()
    const where = ['-D', join(this.folder, 'data'), '-p', String(this.port), '-k', this.folder]
    // The tests kill the server, and never the machine.
    const options = ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off']
    const stdio = { stdio: 'ignore' as const, cwd: this.folder }
    this.child = spawn(this.program('postgres'), [...where, ...options], { ...this.user, ...stdio })
    await until('Postgres to answer', async () => {
      const pool = new NewPool({ connectionString: this.url, max: 1 })
      try {
        await pool.query('select 1')
        return true
      } catch {
        return false
      } finally {
        await pool.end()
      }
    })
  }

  /** Ends all at once, as a crash does: nothing is written any more. */
  async kill(): Promise<void> {
    const { child } = this
    if (!child) return
    this.child = undefined
    const ended = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGQUIT')
    await ended
  }

  get url(): string {
    return `postgres://loom@127.0.0.1:${this.port}/postgres`
  }

  /** A schema of its own: where it is, and a pool for it. */
  async schema(): Promise<{ url: string; pool: () => Pool }> {
    const name = `test${++this.schemas}`
    const url = `${this.url}?options=${encodeURIComponent(`-c search_path=${name}`)}`
    const pool = (): Pool => {
      const made = new NewPool({
        connectionString: url,
        connectionTimeoutMillis: 4000,
        statement_timeout: 4000,
        max: 4,
      })
      // A lost connection: the next query makes another one.
      made.on('error', () => undefined)
      atEnd(() => made.end())
      return made
    }
    await pool().query(`create schema ${name}`)
    return { url, pool }
  }

  /** The example's stores in a schema of their own, as so many processes have them. */
  async stores(count: number): Promise<{ stores: Store[]; pool: Pool }> {
    const { pool } = await this.schema()
    const stores = Array.from({ length: count }, () => new PostgresStore(pool()))
    await Promise.all(stores.map((store) => store.prepare()))
    return { stores, pool: pool() }
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
