// What development says of an application whose parts are not put together: its pages never come to life, in silence.

import { createServer, request as httpRequest } from 'node:http'
import { relative } from 'node:path'
import express from 'express'
import fastify from 'fastify'
import { html, type Loom, type RegisteredModule } from 'loom-live'
import { redis, withRedis } from '../support/redis'
import { counter, type Log, Site, testLoom } from '../support/site'
import { until } from '../support/until'

/** Where a call stands whose line is not of interest. */
const HERE = relative(process.cwd(), __filename).replaceAll('\\', '/')
const PLACE = new RegExp(`${HERE.replaceAll('.', '\\.')}:\\d+`)

const development = { development: true }

/** A warning about this, within a while. */
const told = (log: Log, what: RegExp): Promise<string> =>
  until(`a warning like ${what}; there are: ${log.all}`, () => log.warnings.find((text) => what.test(text)))

/** An application of Express that serves one page. */
async function app(
  prepare: (loom: Loom, module: RegisteredModule<{ count: number }>) => express.Express | Promise<express.Express>,
  attach: boolean,
) {
  const { loom, log } = testLoom(development)
  const module = counter(loom)
  const server = createServer(await prepare(loom, module))
  if (attach) loom.attach(server)
  const site = await Site.of(loom, server)
  return { site, log, loom }
}

/** What a WebSocket's request is answered with where nothing upgrades it. */
function handshake(origin: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest(`${origin}/loom/ws`, {
      headers: { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13', ...headers },
    })
    asking.on('response', (response) => {
      let body = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (body += chunk))
        .on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asking.on('upgrade', (_, socket) => {
      socket.destroy()
      resolve({ status: 101, body: '' })
    })
    asking.on('error', reject).end()
  })
}

const UPGRADE = { connection: 'Upgrade', upgrade: 'websocket' }

