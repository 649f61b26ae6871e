import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LoomOptions, UploadsOptions, UploadStore } from '../../index'
import type { PageRequest } from '../call/context'
import { checkNames, checkString, invalid, isObject } from '../check'
import { LoomError, traceOf } from '../errors'
import { EXPIRED, type Permit } from '../uploads/permits'
import { Storage } from '../uploads/storage'
import { type Bounds, DEFAULT_BOUNDS, type Uploads } from '../uploads/uploads'
import type { Binder } from './bind'
import { addressOf } from './forwarded'
import { originAllowed } from './origin'
import type { Trust } from './trust'
import { fileStore, nodeRequest, type TusError, type TusServer, tusServer } from './tus'

/** The header with a page's permit, which no page of another origin can send. */
const PERMIT = 'loom-permit'

const OPTIONS: Record<keyof Required<UploadsOptions>, true> = {
  directory: true,
  store: true,
  shared: true,
  perComponent: true,
  perAddress: true,
  totalBytes: true,
  idleTime: true,
  keepTime: true,
  permitTime: true,
}

/** A request that waits for a file is told after this time that it is over, so that the one behind it gets its turn. */
const DRAIN_MS = 100

/** The lowest and the highest of each bound. */
const COUNT = [1, 1_000_000] as const
const BYTES = [1, Number.MAX_SAFE_INTEGER] as const
const TIME = [100, 30 * 86_400_000] as const
const RANGES: Record<keyof Bounds, readonly [number, number]> = {
  perComponent: COUNT,
  perAddress: COUNT,
  totalBytes: BYTES,
  idleTime: TIME,
  keepTime: TIME,
  permitTime: TIME,
}

/** The parts of an application that uploads need. */
interface Application {
  readonly path: string
  readonly origin: LoomOptions['origin']
  readonly trust: Trust
  readonly hasBackplane: boolean
}

function boundsOf(options: UploadsOptions): Bounds {
  const bounds: Record<keyof Bounds, number> = { ...DEFAULT_BOUNDS }
  for (const [name, [least, most]] of Object.entries(RANGES) as [keyof Bounds, readonly [number, number]][]) {
    const value = options[name] ?? bounds[name]
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw invalid(`a whole number from ${least} to ${most}`, `the option ${name} of loom.uploads`, value)
    bounds[name] = value
  }
  return bounds
}

function checkStore(store: unknown): asserts store is UploadStore {
  const needed = ['create', 'getUpload', 'write', 'remove']
  if (!isObject(store) || needed.some((name) => typeof store[name] !== 'function'))
    throw invalid(
      'a store of @tus/server, which has create, getUpload, write and remove,',
      'the option store of loom.uploads',
      store,
    )
}

/** A request that is refused: with this status, and one word that the client understands. */
class Refused extends Error implements TusError {
  constructor(
    readonly status_code: number,
    readonly body: string,
  ) {
    super(body)
  }
}

/** Takes files over HTTP, in the protocol tus 1.0: each request needs a permit, which a component has given. */
export class UploadServer {
  private readonly server: Promise<TusServer>
  private readonly storage: Storage
  private readonly permits = new WeakMap<IncomingMessage, Permit>()
  private readonly path: string

  /** @throws LoomError if an option is wrong, or a package is missing. */
  constructor(
    options: unknown,
    private readonly application: Application,
    private readonly uploads: Uploads,
    private readonly binder: Binder,
  ) {
    checkNames(options, OPTIONS, 'the options of loom.uploads', 'an option of loom.uploads')
    const { directory, store, shared = false, ...bounds } = options as UploadsOptions
    if ((directory === undefined) === (store === undefined))
      throw new LoomError('LOOM_ARGUMENT', 'loom.uploads needs one of two options: directory or store')
    if (directory !== undefined) checkString(directory, 'the option directory of loom.uploads')
    if (store !== undefined) checkStore(store)
    if (typeof shared !== 'boolean') throw invalid('true or false', 'the option shared of loom.uploads', shared)
    if (application.hasBackplane && directory !== undefined && !shared)
      throw new LoomError(
        'LOOM_ARGUMENT',
        'With a backplane, a file may arrive in one process and be taken in another, but the directory of loom.uploads may be ' +
          'on one machine only. Give loom.uploads a store that all processes use. Or, if all processes use this directory, ' +
          'say so: { shared: true }',
      )
    this.path = `${application.path}/uploads`
    const makeServer = tusServer()
    const loaded = Promise.resolve(store ?? fileStore(directory as string))
    this.storage = new Storage(loaded, directory)
    this.server = loaded.then((datastore) => this.serverOf(makeServer, datastore))
    this.server.catch((error: unknown) => {
      uploads.tell('error', 'LOOM_UPLOAD', `loom.uploads cannot begin: ${traceOf(error)}`)
    })
    uploads.begin(this.storage, boundsOf(bounds), this.path)
  }

