import { mkdirSync } from 'node:fs'
import { readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { UploadStore } from '../../index'
import { LoomError } from '../errors'
import { type Claims, DiskClaims, MemoryClaims, TAKEN } from './claims'
import { HEAD_BYTES } from './content'
import { Locks } from './locks'

/** A file that is in the directory: how much of it, of how much, and since when nothing has come. */
export interface Found {
  readonly id: string
  readonly size: number
  readonly arrived: number
  readonly at: number
}

/** The place of files while they arrive: a store of `@tus/server`, with notes beside each file. */
export class Storage {
  readonly locks = new Locks()
  /** The same store, once it is there. */
  private loaded: UploadStore | undefined
  private readonly directory: string | undefined
  private readonly disk: DiskClaims | undefined
  readonly claims: Claims

  /** `directory`: of a store on disk. */
  constructor(
    readonly store: Promise<UploadStore>,
    directory: string | undefined,
  ) {
    store.then(
      (store) => (this.loaded = store),
      // The error is reported by the calls that need the store.
      () => undefined,
    )
    this.directory = directory === undefined ? undefined : resolve(directory)
    if (this.directory !== undefined) {
      mkdirSync(this.directory, { recursive: true })
      this.disk = new DiskClaims(this.directory)
    }
    this.claims = this.disk ?? new MemoryClaims()
  }

  pathOf(id: string): string | undefined {
    return this.directory === undefined ? undefined : join(this.directory, id)
  }

  /** How many bytes of the file have arrived; nothing if there is no such file. */
  async arrived(id: string): Promise<number | undefined> {
    try {
      return (await (await this.store).getUpload(id)).offset
    } catch (error) {
      const status = (error as { status_code?: number }).status_code
      if (status === 404 || status === 410) return undefined
      throw error
    }
  }

  read(id: string): Readable {
    const { loaded } = this
    if (loaded?.read === undefined)
      throw new LoomError(
        'LOOM_UPLOAD',
        'The store of loom.uploads has no function read, so its files cannot be read here',
      )
    return loaded.read(id) as Readable
  }

  /** The first bytes; nothing if the store cannot read. */
  async head(id: string): Promise<Buffer | undefined> {
    if ((await this.store).read === undefined) return undefined
    const stream = this.read(id)
    const chunks: Buffer[] = []
    let bytes = 0
    try {
      for await (const chunk of stream) {
        chunks.push(chunk as Buffer)
        bytes += (chunk as Buffer).length
        if (bytes >= HEAD_BYTES) break
      }
    } finally {
      stream.destroy()
    }
    return Buffer.concat(chunks).subarray(0, HEAD_BYTES)
  }

  /**
   * Removes a file. A request that writes to it is asked to stop. If the file is gone already, this is not an error.
   */
  async remove(id: string): Promise<void> {
    await this.locks.during(id, async () => {
      if ((await this.arrived(id)) !== undefined) await (await this.store).remove(id)
    })
  }

  /** How many bytes the disk has left; endless if that is not known. */
  async free(): Promise<number> {
    if (this.directory === undefined) return Infinity
    const { bavail, bsize } = await statfs(this.directory)
    return bavail * bsize
  }

  /** The files in the directory that no event has taken. */
  async found(): Promise<Found[]> {
    const { directory } = this
    if (directory === undefined) return []
    const names = new Set(await readdir(directory))
    const found: Found[] = []
    for (const name of names) {
      const id = /^([\w-]{22})\.json$/.exec(name)?.[1]
      if (id === undefined || names.has(`${id}${TAKEN}`)) continue
      try {
        const { size = 0 } = JSON.parse(await readFile(join(directory, name), 'utf8')) as { size?: number }
        const { size: arrived, mtimeMs: at } = await stat(join(directory, id))
        found.push({ id, size, arrived, at })
      } catch {
        // The file has gone meanwhile, or is about to be written.
      }
    }
    return found
  }

  /**
   * Drops the notes of files that were taken or cancelled before that time. If the step that had taken a file never
   * came to its end, drops the file, too. Files that belong to the application stay.
   */
  async dropTaken(before: number): Promise<void> {
    const { directory, disk } = this
    this.claims.forget(before)
    if (directory === undefined || disk === undefined) return
    for (const name of await readdir(directory)) {
      const id = name.endsWith(TAKEN) ? name.slice(0, -TAKEN.length) : undefined
      if (id === undefined) continue
      try {
        if ((await stat(join(directory, name))).mtimeMs >= before) continue
        if (!(await disk.isSettled(id))) await rm(join(directory, id), { force: true })
        await rm(join(directory, `${id}.json`), { force: true })
        await disk.drop(id)
      } catch {
        // Another process is faster, or it is tried again with the next sweep.
      }
    }
  }
}
