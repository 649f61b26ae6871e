// Who may see devtools: nobody in production, and in development whoever sits at this machine.

import { request as httpRequest } from 'node:http'
import fastify from 'fastify'
import { html } from 'loom-live'
import { WebSocket } from 'ws'
import { counter, pageSite, type Site, testLoom } from '../support/site'
import { livePageOf, SERVER, LOOM, COUNTER, showing, Sources } from '../support/sources'
import { until } from '../support/until'

async function site(development: boolean): Promise<Site> {
  const { loom } = testLoom({ development })
  counter(loom)
  return pageSite(loom, 'counter')
}

/** `fetch` does not let a test say the host. */
function get(on: Site, path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    httpRequest(on.origin + path, { headers }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end()
  })
}

/** How the socket of devtools answers. */
function upgrade(on: Site, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(on.url('/loom/devtools/ws'), 'loom.2', { headers })
  return new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.on('unexpected-response', (_, response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    socket.on('error', () => undefined)
  })
}

test('in production there are none', async () => {
  const on = await site(false)
  for (const path of ['/loom/devtools', '/loom/devtools/', '/loom/devtools/page.js', '/loom/devtools/style.css']) {
    const { text } = await get(on, path)
    // The application's own answer, which knows no such address.
    expect(text).toContain('<title>counter</title>')
  }
  expect(await upgrade(on)).not.toBe(101)
  const { text } = await get(on, '/')
  const script = /src="([^"]*client[^"]*)"/.exec(text)?.[1] ?? ''
  expect((await get(on, script)).text).not.toMatch(/loom\.latency|localStorage|loom-overlay/)
})

test('in development, from this machine', async () => {
  const on = await site(true)
  const { status, text } = await get(on, '/loom/devtools')
  expect([status, text]).toEqual([200, expect.stringContaining('data-l-live="loom.devtools"')])
  const script = /src="(\/loom\/devtools\/client[^"]*)"/.exec(text)?.[1] ?? ''
  expect((await get(on, script)).status).toBe(200)
  expect(await upgrade(on)).toBe(101)
  // The application cannot be asked for the module, nor devtools for the application's.
  expect(on.loom.stats().components).toBe(0)
  await expect(on.loom.mount('loom.devtools')).rejects.toThrow(/Expected a registered module/)
})

test.each<[string, Record<string, string>]>([
  ["another machine's name, which DNS has pointed here", { host: 'evil.example' }],
  ['a page of another origin', { origin: 'http://evil.example' }],
  ['a page of another site, as browsers say it', { 'sec-fetch-site': 'cross-site' }],
  ['a proxy', { 'x-forwarded-for': '203.0.113.7' }],
  ['a proxy that says it in the standard way', { forwarded: 'for=203.0.113.7' }],
])('not by %s', async (_, headers) => {
  const on = await site(true)
  // So that its socket is there.
  await get(on, '/loom/devtools')
  for (const path of ['/loom/devtools', '/loom/devtools/page.js'])
    expect((await get(on, path, headers)).status).toBe(403)
  expect(await upgrade(on, headers)).not.toBe(101)
})

test('with Fastify', async () => {
  const { loom } = testLoom({ development: true })
  const server = fastify()
  await server.register(loom.fastify)
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  const page = await (await fetch(`${origin}/loom/devtools`)).text()
  expect(page).toContain('data-l-live="loom.devtools"')
  await server.close()
})

test('no more steps are kept than 200, and nothing of components that have ended', async () => {
  const { loom } = testLoom({ development: true })
  loom.register('long', {
    props: { text: '' },
    handle: { write: (_, { value }) => ({ text: `${value}`.repeat(1_000) }) },
    render: ({ text }) => html`${text.length}`,
  })
  const on = await pageSite(loom, 'long')
  const client = await on.live({ name: 'long' })
  for (let count = 0; count < 250; count++) await client.shows('c0', 'write', { value: `${count}` })
  const shown = (): Promise<string> => get(on, '/loom/devtools').then(({ text }) => text)
  expect((await shown()).match(/<tr class/g)).toHaveLength(200)
  expect(await shown()).toContain('1 component, 1 page<')
  await client.close()
  client.drop()
  await on.loom.close()
}, 60_000)

