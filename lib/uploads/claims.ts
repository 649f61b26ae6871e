import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The end of the name of a file beside an upload. The file names the event that has taken the upload. */
export const TAKEN = '.taken'

/**
 * Says which event has taken a file, by the event's id. A file is taken once, however often that event is handled
 * again.
 */
export interface Claims {
  /** Takes the file, if no event has taken it; gives the id of the event that has the file then. */
  claim(id: string, by: string): Promise<string>
  of(id: string): Promise<string | undefined>
  /** The step that has taken it is committed: the file is the application's. */
  settle(id: string, by: string): Promise<void>
  /** Forgets claims that are so old that no permit is good any more. */
  forget(before: number): void
}

/** Beside the files, so that a restart and other processes know it. */
export class DiskClaims implements Claims {
  constructor(private readonly directory: string) {}

  async claim(id: string, by: string): Promise<string> {
    try {
      await writeFile(this.file(id), `claimed ${by}`, { flag: 'wx' })
      return by
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return (await this.of(id)) ?? by
    }
  }

  async of(id: string): Promise<string | undefined> {
    try {
      const [, by = ''] = (await readFile(this.file(id), 'utf8')).split(' ')
      return by
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async settle(id: string, by: string): Promise<void> {
    await writeFile(this.file(id), `kept ${by}`)
  }

  async isSettled(id: string): Promise<boolean> {
    return (await readFile(this.file(id), 'utf8')).startsWith('kept ')
  }

  async drop(id: string): Promise<void> {
    await rm(this.file(id), { force: true })
  }

  forget(): void {
    // The sweep of the directory does.
  }

  private file(id: string): string {
    return join(this.directory, `${id}${TAKEN}`)
  }
}

/** More files than are handed over while a permit is good, by far; a bound for a process that lives for long. */
const MOST_CLAIMS = 100_000

/** In this process: for stores of others, and for files that go to others. */
export class MemoryClaims implements Claims {
  private readonly claims = new Map<string, { readonly by: string; readonly at: number }>()

  claim(id: string, by: string): Promise<string> {
    const known = this.claims.get(id)
    if (known !== undefined) return Promise.resolve(known.by)
    this.claims.set(id, { by, at: Date.now() })
    if (this.claims.size > MOST_CLAIMS)
      for (const oldest of [...this.claims.keys()].slice(0, 1)) this.claims.delete(oldest)
    return Promise.resolve(by)
  }

  of(id: string): Promise<string | undefined> {
    return Promise.resolve(this.claims.get(id)?.by)
  }

  settle(): Promise<void> {
    return Promise.resolve()
  }

  forget(before: number): void {
    for (const [id, { at }] of this.claims) {
      if (at >= before) return
      this.claims.delete(id)
    }
  }
}
