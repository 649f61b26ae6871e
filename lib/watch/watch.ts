import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ViteLike, WatchOptions } from '../../index'
import { checkFunction, checkNames, checkString, invalid, isObject } from '../check'
import { LoomError, textOf } from '../errors'
import { nearPath } from '../places'
import { Files } from './files'
import { Imports } from './imports'
import { isRequired, Loading } from './loading'

const SOURCE = /\.(?:[mc]?[jt]s|[jt]sx|json)$/
const STYLES = /\.css$/

/**
 * So many versions of files that nothing uses are kept at most: Node never drops a module, nor its templates. A day's work
 * has fewer.
 */
const MOST_OUTDATED = 5_000
/** Vite hears of a change at the same time as we do, and needs this long to drop its copy of the file. */
const VITE_MS = 150

const CHECK_MS = 5_000

/** The functions of the loom for its watcher. */
export interface Watched {
  /** The files that have registered a module. */
  registering(): ReadonlySet<string>
  /** The file that has made the loom, if it is known. */
  readonly maker: string | undefined
  /**
   * Loads modules. A module that is registered while `load` runs takes the place of the one before it. Gives the names
   * of the modules.
   */
  reload(load: () => Promise<void>): Promise<readonly string[]>
  /** Modules are there anew, by their names. */
  reloaded(modules: readonly string[], files: readonly string[]): void
  /** A stylesheet has changed. */
  styled(file: string): void
  /** A file could not be loaded. */
  failed(file: string, error: unknown): void
  warn(text: string): void
}

/** `loom.watch()`: loads changed files again. */
export class Watch {
  private readonly imports = new Imports()
  private readonly loading = new Loading()
  private readonly vite: ViteLike | undefined
  private files: Files | undefined
  private readonly onVite = (file: string): void => {
    setTimeout(() => {
      this.changed([file])
    }, VITE_MS).unref()
  }
  /** Changed files that could not be loaded. They are loaded again with the next change that can be loaded. */
  private readonly left = new Set<string>()
  /** One after the other. */
  private running: Promise<void> = Promise.resolve()

  constructor(
    options: WatchOptions,
    private readonly watched: Watched,
  ) {
    checkNames(options, { folder: true, vite: true }, 'the options of loom.watch', 'an option of loom.watch')
    const { folder = '.', vite } = options
    checkString(folder, 'the option folder of loom.watch')
    const counts = new RegExp(`${SOURCE.source}|${STYLES.source}`)
    if (vite === undefined) {
      const path = realpathSync(resolve(folder))
      this.files = new Files(
        path,
        counts,
        (files) => {
          this.changed(files)
        },
        watched.warn,
      )
      return
    }
    if (!isObject(vite) || !isObject(vite.watcher))
      throw invalid('what createServer of Vite gives', 'the option vite of loom.watch', vite)
    checkFunction(vite.ssrLoadModule, 'ssrLoadModule of the option vite of loom.watch')
    this.vite = vite
    for (const event of ['change', 'add'] as const) vite.watcher.on(event, this.onVite)
  }

  close(): void {
    this.files?.close()
    this.files = undefined
    for (const event of ['change', 'add'] as const) this.vite?.watcher.off?.(event, this.onVite)
  }

  private changed(files: readonly string[]): void {
    for (const file of files) if (STYLES.test(file)) this.watched.styled(file)
    const sources = files.filter((file) => SOURCE.test(file))
    if (sources.length === 0) return
    this.running = this.running.then(() =>
      this.reload(sources).catch((error: unknown) => {
        this.watched.warn(`loom.watch(): ${textOf(error)}`)
      }),
    )
  }