/** What devtools know of the components of a loom. */
const recorded = (on: Site): { props: string; timers: object; module: string }[] => {
  type Inside = {
    development: { recorder: { components: Map<number, { props: string; timers: object; module: string }> } }
  }
  return [...(on.loom as unknown as Inside).development.recorder.components.values()]
}

test('of the props of components no more is kept than of those of steps', async () => {
  const { loom } = testLoom({ development: true })
  loom.register('long', {
    props: { text: '' },
    handle: { write: (_, { value }) => ({ text: `${value}`.repeat(400_000) }) },
    render: ({ text }) => html`${text.length}`,
  })
  const on = await pageSite(loom, 'long')
  const clients = await Promise.all(Array.from({ length: 40 }, () => on.live({ name: 'long' })))
  for (const client of clients) await client.shows('c0', 'write', { value: 'x' })
  const all = recorded(on)
  expect(all).toHaveLength(40)
  expect(all.reduce((sum, { props }) => sum + props.length, 0)).toBeLessThanOrEqual(8 << 20)
  expect(all.some(({ props }) => props.length > 400_000)).toBe(true)
  for (const client of clients) await client.close()
}, 60_000)

test('timers that have rung are shown no more, also if several rang while the component was busy', async () => {
  const { loom } = testLoom({ development: true })
  loom.register('rings', {
    props: { rung: 0 },
    handle: {
      begin: (props, _, ctx) => {
        for (const name of ['one', 'two', 'three']) ctx.after(name, 1)
        ctx.after('late', 60_000)
        ctx.every('clock', 60_000)
        return { ...props }
      },
      wait: async (props) => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        return { ...props }
      },
      send: (props, _, ctx) => {
        ctx.send(ctx.self, 'late')
        return { ...props }
      },
    },
    receive: Object.fromEntries(
      ['one', 'two', 'three', 'late', 'clock'].map((name) => [
        name,
        ({ rung }: Readonly<{ rung: number }>) => ({ rung: rung + 1 }),
      ]),
    ),
    render: ({ rung }) => html`${rung}`,
  })
  const on = await pageSite(loom, 'rings')
  const client = await on.live({ name: 'rings' })
  void client.event('c0', 'begin')
  void client.event('c0', 'wait')
  await client.shows('c0', 'send')
  await until('all to have rung', () => recorded(on)[0]?.props === '{"rung":4}')
  expect(recorded(on)[0]?.timers).toEqual({ late: 'once, after 60000 ms', clock: 'every 60000 ms' })
  await client.close()
})

test('the process is killed, and the pages of its successor go on with their state', async () => {
  const sources = new Sources({
    'server.mjs': SERVER,
    'loom.mjs': LOOM,
    'counter.mjs': COUNTER,
    'words.mjs': `export const word = 'one'`,
  })
  const server = await sources.start('server.mjs')
  const page = await livePageOf(server)
  page.event('add')
  await showing(page, '<b>one 1</b>', server)
  await until('a checkpoint', () => page.isCheckpointed)
  const devtools = await livePageOf(server, 'loom.devtools', '/loom/devtools')
  const [, meant] = /data-l-value="([\w-]{36})"/.exec(devtools.text) ?? []
  devtools.event('kill', 'another process')
  devtools.event('kill', meant)
  expect(await server.exited).toBe(null)
  const successor = await sources.start('server.mjs', { port: server.port })
  await until('the page to be back', () => page.joins === 2 && page.isLive)
  page.event('add')
  await showing(page, '<b>one 2</b>', successor)
  expect([page.resets, page.lost]).toEqual([0, 0])
  // The page of devtools has sent its event again, which was not meant for this process.
  await until('devtools to be back', () => devtools.isSettled)
  page.event('add')
  await showing(page, '<b>one 3</b>', successor)
}, 30_000)
