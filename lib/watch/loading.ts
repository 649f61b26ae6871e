import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { root } from '../native'
import { newest, type Versions } from './versions'

/** Members that not every version of Node has, and its types do not have. */
interface Hooks {
  /** From 22.15 on. */
  registerHooks?(hooks: {
    resolve<C, R extends { url: string }>(specifier: string, context: C, next: (specifier: string, context: C) => R): R
  }): void
  /** From 20.6 on. */
  register?(url: string, options: { data: { port: MessagePort }; transferList: MessagePort[] }): void
}

/** Loads files again, together with changed files that they import. */
export class Loading {
  private readonly versions: Versions = new Map()
  private port: MessagePort | undefined
  private isHooked = false
  private last = 0

  /** Whether this runtime lets modules be loaded again. */
  static get isPossible(): boolean {
    const { registerHooks, register } = nodeModule as Hooks
    const isNode = process.versions['bun'] === undefined && process.versions['deno'] === undefined
    return isNode && (registerHooks ?? register) !== undefined
  }

  /** How many versions of files are in memory that nothing uses any more. */
  outdated = 0

  /**
   * From here on, an import of one of these files gets the newest version. The files are loaded when they are imported.
   */
  async changed(files: readonly string[]): Promise<void> {
    const version = ++this.last
    const cache = cacheOf()
    const changed = files.map((file): [string, number] => [pathToFileURL(file).href, version])
    for (const [url] of changed) this.versions.set(url, version)
    for (const file of files) Reflect.deleteProperty(cache, file)
    this.outdated += files.length
    this.hook()
    const { port } = this
    if (port === undefined) return
    await new Promise((resolve) => {
      port.once('message', resolve)
      port.postMessage(changed)
    })
  }

  /** Loads a file, as it was loaded at first: with `import`, or with `require`. */
  async load(file: string, isRequired: boolean): Promise<void> {
    if (isRequired) nodeModule.createRequire(file)(file)
    else await import(`${pathToFileURL(file).href}?loom=${this.last}`)
  }

  private hook(): void {
    if (this.isHooked) return
    this.isHooked = true
    const { registerHooks, register } = nodeModule as Hooks
    if (registerHooks !== undefined) {
      registerHooks({
        resolve: (specifier, context, next) => {
          const resolved = next(specifier, context)
          // A file that is required is known by its path, so it is taken out of the cache instead.
          const { conditions = [] } = context as { conditions?: readonly string[] }
          return conditions.includes('require') ? resolved : newest(resolved, this.versions)
        },
      })
      return
    }
    const { port1, port2 } = new MessageChannel()
    register?.(pathToFileURL(join(root, 'dist', 'watch-hooks.mjs')).href, {
      data: { port: port2 },
      transferList: [port2],
    })
    port1.unref()
    this.port = port1
  }
}

/** The modules that were required, by their files. */
function cacheOf(): Record<string, unknown> {
  return (nodeModule as unknown as { _cache?: Record<string, unknown> })._cache ?? {}
}

export function isRequired(file: string): boolean {
  return Object.hasOwn(cacheOf(), file)
}
