import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fresh from 'fresh'
import Negotiator from 'negotiator'
import type { ScriptOptions } from '../index'
import { checkNames, checkString, invalid } from './check'
import { root } from './native'

/** The browser client, and the default look of its states. */
type Name = 'client' | 'status'

/** One of them, in the encodings that browsers take. */
interface Client {
  hash: string
  bodies: { br: Buffer; gzip: Buffer; identity: Buffer }
}

const loaded: Partial<Record<Name, Client>> = {}

function load(name: Name): Client {
  let client = loaded[name]
  if (client === undefined) {
    const source = readFileSync(join(root, 'dist', `${name}.js`))
    const hash = createHash('sha256').update(source).digest('base64url').slice(0, 16)
    loaded[name] = client = { hash, bodies: { br: brotliCompressSync(source), gzip: gzipSync(source), identity: source } }
  }
  return client
}

function scriptPath(path: string, name: Name): string {
  return `${path}/${name}.${load(name).hash}.js`
}

const STATUSES = { offline: '', error: '', expired: '', reload: '' }

/** The script elements of a page. */
export function scriptElements(path: string, options: ScriptOptions = {}): string {
  checkNames(options, { nonce: '', status: true }, 'the options of loom.script()', 'option')
  const { nonce, status = true } = options
  let attributes = ''
  if (nonce !== undefined) {
    // As the policy's grammar has it; anything else would be no nonce, and could be another attribute.
    if (typeof nonce !== 'string' || !/^[\w+/-]+={0,2}$/.test(nonce)) throw invalid('a nonce in base64', 'nonce', nonce)
    attributes = ` nonce="${nonce}"`
  }
  const element = (name: Name, mark: string): string => `<script type="module" src="${scriptPath(path, name)}"${attributes} ${mark}></script>`
  const client = element('client', 'data-l-client')
  if (status === false) return client
  if (status === true) return client + element('status', 'data-l-status')
  checkNames(status, STATUSES, 'status', 'text')
  for (const [name, text] of Object.entries(status)) checkString(text, `status.${name}`)
  const texts = JSON.stringify(status).replace(/[&<"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
  return client + element('status', `data-l-status="${texts}"`)
}

type Encoding = keyof Client['bodies']

const ENCODINGS: Encoding[] = ['br', 'gzip', 'identity']

/** What its types, which are those of an older version, do not have. */
interface Preferring {
  encoding(available: readonly string[], options: { preferred: readonly string[] }): string | undefined
}

/** What the browser takes, as it weighs them; of those that it likes as well, the shortest. */
function encodingFor(request: IncomingMessage): Encoding {
  const negotiator = new Negotiator(request) as Preferring
  return (negotiator.encoding(ENCODINGS, { preferred: ENCODINGS }) ?? 'identity') as Encoding
}

/** Answers requests for the client, and for the WebSocket without an upgrade. False: not ours. */
export function serveClient(path: string, request: IncomingMessage, response: ServerResponse): boolean {
  // Express strips the prefix a middleware is mounted under from `url`.
  const { originalUrl } = request as IncomingMessage & { originalUrl?: string }
  const pathname = (originalUrl ?? request.url ?? '').split('?', 1)[0] ?? ''
  if (pathname === `${path}/ws`) {
    response
      .writeHead(426, { upgrade: 'websocket', connection: 'upgrade', 'content-type': 'text/plain; charset=utf-8' })
      .end('This address speaks WebSocket.')
    return true
  }
  const name = pathname.startsWith(`${path}/`) ? pathname.slice(path.length + 1) : ''
  const found = /^(client|status)\.([\w-]+)\.js$/.exec(name)
  if (found === null) return false
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return true
  }
  const { hash, bodies } = load(found[1] as Name)
  const encoding = encodingFor(request)
  const etag = `"${hash}-${encoding}"`
  // A page from before a deploy asks for a hash that is gone: today's client serves it as well, but
  // must not be kept under that name.
  const cacheControl = found[2] === hash ? 'public, max-age=31536000, immutable' : 'no-cache'
  response.setHeader('etag', etag)
  response.setHeader('cache-control', cacheControl)
  response.setHeader('vary', 'accept-encoding')
  if (fresh(request.headers, { etag })) {
    response.writeHead(304).end()
    return true
  }
  if (encoding !== 'identity') response.setHeader('content-encoding', encoding)
  response.writeHead(200, {
    'content-type': 'text/javascript; charset=utf-8',
    'content-length': bodies[encoding].length,
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : bodies[encoding])
  return true
}
