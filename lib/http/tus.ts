import { createRequire } from 'node:module'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { UploadStore } from '../../index'
import { LoomError } from '../errors'
import { root } from '../native'

/** An error that `@tus/server` answers with. */
export interface TusError {
  readonly status_code: number
  readonly body: string
}

/** A request as `@tus/server` hands it to its options; Node's own is in it. */
interface TusRequest {
  readonly runtime?: { readonly node?: { readonly req: IncomingMessage } }
}

/** The options of `@tus/server` that are used here. */
export interface TusOptions {
  readonly path: string
  readonly datastore: UploadStore
  readonly locker: unknown
  readonly lockDrainTimeout: number
  readonly relativeLocation: true
  readonly allowedOrigins: readonly string[]
  readonly maxSize: (request: TusRequest) => number
  readonly namingFunction: (request: TusRequest) => string
  readonly onUploadCreate: (request: TusRequest) => Promise<{ metadata: Record<string, string> }>
  readonly onUploadFinish: (request: TusRequest) => Promise<object>
  readonly onResponseError: (request: TusRequest, error: unknown) => Promise<TusError | undefined>
}

export interface TusServer {
  handle(request: IncomingMessage, response: ServerResponse): Promise<unknown>
}

/** Node's own request. */
export function nodeRequest({ runtime }: TusRequest): IncomingMessage {
  const request = runtime?.node?.req
  if (request === undefined) throw new Error("@tus/server gave a request without Node's own request (runtime.node.req)")
  return request
}

/**
 * The place of a package that the application has installed. It is looked for from this package and, if this package is
 * linked, from the folder in which the application runs.
 */
function find(name: string): string {
  for (const from of [join(root, 'package.json'), join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from).resolve(name)
    } catch {
      // Perhaps from the other place.
    }
  }
  throw new LoomError(
    'LOOM_PLATFORM',
    `loom.uploads needs the package ${name}: npm install @tus/server @tus/file-store`,
  )
}

/** Loads the server when the first file comes; that it is there is known at once. */
export function tusServer(): (options: TusOptions) => Promise<TusServer> {
  const url = pathToFileURL(find('@tus/server')).href
  return async (options) => {
    const { Server } = (await import(url)) as { Server: new (options: TusOptions) => TusServer }
    return new Server(options)
  }
}

/** The store on disk. */
export function fileStore(directory: string): UploadStore | Promise<UploadStore> {
  const url = pathToFileURL(find('@tus/file-store')).href
  return import(url).then(
    ({ FileStore }: { FileStore: new (options: { directory: string }) => UploadStore }) => new FileStore({ directory }),
  )
}