  private serverOf(make: ReturnType<typeof tusServer>, datastore: UploadStore): Promise<TusServer> {
    const permitOf = (request: Parameters<typeof nodeRequest>[0]): Permit => {
      const permit = this.permits.get(nodeRequest(request))
      if (permit === undefined) throw new Error('the request has no permit')
      return permit
    }
    return make({
      path: this.path,
      datastore,
      locker: this.storage.locks,
      lockDrainTimeout: DRAIN_MS,
      relativeLocation: true,
      // Nobody: an empty list would be everybody.
      allowedOrigins: ['null'],
      maxSize: (request) => permitOf(request).size,
      namingFunction: (request) => permitOf(request).id,
      onUploadCreate: (request) => {
        const { name, type } = permitOf(request)
        return Promise.resolve({ metadata: { filename: name, filetype: type } })
      },
      onUploadFinish: async (request) => {
        const permit = permitOf(request)
        this.uploads.hasArrived(permit.id)
        if (await this.uploads.check(permit)) return {}
        // With this permit it cannot come again.
        await this.uploads.drop(permit.id)
        throw new Refused(415, 'type')
      },
      onResponseError: (request, error) => this.explain(permitOf(request), error),
    })
  }

  /** True if the request is one of these; its answer comes then. */
  handle(page: PageRequest, request: IncomingMessage, response: ServerResponse): boolean {
    const { originalUrl } = request as IncomingMessage & { originalUrl?: string }
    const url = originalUrl ?? request.url ?? ''
    const [pathname = ''] = url.split('?', 1)
    if (pathname !== this.path && !pathname.startsWith(`${this.path}/`)) return false
    this.answer(page, request, response, pathname.slice(this.path.length + 1)).catch((error: unknown) => {
      const { status_code: status, body } = error as Partial<TusError>
      if (status === undefined) this.uploads.tell('error', 'LOOM_UPLOAD', `an upload failed: ${traceOf(error)}`)
      if (response.headersSent) response.destroy()
      else
        response
          // The rest of the file is not read.
          .writeHead(status ?? 500, {
            'content-type': 'text/plain; charset=utf-8',
            'tus-resumable': '1.0.0',
            connection: 'close',
          })
          .end(body ?? 'failed')
    })
    return true
  }

  private async answer(
    page: PageRequest,
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
  ): Promise<void> {
    const { method = '', headers } = request
    const { origin, trust } = this.application
    if (method === 'OPTIONS') {
      response
        .writeHead(204, {
          'tus-resumable': '1.0.0',
          'tus-version': '1.0.0',
          'tus-extension': 'creation,creation-with-upload,termination',
        })
        .end()
      return
    }
    if (!['POST', 'HEAD', 'PATCH', 'DELETE'].includes(method)) {
      response.setHeader('allow', 'OPTIONS, POST, HEAD, PATCH, DELETE')
      throw new Refused(405, 'method')
    }
    if (!originAllowed(request, origin, trust)) throw new Refused(403, 'origin')
    const permit = this.uploads.opened(headers[PERMIT], await this.binder.bindOf(page))
    if (permit === EXPIRED) throw new Refused(410, 'gone')
    if (permit === undefined || permit.key !== undefined || (method === 'POST' ? id !== '' : id !== permit.id))
      throw new Refused(403, 'permit')
    if (await this.uploads.isOver(permit.id)) throw new Refused(410, 'gone')
    if (method === 'DELETE') {
      await this.uploads.drop(permit.id)
      response.writeHead(204, { 'tus-resumable': '1.0.0' }).end()
      return
    }
    if (method === 'POST') {
      if (headers['upload-length'] !== String(permit.size)) throw new Refused(413, 'large')
      if (headers['upload-concat'] !== undefined || headers['upload-defer-length'] !== undefined)
        throw new Refused(400, 'extension')
      // A page that has not heard of it asks how far it is.
      if ((await this.storage.arrived(permit.id)) !== undefined) throw new Refused(409, 'exists')
    }
    const server = await this.server
    if (!this.uploads.begins(permit, this.uploads.networkOf(addressOf(request, trust)))) throw new Refused(507, 'full')
    this.permits.set(request, permit)
    request.url = id === '' ? this.path : `${this.path}/${id}`
    // The page's description of the file is in its permit.
    delete headers['upload-metadata']
    // A connection on which nothing comes any more is cut, and the upload goes on over another.
    request.setTimeout(this.uploads.idleTime, () => request.destroy())
    try {
      await server.handle(request, response)
    } finally {
      this.uploads.ends(permit.id)
    }
  }

  /** Turns errors into answers that a page can act on. All other errors go to the log. */
  private async explain({ size }: Permit, error: unknown): Promise<TusError | undefined> {
    const { status_code: status } = error as Partial<TusError>
    if (status !== undefined && status < 500) return undefined
    const free = await this.storage.free()
    if (free < size) {
      this.uploads.tell(
        'error',
        'LOOM_UPLOAD',
        `the disk of loom.uploads is full: a file of ${size} bytes failed, and ${free} bytes are left. Make room on the disk`,
      )
      return new Refused(507, 'full')
    }
    this.uploads.tell('error', 'LOOM_UPLOAD', `an upload failed: ${traceOf(error)}`)
    return new Refused(500, 'failed')
  }
}
