import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import { certificate } from '../support/certificate'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { Client } from '../support/client'
import { counter, listen, testLoom, tokenIn } from '../support/site'
import { within } from '../support/until'
import type { LiveModule } from 'loom-live'

interface Response {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** A request whose response is taken as it comes, encoding and all. */
function ask(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return within(
    `a response to ${method} ${path}`,
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, method, headers: { connection: 'close', ...headers } }
      httpRequest(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
        })
      })
        .on('error', reject)
        .end()
    }),
  )
}

interface App {
  port: number
  loom: ReturnType<typeof testLoom>['loom']
  script: string
}

const broken: LiveModule<object> = {
  props: {},
  handle: {},
  render: () => {
    throw new Error('meant')
  },
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

function scriptIn(element: string): string {
  const found = /^<script type="module" src="([^"]+)" data-l-client data-l-texts='[^']+'><\/script>/.exec(element)
  if (found === null) throw new Error(`Expected a script element but received ${element}`)
  return found[1] ?? ''
}

async function expressApp(path?: string): Promise<App> {
  const { loom } = testLoom(path === undefined ? {} : { path })
  const module = counter(loom)
  const app = express()
  app.use(loom.express())
  app.get('/', async (request, response) => {
    response.send(await loom.mount(module, { count: 3 }, { request }))
  })
  loom.register('broken', broken)
  app.get('/broken', async (request, response) => {
    response.send(await loom.mount('broken', {}, { request }))
  })
  // As an application does; without it Express writes the error to the terminal.
  app.use((error: Error, _request: express.Request, response: express.Response, next: express.NextFunction) => {
    if (response.headersSent) next(error)
    else response.status(500).send('failed')
  })
  const server = createServer(app)
  loom.attach(server)
  await listen(server)
  return { port: portOf(server), loom, script: scriptIn(loom.script()) }
}