describe('an application that is not put together', () => {
  const page =
    (loom: Loom, module: RegisteredModule<{ count: number }>, script = true): express.RequestHandler =>
    (request, response, next) => {
      loom
        .mount(module, {}, { request })
        .then((html) => response.send(`<!doctype html>${html}${script ? loom.script() : ''}`), next)
    }
  const get = async (site: Site, path = '/'): Promise<string> => (await fetch(site.origin + path)).text()
  const scriptOf = (text: string): string => /src="([^"]*)"/.exec(text)?.[1] ?? ''

  test('no attach: the upgrade is answered with the reason, which the log has too', async () => {
    const { site, log } = await app((loom, module) => express().use(loom.express()).get('/', page(loom, module)), false)
    const { status, body } = await handshake(site.origin, UPGRADE)
    expect(status).toBe(426)
    expect(body).toMatch(/loom\.attach\(\) was never called.*loom\.attach\(app\.listen\(3000\)\)/)
    expect(log.warnings).toEqual([`loom-live: ${body}`])
    // A page that asks why gets the same.
    expect(await get(site, '/loom/ws')).toBe(body)
  })

  test('attached to another server', async () => {
    const { site, log, loom } = await app(
      (loom, module) => express().use(loom.express()).get('/', page(loom, module)),
      false,
    )
    loom.attach(createServer())
    expect((await handshake(site.origin, UPGRADE)).body).toMatch(/loom\.attach\(\) was not given the server/)
    expect(log.all).toMatch(/loom\.attach\(\) was not given the server/)
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['both headers', {}, /came without "Upgrade: websocket"/],
    ['Connection', { upgrade: 'websocket' }, /came without "Connection: upgrade"/],
  ])('a proxy that takes %s away', async (_, headers, message) => {
    const { site, log } = await app((loom, module) => express().use(loom.express()).get('/', page(loom, module)), true)
    const { status, body } = await handshake(site.origin, headers)
    expect(status).toBe(426)
    expect(body).toMatch(message)
    expect(log.all).toMatch(/which a proxy has taken away.*nginx: proxy_http_version 1\.1/)
    expect((await handshake(site.origin, UPGRADE)).status).toBe(101)
  })

  test('a proxy in front of Fastify', async () => {
    const { loom, log } = testLoom(development)
    const server = fastify()
    await server.register(loom.fastify)
    const origin = await server.listen({ port: 0, host: '127.0.0.1' })
    expect((await handshake(origin, {})).body).toMatch(/a proxy has taken away/)
    expect(log.all).toMatch(/a proxy has taken away/)
    await server.close()
  })

  test('who looks at the address, and nothing else, is told no mistake', async () => {
    const { site, log } = await app((loom, module) => express().use(loom.express()).get('/', page(loom, module)), true)
    expect(await get(site, '/loom/ws')).toBe('This address speaks WebSocket.')
    expect(log.all).toBe('')
  })

  test('no loom.script() in the page', async () => {
    const { site, log } = await app(
      (loom, module) =>
        express()
          .use(loom.express())
          .get('/', page(loom, module, false)),
      true,
    )
    await get(site)
    expect(
      await told(log, /loom\.script\(\) was never called. Put \$\{loom\.script\(\)\} at the end of the page/),
    ).toMatch(PLACE)
    expect(log.warnings).toHaveLength(1)
  })

  test('loom.script() that does not get into the page', async () => {
    const { site, log } = await app((loom, module) => {
      loom.script()
      return express()
        .use(loom.express())
        .get('/', page(loom, module, false))
    }, true)
    await get(site)
    expect(await told(log, /The result of loom\.script\(\) \(called at .*\) has to be in the page's HTML/)).toMatch(
      PLACE,
    )
  })

  test('no loom.express()', async () => {
    const { site, log } = await app((loom, module) => express().get('/', page(loom, module)), true)
    await get(site)
    expect(
      await told(
        log,
        /nothing serves \/loom\/client\.….js, so requests for it get 404. Use app\.use\(loom\.express\(\)\)/,
      ),
    ).toMatch(PLACE)
  })

  test('a loom.express() that nothing comes to', async () => {
    const { site, log } = await app(
      (loom, module) => express().get('/', page(loom, module)).use('/elsewhere', loom.express()),
      true,
    )
    await get(site)
    await told(log, /no request has come to loom\.express\(\)/)
  })

  test.each([
    ["connect-src 'none'", /connect-src 'none', which forbids the WebSocket. Add connect-src 'self'/],
    ["default-src 'none'; script-src 'self'", /default-src 'none', which forbids the WebSocket/],
    ["default-src 'self'; script-src 'none'", /script-src 'none', which forbids the client's script/],
  ])('a Content-Security-Policy of %s', async (policy, message) => {
    const { site, log } = await app((loom, module) => {
      const csp: express.RequestHandler = (_, response, next) => {
        response.setHeader('Content-Security-Policy', policy)
        next()
      }
      return express().use(csp, loom.express()).get('/', page(loom, module))
    }, true)
    await get(site, scriptOf(await get(site)))
    await told(log, message)
  })

  test('a client that was loaded and asks for no socket', async () => {
    const { site, log } = await app((loom, module) => express().use(loom.express()).get('/', page(loom, module)), true)
    const html = await get(site)
    await get(site, scriptOf(html))
    await told(log, /has loaded the client, but nothing has asked for \/loom\/ws/)
  })

  test('one page of several that lacks the script', async () => {
    const { site, log, loom } = await app(
      (loom, module) => express().use(loom.express()).get('/', page(loom, module)),
      true,
    )
    const client = await site.connect()
    await client.joined('c0', 'counter', /data-l-token="([^"]+)"/.exec(await get(site))?.[1] ?? '')
    // A page that the client has fetched before somebody clicks is one that nobody may go to.
    const fetched = { headers: { accept: 'text/html' }, url: '/', socket: {} }
    await loom.mount(counter(loom, 'fetched'), {}, { request: fetched as never })
    await loom.mount(counter(loom, 'other'))
    await told(log, /The page with other \(mounted at .*\) does not come to life, though others do/)
    expect(log.all).not.toMatch(/The page with (counter|fetched)/)
  })

  test('one that works is told nothing', async () => {
    const { site, log } = await app((loom, module) => express().use(loom.express()).get('/', page(loom, module)), true)
    const client = await site.connect()
    await client.joined('c0', 'counter', /data-l-token="([^"]+)"/.exec(await get(site))?.[1] ?? '')
    await new Promise((resolve) => setTimeout(resolve, 5000))
    expect(log.all).toBe('')
  })
})

