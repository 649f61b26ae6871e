import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Limits } from '../index'
import { LoomError, textOf } from './errors'

/** The shapes of `src/node/`. */
export interface Native {
  compileTemplate(source: string[]): { id: number; kinds: string }
  describeValue(template: number, value: number): string
  /** The table of src/limits.rs, as JSON. */
  limits(): string
  NativeLoom: new (options: NativeOptions, wake: () => void) => NativeLoom
}

export interface NativeOptions {
  secrets: string[]
  development: boolean
  limits: Limits
  sqlite: string | undefined
}

export interface NativeUpgrade {
  method: string
  httpMinor: number
  originAllowed: boolean
  /** The compact copy: the handshake's headers and the address are read out of it. */
  request: string
  bind: string
}

/** An open connection, or what has been left behind by one that is gone. */
export interface NativeConnection {
  number: number
  bind: string
  address: string
  request: string
}

export interface NativeLoom {
  register(name: string, raw: boolean, version: number, hidden: string[], authorizes: boolean): number
  numberNames(first: number, names: string[]): void
  exchange(ops: Uint32Array, used: number, text: Uint8Array, bytes: number, calls: Buffer): string | null
  request(call: number): string | null
  toHtml(ops: Uint32Array, used: number, text: Uint8Array, bytes: number): string
  seal(module: string, propsJson: string, bind: string): string
  pend(number: number, address: string): boolean
  settle(number: number): void
  acceptDescriptor(descriptor: number, head: Uint8Array, upgrade: NativeUpgrade): boolean
  acceptBridge(number: number, head: Uint8Array, upgrade: NativeUpgrade): void
  bridgePush(number: number, bytes: Uint8Array): boolean
  bridgeEnd(number: number): void
  bridgePull(number: number): { bytes: Buffer; ended: boolean; gone: boolean } | null
  bridgeWritten(number: number, count: number): void
  bridgeDestroy(number: number): void
  start(number: number, id: string, module: string, propsJson: string): void
  send(
    number: number,
    handler: string,
    event: string,
    value: string | undefined,
    checked: boolean | undefined,
    key: string | undefined,
  ): void
  state(number: number, request: number): void
  stop(number: number): void
  stats(): {
    connections: number
    components: number
    parked: number
    stored: number
    events: number
    errors: number
    queuedEvents: number
    waitingCalls: number
    callsInFlight: number
  }
  connections(): NativeConnection[]
  disconnect(numbers: number[]): number
  disconnectMatching(bind: string | undefined, address: string | undefined): number
  watchDescriptors(): void
  close(timeout: number, request: number): void
  release(): void
}

const BUNDLED =
  'loom-live was put into a bundle, and its package is not to be found from there: mark loom-live as external ' +
  '(esbuild: --external:loom-live; Vite: ssr.external; Rollup: external), so that it is loaded from node_modules, and install it there'

/** The package's own folder. This file is in `dist/`, or in a bundle of the application's: then the package is where the application finds it. */
function findRoot(): string {
  // A bundler may have made an ES module of this, which has neither.
  const isModule = typeof __dirname !== 'string' || typeof __filename !== 'string'
  if (!isModule && existsSync(join(__dirname, '..', 'native')) && existsSync(join(__dirname, 'client.js'))) return join(__dirname, '..')
  const from = isModule ? (process.argv[1] ?? join(process.cwd(), 'index.js')) : __filename
  try {
    return dirname(createRequire(from).resolve('loom-live/package.json'))
  } catch {
    throw new LoomError('LOOM_PLATFORM', BUNDLED)
  }
}

export const root = findRoot()

function load(): Native {
  const platform = `${process.platform}-${process.arch}`
  const file = join(root, 'native', `loom-live.${platform}.node`)
  const build =
    'run `npm rebuild loom-live` where it is to run, with Rust 1.88 or newer (https://rustup.rs) and a C linker, to build it for this system'
  if (!existsSync(file)) {
    throw new LoomError('LOOM_PLATFORM', `loom-live has no addon for ${platform}, ${file} is missing: ${build}`)
  }
  try {
    return createRequire(join(root, 'package.json'))(file) as Native
  } catch (error) {
    // The loader's own words first: they say what this system lacks.
    throw new LoomError(
      'LOOM_PLATFORM',
      `${textOf(error)}\nSo loom-live's addon for ${platform} could not be loaded, which was built on another system (an older or another C ` +
        `library?): ${build}`,
      { cause: error },
    )
  }
}

export const native: Native = load()
