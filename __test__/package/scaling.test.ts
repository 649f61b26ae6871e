// What docs/scaling.md, and docs/deploy.md for Node's cluster, tell people to write into their configurations is what runs here, but for addresses and ports.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'
import { RedisServer, withRedis } from '../support/redis'
import { until } from '../support/until'
import {
  applicationFolder,
  Document,
  ENDING,
  put,
  removeFolder,
  runCaddy,
  runNginx,
  withProgram,
} from './configurations'

const FILE = 'docs/scaling.md'
const SCALING = new Document(FILE)

/** The application: its page says in which process its component is. It ends as the docs say. */
const SERVER = `
  import { createServer } from 'node:http'
  import { createLoom, html } from 'loom-live'
  const redis = process.env.REDIS
  const secret = 's'.repeat(32)
  ${SCALING.found(/const loom = createLoom\(.*backplane.*\n/)}
  const counter = loom.register('counter', {
    props: { pid: 0, count: 0 },
    connected: (props) => ({ ...props, pid: process.pid }),
    handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ pid, count }) => html\`<i>\${pid}</i><b>\${count}</b><button data-l-click="add">add</button>\`,
  })
  const client = loom.express()
  const server = createServer((request, response) => {
    client(request, response, async () => {
      if (request.url === '/ready') {
        response.writeHead(loom.ready().ready ? 200 : 503).end()
        return
      }
      const page = await loom.mount(counter, {}, { request })
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end('<!doctype html><title>Counter</title><link rel="icon" href="data:,">' + page + loom.script())
    })
  })
  loom.attach(server)
  server.listen(process.env.PORT, '127.0.0.1')
  ${ENDING}
`

let folder: string
let redis: RedisServer
let browser: Browser

const env = (): NodeJS.ProcessEnv => ({ REDIS: redis.url, NODE_ENV: 'production' })
const start = (port: number): Promise<ServerProcess> => {
  const begun = ServerProcess.start(join(folder, 'server.js'), port, { env: env(), path: '/ready' })
  atEnd(async () => (await begun).stop('SIGKILL'))
  return begun
}

async function open(url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  atEnd(() => page.context().close())
  // A proxy may need a moment to see that a process is gone.
  await until('the page', async () => (await page.goto(url))?.ok())
  await page.locator('[data-l-live][data-l-state=live]').waitFor()
  return page
}

const pidOf = async (page: Page): Promise<number> => Number(await page.locator('i').textContent())

/** Clicks, ends the process that the page's component is in, and clicks again: all count, in another process. */
async function moves(page: Page, end: (pid: number) => void): Promise<void> {
  const before = Number(await page.locator('b').textContent())
  for (let time = 0; time < 3; time++) await page.click('button')
  await until('the clicks', async () => (await page.locator('b').textContent()) === String(before + 3))
  const pid = await pidOf(page)
  end(pid)
  for (let time = 0; time < 3; time++) await page.click('button')
  await until('the component to be in another process', async () => (await pidOf(page)) !== pid)
  await until('all clicks', async () => (await page.locator('b').textContent()) === String(before + 6))
}

/** Two processes behind a proxy: one is killed and started again, then each ends in order. */
async function behind(configure: (ports: [number, number, number], port: number) => Promise<string>): Promise<void> {
  // The third one of the docs is not there: the proxy has to go on to another one.
  const ports: [number, number, number] = [await freePort(), await freePort(), await freePort()]
  const running = new Map<number, ServerProcess>()
  for (const port of ports.slice(0, 2)) running.set(port, await start(port))
  const page = await open(await configure(ports, await freePort()))
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGTERM'] as const) {
    await moves(page, (pid) => process.kill(pid, signal))
    for (const [port, server] of running) {
      if (!(await isGone(server))) continue
      running.set(port, await start(port))
    }
  }
}

/** Whether a server does not take connections any more. */
const isGone = (server: ServerProcess): Promise<boolean> =>
  fetch(`${server.url}/ready`).then(
    () => false,
    () => true,
  )

withRedis('the configurations of docs/scaling.md', () => {
  beforeAll(async () => {
    folder = applicationFolder({ 'server.js': SERVER })
    redis = await RedisServer.start()
    browser = await launchBrowser()
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await redis.end()
    removeFolder(folder)
  })

  withProgram('nginx', { name: 'nginx', debian: 'nginx-light', file: FILE }, (program) =>
    behind(async (ports, port) => {
      const servers = put(SCALING.blockAfter('**nginx**'), {
        '10.0.0.1:3000': `127.0.0.1:${ports[0]}`,
        '10.0.0.2:3000': `127.0.0.1:${ports[1]}`,
        '10.0.0.3:3000': `127.0.0.1:${ports[2]}`,
        'listen 80;': `listen 127.0.0.1:${port};`,
      })
      const url = `http://127.0.0.1:${port}`
      await runNginx(program, servers, folder, url)
      return url
    }),
  )

  withProgram('caddy', { name: 'caddy', debian: 'caddy', file: FILE }, (program) =>
    behind(async (ports, port) => {
      const url = `http://127.0.0.1:${port}`
      const site = put(SCALING.blockAfter('**Caddy**'), {
        '10.0.0.1:3000': `127.0.0.1:${ports[0]}`,
        '10.0.0.2:3000': `127.0.0.1:${ports[1]}`,
        '10.0.0.3:3000': `127.0.0.1:${ports[2]}`,
        // No certificate can be had for it here.
        'example.com': url,
      })
      await runCaddy(program, site, folder, url)
      return url
    }),
  )

  test("Node's cluster", async () => {
    writeFileSync(join(folder, 'cluster.js'), new Document('docs/deploy.md').blockAfter("**Node's `cluster`.**"))
    const server = await ServerProcess.start(join(folder, 'cluster.js'), await freePort(), {
      env: { ...env(), PROCESSES: '3' },
      path: '/ready',
    })
    atEnd(() => server.stop('SIGKILL'))
    const page = await open(server.url)
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) await moves(page, (pid) => process.kill(pid, signal))
    // All of them end in order, and the parent ends with them.
    expect(await server.stop('SIGTERM')).toBe(0)
  }, 120_000)
})