withRedis('pages of several processes', () => {
  test('a page that joins in another process is told nothing, and one that joins nowhere is', async () => {
    const { store } = (await redis()) as { store: { redis: string; prefix: string } }
    const sites = [
      await Site.start({ ...development, backplane: store }),
      await Site.start({ ...development, backplane: store }),
    ] as const
    const [first, second] = sites
    for (const { loom } of sites) {
      counter(loom)
      loom.register('lonely', { props: {}, handle: {}, render: () => html`<p>alone</p>` })
    }
    const token = await first.token('counter')
    await first.token('lonely')
    const client = await second.connect()
    await client.joined('c0', 'counter', token)
    // The page of `lonely` was mounted last: when it is told, so is what there is to tell of the other one.
    await told(first.log, /The page with lonely.* does not come to life/)
    expect(first.log.all).not.toContain('The page with counter')
    expect(second.log.all).toBe('')
  })
})

describe('a session that attach was not given', () => {
  const session: express.RequestHandler = (request, _, next) => {
    Object.assign(request, { session: { user: 'ada' } })
    next()
  }
  const withSession = async (middleware: express.RequestHandler[], options = {}) => {
    const { loom, log } = testLoom({ ...development, ...options })
    const module = loom.register('page', {
      props: { user: '' },
      handle: {
        who: (_, __, { request }) => ({ user: JSON.stringify(request['session'] ?? null) }),
        nothing: () => undefined,
      },
      render: ({ user }) => html`${user}`,
    })
    const server = createServer(
      express()
        .use(session, loom.express())
        .get('/', (request, response, next) => {
          loom.mount(module, {}, { request }).then((html) => response.send(html), next)
        }),
    )
    loom.attach(server, { middleware })
    const site = await Site.of(loom, server)
    const token = /data-l-token="([^"]+)"/.exec(await (await fetch(site.origin)).text())?.[1] ?? ''
    return { site, log, token }
  }

  test('is told when a handler reads it', async () => {
    const { site, log, token } = await withSession([])
    const client = await site.connect()
    await client.joined('c0', 'page', token)
    await client.event('c0', 'nothing')
    expect(log.all).toBe('')
    expect(await client.shows('c0', 'who')).toBe('null')
    expect(log.all).toMatch(
      /page: ctx\.request\.session is undefined, but the page's request had it\. .*loom\.attach\(\) was given none\. .*loom\.attach\(server, \{ middleware: \[session\(…\)\] \}\)/,
    )
  })

  test('is told when bind finds nobody', async () => {
    const bind = (request: object): string | undefined => (request as { session?: { user: string } }).session?.user
    const { site, log } = await withSession([], { bind })
    await site.connect()
    await told(log, /The option bind was called .*request\.session is undefined, but the page's request had it/)
  })

  test('and not where it was given', async () => {
    const { site, log, token } = await withSession([session])
    const client = await site.connect()
    await client.joined('c0', 'page', token)
    expect(await client.shows('c0', 'who')).toBe('{&quot;user&quot;:&quot;ada&quot;}')
    expect(log.all).toBe('')
  })
})

test('a page can ask for what was found, in development only', async () => {
  for (const development of [true, false]) {
    const { loom } = testLoom({ development })
    const module = loom.register('page', { props: {}, handle: {}, render: () => html`<i data-l-click="gone"></i>` })
    await loom.mount(module)
    const { origin } = await Site.of(loom, createServer(express().use(loom.express())))
    const answer = await fetch(`${origin}/loom/mistakes`)
    if (development) {
      const { next, texts } = (await answer.json()) as { next: number; texts: string[] }
      expect(texts).toEqual([
        expect.stringMatching(/data-l-click="gone" .*names no handler of the module; it has no handlers/),
      ])
      expect(await (await fetch(`${origin}/loom/mistakes?after=${next}`)).json()).toEqual({ next, texts: [] })
    } else {
      expect(answer.status).toBe(404)
    }
  }
})
