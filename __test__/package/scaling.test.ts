// What docs/scaling.md tells people to write into their configurations is what runs here, but for addresses and ports.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { atEnd } from '../support/cleanup'
import { passOver, TESTS_ALL } from '../support/passed_over'
import { freePort, ServerProcess } from '../support/process'
import { RedisServer, withRedis } from '../support/redis'
import { until, within } from '../support/until'
import { ROOT } from './installed'

const DOCS = readFileSync(join(ROOT, 'docs/scaling.md'), 'utf8')

/** The first block of code after this text. */
function blockAfter(text: string): string {
  const after = DOCS.slice(DOCS.indexOf(text))
  const block = DOCS.includes(text) && /\n\n((?: {4}.*\n|\n(?= {4}))+)/.exec(after)?.[1]
  if (!block) throw new Error(`docs/scaling.md has no code after ${JSON.stringify(text)}`)
  return block.replaceAll(/^ {4}/gm, '')
}

/** Replaces what has to be other here than in the docs. What is not there is an error. */
function put(text: string, replacements: Record<string, string>): string {
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`docs/scaling.md: ${JSON.stringify(from)} is not in ${text}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** The application: its page says in which process its component is. It ends as the docs say. */
const SERVER = `
  import { createServer } from 'node:http'
  import { createLoom, html } from 'loom-live'
  const redis = process.env.REDIS
  const secret = 's'.repeat(32)
  ${/const loom = createLoom\(.*backplane.*\n/.exec(DOCS)?.[0] ?? ''}
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
  ${blockAfter('A process that is to end closes in order')}
`

let folder: string
let redis: RedisServer
let browser: Browser

/** A test that needs a program. It is passed over if the program is not on the machine. */
function withProgram(name: string, debian: string, body: (program: string) => Promise<void>): void {
  // Debian has servers where only root's path looks.
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`
  const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], {
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  })
  const program = stdout.trim()
  if (program === '' && !TESTS_ALL) {
    passOver(`The configuration of ${name} in docs/scaling.md was not tried`, debian)
    test.skip(name, () => undefined)
    return
  }
  test(name, () => body(program), 120_000)
}

const env = (): NodeJS.ProcessEnv => ({ REDIS: redis.url, NODE_ENV: 'production' })
const start = (port: number): Promise<ServerProcess> => {
  const begun = ServerProcess.start(join(folder, 'server.js'), port, { env: env(), path: '/ready' })
  atEnd(async () => (await begun).stop('SIGKILL'))
  return begun
}

/** Runs a proxy, and waits until it answers. */
async function proxy(program: string, parameters: string[], port: number): Promise<string> {
  const child: ChildProcess = spawn(program, parameters, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Caddy keeps what it keeps in here.
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exited = new Promise((resolve) => child.on('close', resolve))
  atEnd(async () => {
    child.kill('SIGTERM')
    await within('the proxy to end', exited)
  })
  const url = `http://127.0.0.1:${port}`
  await until('the application to answer through the proxy', async () => {
    if (child.exitCode !== null) throw new Error(`${program} has ended: ${errors}`)
    return fetch(`${url}/ready`).then(
      ({ status }) => status === 200,
      () => false,
    )
  })
  return url
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
    folder = mkdtempSync(join(tmpdir(), 'loom-scaling-'))
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/loom-live'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'server.js'), SERVER)
    redis = await RedisServer.start()
    browser = await launchBrowser()
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await redis.end()
    rmSync(folder, { recursive: true, force: true })
  })

  withProgram('nginx', 'nginx-light', (program) =>
    behind(async (ports, port) => {
      const server = put(blockAfter('**nginx**'), {
        '10.0.0.1:3000': `127.0.0.1:${ports[0]}`,
        '10.0.0.2:3000': `127.0.0.1:${ports[1]}`,
        '10.0.0.3:3000': `127.0.0.1:${ports[2]}`,
        'listen 80;': `listen 127.0.0.1:${port};`,
      })
      const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
      const file = join(folder, 'nginx.conf')
      writeFileSync(
        file,
        // As root, too, nginx is to find its files.
        `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid ${folder}/nginx.pid; events {}\n` +
          `http { access_log off; ${kept.join(' ')}\n${server} }`,
      )
      return proxy(program, ['-c', file, '-e', 'stderr', '-p', folder], port)
    }),
  )

  withProgram('caddy', 'caddy', (program) =>
    behind(async (ports, port) => {
      const site = put(blockAfter('**Caddy**'), {
        '10.0.0.1:3000': `127.0.0.1:${ports[0]}`,
        '10.0.0.2:3000': `127.0.0.1:${ports[1]}`,
        '10.0.0.3:3000': `127.0.0.1:${ports[2]}`,
        // No certificate can be had for it here.
        'example.com': `http://127.0.0.1:${port}`,
      })
      const file = join(folder, 'Caddyfile')
      writeFileSync(file, `{\n  admin off\n}\n${site}`)
      return proxy(program, ['run', '--config', file, '--adapter', 'caddyfile'], port)
    }),
  )

  test("Node's cluster", async () => {
    writeFileSync(join(folder, 'cluster.js'), blockAfter("**Node's `cluster`.**"))
    const server = await ServerProcess.start(join(folder, 'cluster.js'), await freePort(), {
      env: env(),
      path: '/ready',
    })
    atEnd(() => server.stop('SIGKILL'))
    const page = await open(server.url)
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) await moves(page, (pid) => process.kill(pid, signal))
    // All of them end in order, and the parent ends with them.
    expect(await server.stop('SIGTERM')).toBe(0)
  }, 120_000)
})