  private async reload(sources: readonly string[]): Promise<void> {
    const { watched, vite, loading } = this
    const fixed = this.fixed()
    const registering = [...watched.registering()].filter((file) => !fixed.has(file))
    if (vite !== undefined) {
      // Vite knows which files have changed, and gives all others as they were.
      await this.load(registering, sources, async (file) => {
        await vite.ssrLoadModule(file)
      })
      return
    }
    // The process begins anew by itself.
    if (process.env['WATCH_REPORT_DEPENDENCIES'] !== undefined) return
    const importers = this.imports.importersFrom([...registering, ...fixed])
    const affected = affectedBy(sources, importers, fixed)
    if (!registering.some((file) => affected.has(file))) {
      for (const file of sources.filter((one) => importers.has(one)))
        watched.warn(this.notReloaded(file, fixed, importers))
      return
    }
    if (!Loading.isPossible) {
      watched.warn(
        'loom.watch(): this runtime cannot load a module again. Start it with --watch; pages keep their state',
      )
      return
    }
    if (loading.outdated > MOST_OUTDATED) {
      watched.warn(
        `loom.watch(): ${MOST_OUTDATED} old versions of files are in memory. Node never drops them, so changed files are not ` +
          'loaded any more. Restart the process: pages keep their state',
      )
      return
    }
    const again = async (files: readonly string[], all: ReadonlySet<string>): Promise<boolean> => {
      const targets = registering.filter((file) => all.has(file))
      // Asked before they are taken out of the cache.
      const required = new Set(targets.filter(isRequired))
      await loading.changed([...all])
      return this.load(targets, files, (file) => loading.load(file, required.has(file)))
    }
    if (!(await again(sources, affected))) return
    for (const file of affected) this.left.delete(file)
    // One of several modules has kept the others from their imports, so they are tried again. They are tried after the
    // changed files, not with them: a file that still fails then stops no other.
    const left = [...this.left].filter((file) => importers.has(file))
    if (left.length > 0) await again(left, affectedBy(left, importers, fixed))
  }

  private async load(
    targets: readonly string[],
    sources: readonly string[],
    load: (file: string) => Promise<void>,
  ): Promise<boolean> {
    const { watched, left } = this
    let at = ''
    try {
      const modules = await watched.reload(async () => {
        for (at of targets) await load(at)
      })
      if (modules.length > 0) watched.reloaded(modules, sources.map(nearPath))
      for (const file of sources) left.delete(file)
      return true
    } catch (error) {
      for (const file of sources) left.add(file)
      watched.failed(at, (await brokenAmong(sources, error)) ?? error)
      return false
    }
  }

  /** The files that are never loaded again: the program itself, which listens, and the file that makes the loom. */
  private fixed(): Set<string> {
    const files = [this.watched.maker, process.argv[1]]
    return new Set(files.filter((file) => file !== undefined).map(realPath))
  }

  private notReloaded(file: string, fixed: ReadonlySet<string>, importers: Map<string, Set<string>>): string {
    const near = nearPath(file)
    const user = [...(importers.get(file) ?? [])].find((one) => fixed.has(one))
    const why = fixed.has(file)
      ? 'it is the program itself, or makes the loom'
      : user === undefined
        ? 'no module that is registered imports it'
        : `${nearPath(user)} imports it, and is the program itself, or makes the loom`
    return (
      `loom.watch(): ${near} has changed, but is not loaded again: ${why}. Restart the process (node --watch does so by itself, ` +
      'and pages keep their state), or write modules into files of their own'
    )
  }
}

/** If a file cannot be parsed, Node's error does not say where. Node says it when it is asked about the file itself. */
async function brokenAmong(sources: readonly string[], error: unknown): Promise<Error | undefined> {
  if (!(error instanceof SyntaxError)) return undefined
  for (const file of sources.filter((one) => /\.[mc]?js$/.test(one))) {
    const said = await new Promise<string>((done) => {
      execFile(
        process.execPath,
        ['--check', file],
        { timeout: CHECK_MS, env: { ...process.env, NODE_OPTIONS: '' } },
        (_, __, text) => {
          done(text)
        },
      )
    })
    const [stack] = /^[^]*?\nSyntaxError: .*$/m.exec(said) ?? []
    if (stack !== undefined) return Object.assign(new SyntaxError(error.message, { cause: error }), { stack })
  }
  return undefined
}

/**
 * The files that are to be loaded again: the changed files, and the files that import them, but nothing beyond the
 * fixed files.
 */
function affectedBy(
  sources: readonly string[],
  importers: ReadonlyMap<string, ReadonlySet<string>>,
  fixed: ReadonlySet<string>,
): Set<string> {
  const affected = new Set<string>()
  const open = sources.filter((file) => importers.has(file))
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (fixed.has(file) || affected.has(file)) continue
    affected.add(file)
    open.push(...(importers.get(file) ?? []))
  }
  return affected
}

export function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}

/** @throws LoomError always. */
export function notInProduction(what: string): never {
  throw new LoomError(
    'LOOM_ARGUMENT',
    `${what} is for development, and this loom runs in production: call it only if process.env.NODE_ENV !== 'production'`,
  )
}
