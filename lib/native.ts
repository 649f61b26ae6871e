import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
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
  acceptDescriptor(descriptor: number, head: Uint8Array, upgrade: NativeUpgrade): void
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
  close(timeout: number, request: number): void
}

/** The package's own folder: this file is bundled into `dist/`. */
export const root = join(__dirname, '..')

function load(): Native {
  const platform = `${process.platform}-${process.arch}`
  const file = join(root, 'native', `loom-live.${platform}.node`)
  const mend =
    `Run \`npm rebuild loom-live\` on a machine with Rust (https://rustup.rs) to build it for ${platform}; ` +
    'with a bundler, mark loom-live as external, so that it is loaded from node_modules'
  if (!existsSync(file)) {
    throw new LoomError('LOOM_PLATFORM', `loom-live has no addon for ${platform}: ${file} is missing. ${mend}.`)
  }
  try {
    return createRequire(__filename)(file) as Native
  } catch (error) {
    throw new LoomError(
      'LOOM_PLATFORM',
      `loom-live's addon for ${platform} could not be loaded: ${textOf(error)}. ${mend}.`,
      { cause: error },
    )
  }
}

export const native: Native = load()