async function fastifyApp(path?: string): Promise<App> {
  const { loom } = testLoom(path === undefined ? {} : { path })
  const module = counter(loom)
  const app = Fastify()
  await app.register(loom.fastify)
  app.get('/', async ({ raw }, reply) => {
    await reply.type('text/html').send(await loom.mount(module, { count: 3 }, { request: raw }))
  })
  loom.register('broken', broken)
  app.get('/broken', async ({ raw }, reply) => {
    await reply.type('text/html').send(await loom.mount('broken', {}, { request: raw }))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  atEnd(() => within('the application to close', app.close()))
  return { port: portOf(app.server), loom, script: scriptIn(loom.script()) }
}

describe.each([
  ['Express', expressApp],
  ['Fastify', fastifyApp],
])('%s', (framework, make) => {
  test('a page is shown, joined and clicked', async () => {
    const { port } = await make()
    const page = (await ask(port, '/')).body.toString()
    expect(page).toContain('<b>3</b>')
    const client = await Client.open(`ws://127.0.0.1:${port}/loom/ws`, {
      headers: { origin: `http://127.0.0.1:${port}` },
    })
    await client.joined('c0', 'counter', tokenIn(page))
    expect(await client.shows('c0', 'increment')).toBe('<b>4</b>')
  })

  test('a page whose first render fails is an error of its route', async () => {
    const { port } = await make()
    expect((await ask(port, '/broken')).status).toBe(500)
    expect((await ask(port, '/')).status).toBe(200)
  })

  test('the script has a hash in its name and is kept for ever', async () => {
    const { port, script } = await make()
    expect(script).toMatch(/^\/loom\/client\.[\w-]{8,}\.js$/)
    const { status, headers, body } = await ask(port, script)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers.etag).toMatch(/^"[^"]+"$/)
    expect(headers.vary).toMatch(/accept-encoding/i)
    expect(headers['content-encoding']).toBeUndefined()
    expect(Number(headers['content-length'])).toBe(body.length)
    expect(body.toString()).toContain('data-l-live')
  })

  test('a script of before a deploy is today’s, and is not kept under that name', async () => {
    const { port, script } = await make()
    const { status, headers, body } = await ask(port, '/loom/client.0123456789abcdef.js')
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-cache')
    expect(body).toEqual((await ask(port, script)).body)
  })

  test('brotli before gzip before neither, as the browser takes them', async () => {
    const { port, script } = await make()
    const plain = (await ask(port, script)).body
    const encoded = (accept: string) => ask(port, script, { 'accept-encoding': accept })
    const brotli = await encoded('gzip, deflate, br')
    expect(brotli.headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(brotli.body)).toEqual(plain)
    const gzip = await encoded('gzip, deflate')
    expect(gzip.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(gzip.body)).toEqual(plain)
    expect((await encoded('br;q=0, gzip;q=0.5')).headers['content-encoding']).toBe('gzip')
    for (const accept of ['identity', 'deflate', 'br;q=0, gzip;q=0.0', 'brotli']) {
      const { headers, body } = await encoded(accept)
      expect(headers['content-encoding']).toBeUndefined()
      expect(body).toEqual(plain)
    }
  })

  test('304 for who has it already, in the encoding that was asked for', async () => {
    const { port, script } = await make()
    const { headers } = await ask(port, script, { 'accept-encoding': 'br' })
    const etag = headers.etag ?? ''
    for (const match of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const again = await ask(port, script, { 'accept-encoding': 'br', 'if-none-match': match })
      expect([match, again.status, again.body.length]).toEqual([match, 304, 0])
      expect(again.headers.etag).toBe(etag)
      expect(again.headers['cache-control']).toContain('immutable')
    }
    expect((await ask(port, script, { 'accept-encoding': 'gzip', 'if-none-match': etag })).status).toBe(200)
    expect((await ask(port, script, { 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('HEAD is GET without the body', async () => {
    const { port, script } = await make()
    const get = await ask(port, script)
    const head = await ask(port, script, {}, 'HEAD')
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    for (const name of ['content-length', 'content-type', 'etag', 'cache-control']) {
      expect(head.headers[name]).toBe(get.headers[name])
    }
  })

  test('other methods and other paths are not served', async () => {
    const { port, script } = await make()
    const post = await ask(port, script, { 'content-length': '0' }, 'POST')
    if (framework === 'Express') {
      expect(post.status).toBe(405)
      expect(post.headers.allow).toBe('GET, HEAD')
    } else {
      expect(post.status).toBe(404)
    }
    for (const path of [
      '/loom/',
      '/loom/hooks.js',
      '/loom/client..js',
      '/loom/../package.json',
      '/loom/client.x.js/y',
      '/loom/client.a%2fb.js',
    ]) {
      expect([path, (await ask(port, path)).status]).toEqual([path, 404])
    }
    // What scripts of pages import has an address that does not change.
    for (const path of [`${script}?v=1`, '/loom/client.js'])
      expect([path, (await ask(port, path)).status]).toEqual([path, 200])
  })

  test('the WebSocket’s address says what it is', async () => {
    const { port } = await make()
    const { status, headers } = await ask(port, '/loom/ws')
    expect(status).toBe(426)
    expect(headers.upgrade).toBe('websocket')
  })

  test('another path for everything', async () => {
    const { port, script } = await make('/my/live')
    expect(script).toMatch(/^\/my\/live\/client\./)
    expect((await ask(port, script)).status).toBe(200)
    const page = (await ask(port, '/')).body.toString()
    expect(page).toContain('data-l-ws="/my/live/ws"')
    const client = await Client.open(`ws://127.0.0.1:${port}/my/live/ws`)
    expect(await client.joined('c0', 'counter', tokenIn(page))).toBe('<b>3</b>')
  })
})

test('Express under a prefix of its own: the middleware looks at the whole address', async () => {
  const { loom } = testLoom({ path: '/app/loom' })
  const app = express()
  app.use('/app', loom.express())
  const server = createServer(app)
  await listen(server)
  expect((await ask(portOf(server), scriptIn(loom.script()))).status).toBe(200)
})

test('Fastify under a prefix: the path is the whole address, or an error says so', async () => {
  const { loom } = testLoom({ path: '/app/loom' })
  const module = counter(loom)
  const app = Fastify()
  await app.register(loom.fastify, { prefix: '/app' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  atEnd(() => within('the application to close', app.close()))
  const port = portOf(app.server)
  expect((await ask(port, scriptIn(loom.script()))).status).toBe(200)
  const client = await Client.open(`ws://127.0.0.1:${port}/app/loom/ws`)
  await client.joined('c0', 'counter', tokenIn(await loom.mount(module)))
  const other = testLoom()
  const wrong = Fastify()
  await expect(wrong.register(other.loom.fastify, { prefix: '/app' })).rejects.toMatchObject({
    code: 'LOOM_ARGUMENT',
    message: expect.stringContaining('"/app/loom"') as string,
  })
})

test('a plain server can use the middleware as well', async () => {
  const { loom } = testLoom()
  const middleware = loom.express()
  const server = createServer((request, response) => {
    middleware(request, response, () => response.end('application'))
  })
  await listen(server)
  expect((await ask(portOf(server), scriptIn(loom.script()))).status).toBe(200)
  expect((await ask(portOf(server), '/')).body.toString()).toBe('application')
})

describe.each(['http', 'https'])('Fastify over %s', (scheme) => {
  test('closing the application closes its connections, also when a page is open', async () => {
    const { loom } = testLoom()
    const module = counter(loom)
    const secure = { https: certificate() }
    const app = scheme === 'https' ? (Fastify(secure) as unknown as FastifyInstance) : Fastify()
    await app.register(loom.fastify)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const client = await Client.open(`ws${scheme.slice(4)}://127.0.0.1:${portOf(app.server)}/loom/ws`)
    await client.joined('c0', 'counter', tokenIn(await loom.mount(module)))
    await within('the application to close', app.close())
    expect(await client.closeCode()).toBe(1012)
    expect(loom.stats()).toMatchObject({ connections: 0, components: 0 })
  })
})

const USE = `
  const loom = createLoom({ secret: 'x'.repeat(32) })
  const module = loom.register('m', { props: { n: 1 }, handle: {}, render: ({ n }) => html\`<b>\${n}\${raw('<hr>')}</b>\` })
  loom.mount(module).then((page) => {
    console.log(page.includes('<b>1<hr></b>'), typeof LiveSocket, new StartError('x') instanceof LoomError)
  })
`

test('ESM and CommonJS both have everything, and are one', async () => {
  const names = '{ createLoom, html, raw, LiveSocket, LoomError, StartError }'
  const cjs = Child.start(`const ${names} = require('loom-live')\n${USE}`)
  const esm = Child.start(`import ${names} from 'loom-live'\n${USE}`, { module: true })
  const both = Child.start(
    `import { createRequire } from 'node:module'
    import * as esm from 'loom-live'
    const cjs = createRequire(import.meta.url)('loom-live')
    const missing = Object.keys(cjs).filter((name) => cjs[name] !== esm[name])
    const module = await import('loom-live/package.json', { with: { type: 'json' } })
    console.log(JSON.stringify(missing), module.default.name)`,
    { module: true },
  )
  expect(await cjs.result()).toBe('true function true\n')
  expect(await esm.result()).toBe('true function true\n')
  expect(await both.result()).toBe('[] loom-live\n')
})

test('a header of any length costs what its length costs', async () => {
  // Node itself bounds headers at 16 KiB unless it is told otherwise.
  const { loom } = testLoom()
  const server = createServer({ maxHeaderSize: 1 << 22 }, (request, response) => {
    loom.express()(request, response, () => response.end())
  })
  await listen(server)
  const port = portOf(server)
  const script = scriptIn(loom.script())
  const { etag = '' } = (await ask(port, script)).headers
  for (const filler of [' ', ', ', '\t', ' ,', 'W/', '"a", ', ';q=0 ', '; q=0.']) {
    const long = filler.repeat((1 << 20) / filler.length)
    const found = await ask(port, script, { 'if-none-match': `"x"${long}, ${etag}`, 'accept-encoding': `gzip${long}x` })
    expect([200, 304]).toContain(found.status)
  }
  const many = `${'"other", '.repeat(100_000)}${etag}`
  expect((await ask(port, script, { 'if-none-match': many })).status).toBe(304)
}, 60_000)
