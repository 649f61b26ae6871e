import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fresh from 'fresh'
import Negotiator from 'negotiator'
import type { ClientTexts, ScriptOptions } from '../../index'
import { checkNames, checkString, invalid } from '../check'
import { root } from '../native'
import type { Wiring } from './wiring'

/**
 * The browser client, the default look of its states, the files that the client loads if a page needs them, and the
 * file that scripts import.
 */
type Name = 'client' | 'status' | (typeof EXTRAS)[number] | 'imports'

/** As in scripts/client.mjs. */
const EXTRAS = [
  'fields',
  'bindings',
  'visible',
  'commands',
  'recovery',
  'uploads',
  'navigation',
  'flash',
  'hooks',
] as const

const FILE = new RegExp(`^(client|status|${EXTRAS.join('|')})\\.([\\w-]+)\\.js$`)

/** One of them, in the encodings that browsers take. */
interface Client {
  hash: string
  bodies: { br: Buffer; gzip: Buffer; identity: Buffer }
}

/** The bundle of client/live/development.ts; scripts/setup.mjs puts it here. Pages in production do not load it. */
declare const DEVELOPMENT_CLIENT: string
/** client/live/network.ts, which stands before the client. */
declare const DEVELOPMENT_NETWORK: string

const loaded: Record<'production' | 'development', Partial<Record<Name, Client>>> = { production: {}, development: {} }

function load(name: Name, isDevelopment: boolean): Client {
  const clients = loaded[isDevelopment ? 'development' : 'production']
  let client = clients[name]
  if (client === undefined) {
    const own = readFileSync(join(root, 'dist', name === 'imports' ? 'imports.mjs' : `${name}.js`))
    const source =
      isDevelopment && name === 'client'
        ? Buffer.concat([Buffer.from(DEVELOPMENT_NETWORK), own, Buffer.from(DEVELOPMENT_CLIENT)])
        : own
    // The client's source holds the names of the files that it loads: scripts/client.mjs makes the same hash.
    const hash = createHash('sha256')
      .update(source)
      .digest('base64url')
      .slice(0, name === 'client' || name === 'status' ? 16 : 8)
    clients[name] = client = {
      hash,
      bodies: { br: brotliCompressSync(source), gzip: gzipSync(source), identity: source },
    }
  }
  return client
}

function scriptPath(path: string, name: Name, isDevelopment: boolean): string {
  return `${path}/${name}.${load(name, isDevelopment).hash}.js`
}

/**
 * Scripts of pages import `hook` from this file, which is beside the client. The client's own address has a hash, this
 * one has none.
 */
const IMPORTS = 'client.js'

/** The texts of the client, which has no language of its own. */
const TEXTS: Required<ClientTexts> = {
  offline: 'Connection lost.',
  retryIn: 'Trying again in {seconds} s.',
  connecting: 'Trying again…',
  retry: 'Try now',
  online: 'Connected again.',
  error: 'A part of this page has stopped working.',
  expired: 'This page is out of date.',
  reload: 'Reload',
  dismiss: 'Dismiss',
}

/** The texts as the client reads them, for an attribute in single quotes. */
function textsOf(given: ClientTexts, hasStatus: boolean): string {
  checkNames(given, TEXTS, 'texts', 'a text')
  for (const [name, text] of Object.entries(given)) checkString(text, `texts.${name}`)
  if (given.retryIn?.includes('{seconds}') === false)
    throw invalid('a text with {seconds}', 'texts.retryIn', given.retryIn)
  const { dismiss, ...others } = { ...TEXTS, ...given }
  // Screen readers need to know a text's language if that may not be the page's.
  const lang = Object.keys(given).length === 0 ? { lang: 'en' } : {}
  const json = JSON.stringify({ ...(hasStatus ? others : {}), dismiss, ...lang })
  return json.replace(/[&<']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** The script elements of a page. */
export function scriptElements(path: string, isDevelopment: boolean, options: ScriptOptions = {}): string {
  checkNames(options, { nonce: '', status: true, texts: true }, 'the options of loom.script()', 'option')
  const { nonce, status = true, texts = {} } = options
  if (typeof status !== 'boolean') throw invalid('true or false (its texts are the option texts)', 'status', status)
  let attributes = ''
  if (nonce !== undefined) {
    // As the policy's grammar has it; anything else would be no nonce, and could be another attribute.
    if (typeof nonce !== 'string' || !/^[\w+/-]+={0,2}$/.test(nonce)) throw invalid('a nonce in base64', 'nonce', nonce)
    attributes = ` nonce="${nonce}"`
  }
  const element = (name: Name, mark: string): string =>
    `<script type="module" src="${scriptPath(path, name, isDevelopment)}"${attributes} ${mark}></script>`
  const client = element('client', `data-l-client data-l-texts='${textsOf(texts, status)}'`)
  return status ? client + element('status', 'data-l-status') : client
}

type Encoding = keyof Client['bodies']

const ENCODINGS: Encoding[] = ['br', 'gzip', 'identity']

/** A parameter that the package has and its types, which are of an older version, do not have. */
interface Preferring {
  encoding(available: readonly string[], options: { preferred: readonly string[] }): string | undefined
}

/** The encoding that the browser likes best; if it likes several equally, the one that is shortest. */
function encodingFor(request: IncomingMessage): Encoding {
  const negotiator = new Negotiator(request) as Preferring
  return (negotiator.encoding(ENCODINGS, { preferred: ENCODINGS }) ?? 'identity') as Encoding
}

/**
 * Answers requests for the client, and for the WebSocket without an upgrade; in development, with `wiring`, also for
 * the warnings. False if the request is for none of these.
 */
export function serveClient(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  wiring?: Wiring,
): boolean {
  // Express strips the prefix a middleware is mounted under from `url`.
  const { originalUrl } = request as IncomingMessage & { originalUrl?: string }
  const [pathname = '', query = ''] = (originalUrl ?? request.url ?? '').split('?', 2)
  if (pathname === `${path}/ws`) {
    response
      .writeHead(426, { upgrade: 'websocket', connection: 'upgrade', 'content-type': 'text/plain; charset=utf-8' })
      .end(wiring?.notUpgraded(request) ?? 'This address speaks WebSocket.')
    return true
  }
  if (wiring !== undefined && pathname === `${path}/mistakes`) {
    wiring.found(request, response, new URLSearchParams(query).get('after'))
    return true
  }
  if (wiring !== undefined && pathname === `${path}/news` && request.method === 'GET') {
    const asked = new URLSearchParams(query)
    wiring.news.serve(request, response, Number(asked.get('age')), asked.get('after'))
    return true
  }
  if (wiring?.devtools?.serve(request, response, pathname) === true) return true
  const name = pathname.startsWith(`${path}/`) ? pathname.slice(path.length + 1) : ''
  // Scripts of pages import it under an address that does not change.
  const found = name === IMPORTS ? [name, 'imports'] : FILE.exec(name)
  if (found === null) return false
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return true
  }
  if (found[1] === 'client') wiring?.scriptServed()
  const { hash, bodies } = load(found[1] as Name, wiring !== undefined)
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
