import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { html, type Loom } from 'loom-live'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { Client } from '../support/client'
import { LivePage } from '../support/live_page'
import { SECRET, Site, testLoom, tokenIn } from '../support/site'
import { until } from '../support/until'

function register(loom: Loom): void {
  loom.register('who', {
    props: { name: '', seen: '' },
    mount: (_, { request }) => ({ name: nameIn(request['session']) }),
    handle: { ask: (props, _, { request }) => ({ ...props, seen: nameIn(request['session']) }) },
    render: ({ name, seen }) => html`${name} ${seen}`,
  })
}

function nameIn(stored: unknown): string {
  return (stored as { name?: string } | undefined)?.name ?? 'nobody'
}

async function visit(origin: string): Promise<{ cookie: string; body: string }> {
  const login = await fetch(`${origin}/login`)
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? ''
  const body = await (await fetch(`${origin}/`, { headers: { cookie } })).text()
  return { cookie, body }
}

async function ask(url: string, body: string, cookie: string): Promise<string> {
  const page = new LivePage({ url: () => url, module: 'who', token: tokenIn(body), socket: { headers: { cookie } } })
  atEnd(() => {
    page.end()
  })
  page.event('ask')
  await until('the answer', () => page.isSettled)
  return page.text
}

test("express-session's session is there in mount and in handlers", async () => {
  const { loom } = testLoom()
  register(loom)
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false })
  const app = express()
  app.use(sessions)
  app.get('/login', (request, response) => {
    Object.assign(request.session, { name: 'Ada' })
    response.end('in')
  })
  app.get('/', async (request, response) => {
    response.send(await loom.mount('who', {}, { request }))
  })
  const server = createServer(app)
  loom.attach(server, { middleware: [sessions] })
  const site = await Site.of(loom, server)
  const { cookie, body } = await visit(site.origin)
  expect(body).toContain('>Ada <')
  expect(await ask(site.url(), body, cookie)).toBe('Ada Ada')
  expect(await ask(site.url(), body, '')).toBe('Ada nobody')
})

test('a middleware that answers refuses the connection, with what it answered', async () => {
  const { loom } = testLoom()
  register(loom)
  const server = createServer()
  const order: string[] = []
  loom.attach(server, {
    middleware: [
      (_, __, next) => {
        order.push('first')
        setTimeout(next, 1)
      },
      (request, response, next) => {
        order.push('second')
        if (request.headers['x-key'] === 'open') next()
        else response.writeHead(401, { 'www-authenticate': 'Basic' }).end('who are you')
      },
    ],
  })
  const site = await Site.of(loom, server)
  const upgrade = (more: string): string =>
    `GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
  const refused = await site.talk(upgrade(''))
  expect(refused).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
  expect(refused).toContain('who are you')
  expect(order).toEqual(['first', 'second'])
  const client = await site.connect({ headers: { 'x-key': 'open' } })
  expect(client.closed).toBeUndefined()
})

test('an error of a middleware is logged, and the client gets 500', async () => {
  const { loom, log } = testLoom()
  const server = createServer()
  loom.attach(server, {
    middleware: [
      (_, __, next) => {
        next(new Error('the store is down'))
      },
    ],
  })
  const site = await Site.of(loom, server)
  await expect(site.connect()).rejects.toThrow('500')
  expect(log.errors.join()).toContain('the store is down')
})

/** In a process of its own: its plugins import modules in a way that jest does not have. */
const FASTIFY = `
  import fastify from 'fastify'
  import cookie from '@fastify/cookie'
  import session from '@fastify/session'
  import { createLoom, html } from 'loom-live'
  const nameIn = (session) => session?.name ?? 'nobody'
  const loom = createLoom({ secret: '${SECRET}', bind: (_, own) => own.session?.name })
  loom.register('who', {
    props: { name: '', seen: '' },
    mount: (_, { request }) => ({ name: nameIn(request.session) }),
    handle: { ask: (props, _, { request }) => ({ ...props, seen: nameIn(request.session) }) },
    render: ({ name, seen }) => html\`\${name} \${seen}\`,
  })
  const app = fastify({ forceCloseConnections: true })
  await app.register(cookie)
  await app.register(session, { secret: '${SECRET}', cookie: { secure: false }, saveUninitialized: false })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-banned'] !== undefined) await reply.code(403).send('banned')
  })
  await app.register(loom.fastify)
  app.get('/login', (request, reply) => {
    request.session.name = 'Ada'
    return reply.send('in')
  })
  app.get('/revoke', (request, reply) => reply.send(String(loom.disconnect({ bind: 'Ada' }))))
  app.get('/', async (request, reply) => reply.type('text/html').send(await loom.mount('who', {}, { request })))
  await app.listen({ port: 0, host: '127.0.0.1' })
  console.log(app.server.address().port)
`

test("Fastify's hooks run, and its session is there", async () => {
  const host = `127.0.0.1:${await Child.start(FASTIFY, { module: true }).line()}`
  const { cookie, body } = await visit(`http://${host}`)
  expect(body).toContain('>Ada <')
  expect(await ask(`ws://${host}/loom/ws`, body, cookie)).toBe('Ada Ada')
  const banned = Client.open(`ws://${host}/loom/ws`, { headers: { 'x-banned': '1' } })
  await expect(banned).rejects.toThrow('403')
  // What `bind` read of the session ties the page to it.
  const stranger = await Client.open(`ws://${host}/loom/ws`)
  expect(await stranger.join('c0', 'who', tokenIn(body))).toMatchObject({ type: 'error' })
  expect(await (await fetch(`http://${host}/revoke`)).text()).toBe('1')
  // The route of the upgrades is no page.
  expect((await fetch(`http://${host}/loom/ws`)).status).toBe(426)
})
