import { type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { createHash } from 'node:crypto'
import { join, sep } from 'node:path'

/** Editors write a file in several steps. */
const PAUSE_MS = 40
/** More folders are not the sources of one application; each costs a handle. */
const MOST_FOLDERS = 2_000
/** Whose texts are remembered, to know whether they have changed. */
const MOST_FILES = 10_000
const MOST_BYTES = 4 << 20

/**
 * Tells which files in a folder have changed, in the folders in it, too, except `node_modules` and names that begin
 * with a dot.
 */
export class Files {
  private readonly folders = new Map<string, FSWatcher>()
  private readonly hashes = new Map<string, string>()
  private readonly changed = new Set<string>()
  private timer: NodeJS.Timeout | undefined
  private isTold = false

  constructor(
    folder: string,
    /** Which files count, by their names. */
    private readonly counts: RegExp,
    private readonly tell: (files: string[]) => void,
    private readonly warn: (text: string) => void,
  ) {
    this.add(folder)
  }

  close(): void {
    clearTimeout(this.timer)
    for (const watcher of this.folders.values()) watcher.close()
    this.folders.clear()
  }

  /**
   * Not `recursive`: that would watch `node_modules`, too. `isNew`: files in the folder may have changed before it was
   * watched.
   */
  private add(folder: string, isNew = false): void {
    if (this.folders.has(folder)) return
    if (this.folders.size >= MOST_FOLDERS) {
      if (!this.isTold) {
        this.isTold = true
        this.warn(
          `loom.watch() watches ${MOST_FOLDERS} folders, and no more: ${folder} and others are left out. Name the folder of ` +
            "the application's sources, as in loom.watch({ folder: 'src' })",
        )
      }
      return
    }
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        if (name !== null) this.touched(folder, name, event === 'rename')
      })
      watcher.on('error', () => {
        this.forget(folder)
      })
      this.folders.set(folder, watcher)
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory() && isOurs(entry.name)) this.add(path, isNew)
        else if (entry.isFile() && this.counts.test(entry.name)) {
          if (isNew) this.tellSoon(path)
          // So that a file that is written again, and is as before, is known.
          else this.isAnother(path)
        }
      }
    } catch {
      // The folder is gone already, or may not be read.
    }
  }

  /**
   * Stops watching a folder that is gone, and the folders in it: a watcher of a folder that is gone hears nothing of a
   * new folder with the same name.
   */
  private forget(folder: string): void {
    for (const [path, watcher] of this.folders) {
      if (path !== folder && !path.startsWith(folder + sep)) continue
      watcher.close()
      this.folders.delete(path)
    }
  }

  /** `isExchanged`: the file that had the name is gone, or is another one, as `git checkout` makes it. */
  private touched(folder: string, name: string, isExchanged: boolean): void {
    const path = join(folder, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (isExchanged || stat === undefined) this.forget(path)
    if (stat?.isDirectory() === true) {
      if (isOurs(name)) this.add(path, true)
    } else if (stat !== undefined && this.counts.test(name)) this.tellSoon(path)
  }

  private tellSoon(file: string): void {
    this.changed.add(file)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      const files = [...this.changed].filter((one) => this.isAnother(one))
      this.changed.clear()
      if (files.length > 0) this.tell(files)
    }, PAUSE_MS)
    this.timer.unref()
  }

  /** Whether the file says something else than when this was last asked. One that is gone changes nothing. */
  private isAnother(file: string): boolean {
    try {
      if (statSync(file).size > MOST_BYTES) return true
      const hash = createHash('sha1').update(readFileSync(file)).digest('base64')
      if (this.hashes.get(file) === hash) return false
      if (this.hashes.size < MOST_FILES) this.hashes.set(file, hash)
      return true
    } catch {
      return false
    }
  }
}

function isOurs(folder: string): boolean {
  return folder !== 'node_modules' && !folder.startsWith('.')
}
