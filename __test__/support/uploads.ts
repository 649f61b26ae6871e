/** A process with uploads, and a page that speaks to it without a browser: what a client does, and what it must not. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './cleanup'
import { LivePage } from './live_page'
import { freePort, ServerProcess } from './process'
import { tokenIn } from './site'
import { until } from './until'

const SCRIPT = join(__dirname, 'uploads_server.mjs')

export interface Handed {
  id: string
  name: string
  type: string
  size: number
  path: string
  bytes: number
  key?: string
}

interface State {
  handed: Handed[]
  log: string[]
  /** Files that the other server keeps waiting, and those of them whose sender has gone. */
  held: string[]
  gone: string[]
  direct: { path: string; bytes: number; method: string; name: string }[]
  memory: number
}

export interface UploadsSettings {
  /** Of `loom.uploads`, over a directory of its own. */
  options?: Record<string, unknown>
  /** Over those of the upload `photo`. */
  rules?: Record<string, unknown>
  loomOptions?: Record<string, unknown>
  framework?: 'fastify' | 'express'
}

/** What the server says to a page that has asked. */
export interface Asked {
  k: string
  id: string
  permit?: string
  error?: string
  direct?: { url: string; method: string; headers: Record<string, string> }
}

export interface Told {
  u?: string
  asked?: Asked[]
  over?: { id?: string; error?: string }
  to?: string
  chunk?: number
  cancel?: string
}

export interface FileSaid {
  name: string
  type?: string
  size: number
  permit?: string
}

export const PNG = Buffer.from('\x89PNG\r\n\x1a\n and whatever follows', 'latin1')

export class UploadSite {
  private constructor(
    readonly directory: string,
    private readonly settings: UploadsSettings,
    public server: ServerProcess,
  ) {}

  static async start(
    settings: UploadsSettings = {},
    directory = mkdtempSync(join(tmpdir(), 'loom-uploads-')),
  ): Promise<UploadSite> {
    const server = await UploadSite.process(settings, directory, await freePort())
    const site = new UploadSite(directory, settings, server)
    atEnd(async () => {
      await site.server.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    })
    return site
  }

  private static process(
    { options, ...others }: UploadsSettings,
    directory: string,
    port: number,
  ): Promise<ServerProcess> {
    const settings = JSON.stringify({ options: { directory, ...options }, ...others })
    return ServerProcess.start(SCRIPT, port, { env: { UPLOADS: settings }, path: '/up' })
  }

  /** The process is killed and started again. */
  async restart(): Promise<void> {
    await this.server.stop('SIGKILL')
    this.server = await UploadSite.process(this.settings, this.directory, this.server.port)
  }

  get url(): string {
    return this.server.url
  }

  /** `mood`: what the application does from now on. */
  async state(mood?: string): Promise<State> {
    const response = await fetch(`${this.url}/state${mood === undefined ? '' : `?mood=${mood}`}`)
    return (await response.json()) as State
  }

  /** What is in the directory. */
  get names(): string[] {
    return readdirSync(this.directory).sort()
  }

  /** A page of this user. `address`: what a proxy says of it, if the loom trusts proxies. */
  async page(user = '', module = 'album', address?: string): Promise<UploadPage> {
    const headers = { cookie: `user=${user}`, ...(address !== undefined && { 'x-forwarded-for': address }) }
    const html = await (await fetch(`${this.url}/${module === 'album' ? '' : module}`, { headers })).text()
    const live = new LivePage({
      url: () => `ws://127.0.0.1:${this.server.port}/loom/ws`,
      module,
      token: tokenIn(html),
      socket: { headers },
    })
    atEnd(() => {
      live.end()
    })
    await until('the page to be live', () => live.isLive)
    return new UploadPage(this, live, user)
  }
}

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

export class UploadPage {
  constructor(
    readonly site: UploadSite,
    readonly live: LivePage,
    readonly user: string,
  ) {}

  /** Says something of an upload, as the client does; waits for the answer, and gives what the page was told. */
  async say(value: unknown): Promise<Told | undefined> {
    const before = this.live.pushes.length
    const sent = this.live.event('loom.upload', typeof value === 'string' ? value : JSON.stringify(value))
    await until('the answer', () => sent.answered)
    return this.live.pushes.slice(before).find(([name]) => name === 'loom.upload')?.[1] as Told | undefined
  }

  async ask(...files: FileSaid[]): Promise<Asked[]> {
    return this.askFor('photo', ...files)
  }

  async askFor(upload: string, ...files: FileSaid[]): Promise<Asked[]> {
    const a = files.map(({ permit, type = 'text/plain', ...file }, index) => ({
      k: `p${index}`,
      type,
      p: permit,
      ...file,
    }))
    return (await this.say({ u: upload, a }))?.asked ?? []
  }

  /** A permit for such a file. */
  async permit(file: FileSaid): Promise<Asked & { permit: string }> {
    const [asked] = await this.ask(file)
    if (asked?.permit === undefined) throw new Error(`Expected a permit but received ${JSON.stringify(asked)}`)
    return asked as Asked & { permit: string }
  }

  done(permit: string, upload = 'photo'): Promise<Told | undefined> {
    return this.say({ u: upload, d: permit })
  }

  /** One request. `cutAfter`: the connection breaks after so many bytes. */
  request(
    method: string,
    { id, permit }: { id: string; permit?: string },
    headers: Record<string, string> = {},
    body?: Buffer,
    cutAfter?: number,
    /** A body of which nothing is said beforehand. */
    unsaid?: Buffer,
  ): Promise<Answer> {
    const path = `/loom/uploads${method === 'POST' ? '' : `/${id}`}`
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        `${this.site.url}${path}`,
        {
          method,
          agent: false,
          headers: {
            'tus-resumable': '1.0.0',
            cookie: `user=${this.user}`,
            ...(permit !== undefined && { 'loom-permit': permit }),
            ...(body && { 'content-type': 'application/offset+octet-stream', 'content-length': String(body.length) }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
          })
          response.on('error', reject)
        },
      )
      request.on('error', (error) => {
        if (cutAfter === undefined) reject(error)
        else resolve({ status: 0, headers: {}, body: '' })
      })
      if (cutAfter === undefined) request.end(body ?? unsaid)
      else
        request.write(body?.subarray(0, cutAfter) ?? '', () => {
          // What has left is given the time to arrive: what is cut is what comes after it.
          setTimeout(() => request.destroy(), 50)
        })
    })
  }

  post(asked: Asked, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('POST', asked, { 'upload-length': String(body.length), ...headers }, body)
  }

  patch(asked: Asked, offset: number, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('PATCH', asked, { 'upload-offset': String(offset), ...headers }, body)
  }

  /** How much the server has; nothing if there is no such file. */
  async offset(asked: Asked): Promise<number | undefined> {
    const { status, headers } = await this.request('HEAD', asked)
    return status === 200 ? Number(headers['upload-offset']) : undefined
  }

  /** A file from its choice to the receiver. */
  async upload(name: string, body: Buffer, type = 'text/plain'): Promise<Asked & { permit: string }> {
    const asked = await this.permit({ name, type, size: body.length })
    const { status } = await this.post(asked, body)
    if (status !== 201) throw new Error(`Expected 201 but received ${status}`)
    await this.done(asked.permit)
    return asked
  }
}
