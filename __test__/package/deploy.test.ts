/** What docs/deploy.md says of processes, proxies, images and units, as it stands there but for addresses and ports. */

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { validate } from 'dockerfile-utils'
import type { Browser, Page } from 'playwright-core'
import { parseAllDocuments } from 'yaml'
import { launchBrowser } from '../browser'
import { certificate } from '../support/certificate'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'
import { until } from '../support/until'
import {
  applicationFolder,
  Document,
  PACKAGES,
  PROGRAM,
  put,
  removeFolder,
  runCaddy,
  runNginx,
  withProgram,
} from './configurations'

const execute = promisify(execFile)

const FILE = 'docs/deploy.md'
const DEPLOY = new Document(FILE)
const env = { NODE_ENV: 'production', LOOM_SECRET: 's'.repeat(32) }

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)

afterAll(() => browser.close())

/** The program's folder; it says in each answer which process it is, and lets a test ask for many pages. */
function folderWith(changes: Record<string, string> = {}, files: Record<string, string> = {}): string {
  const program = put(PROGRAM, {
    'limit: 300': 'limit: 1_000_000',
    'app.use(compression())': `app.use((_, response, next) => (response.set('x-pid', String(process.pid)), next()))
      app.use(compression())`,
    ...changes,
  })
  const folder = applicationFolder(
    { 'server.js': program, 'start.js': DEPLOY.blockAfter("**Node's `cluster`.**"), ...files },
    PACKAGES,
  )
  atEnd(() => removeFolder(folder))
  return folder
}

async function start(folder: string, port: number, script = 'server.js'): Promise<ServerProcess> {
  const server = await ServerProcess.start(script, port, { cwd: folder, env, path: '/ready' })
  atEnd(() => server.stop('SIGKILL'))
  return server
}

declare global {
  interface Window {
    clicks: number
    lost: string[]
    /** How often the component was not live. */
    cuts: number
  }
}

async function open(url: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  atEnd(() => context.close())
  const page = await context.newPage()
  await page.goto(url)
  await page.locator('[data-l-live][data-l-state=live]').waitFor()
  await page.evaluate(() => {
    Object.assign(window, { clicks: 0, lost: [], cuts: 0 })
    for (const type of ['loom:lost', 'loom:error', 'loom:reset'])
      addEventListener(type, (event) => window.lost.push(`${type} ${JSON.stringify((event as CustomEvent).detail)}`))
    const container = document.querySelector('[data-l-live]') as HTMLElement
    new MutationObserver(() => {
      if (container.dataset['lState'] === 'offline') window.cuts++
    }).observe(container, { attributeFilter: ['data-l-state'] })
  })
  return page
}

async function clicksCount(page: Page, ...counts: string[]): Promise<void> {
  for (const count of counts) {
    await page.click('button')
    await page.waitForFunction((text) => document.querySelector('button')?.textContent === text, count)
  }
}

/** The status and the process of an answer that has a connection of its own. */
const ask = (url: string): Promise<{ status: number; pid: number }> =>
  new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response
        .resume()
        .on('end', () => resolve({ status: response.statusCode ?? 0, pid: Number(response.headers['x-pid']) }))
    }).on('error', () => resolve({ status: 0, pid: 0 }))
  })

const PAGES = 4

/**
 * Clicks in several pages all the time, and asks for further pages, while the process is replaced, twice. Gives the
 * statuses of the further pages. What was clicked is what the pages show at the end, or this fails.
 */
async function clicksOver(url: string, replace: () => Promise<unknown>): Promise<Set<number>> {
  const pages = await Promise.all(Array.from({ length: PAGES }, () => open(url)))
  for (const page of pages) {
    await page.evaluate(() => {
      setInterval(() => {
        document.querySelector('button')?.click()
        window.clicks++
      }, 50)
    })
  }
  const statuses = new Set<number>()
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      statuses.add((await ask(url)).status)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  for (let time = 0; time < 2; time++) {
    const { pid } = await until('an answer', async () => {
      const answer = await ask(url)
      return answer.status === 200 ? answer : undefined
    })
    await replace()
    await until('another process', async () => {
      const answer = await ask(url)
      return answer.status === 200 && answer.pid !== pid
    })
    // Each page has been cut, and is back.
    for (const page of pages) {
      await page.waitForFunction((count) => window.cuts >= count, time + 1)
      await page.locator('[data-l-live][data-l-state=live]').waitFor()
    }
  }
  isOver = true
  await asking
  for (const page of pages) {
    const clicks = await page.evaluate(() => {
      const last = setInterval(() => undefined, 1_000)
      for (let timer = 0; timer <= Number(last); timer++) clearInterval(timer)
      return window.clicks
    })
    expect(clicks).toBeGreaterThan(10)
    await page.waitForFunction((text) => document.querySelector('button')?.textContent === text, String(clicks))
    expect(await page.evaluate(() => window.lost)).toEqual([])
  }
  return statuses
}

describe('the end', () => {
  test('SIGTERM answers what was sent, and ends the process, however many connections are open', async () => {
    const slow =
      'increment: async (props) => (await new Promise((resolve) => setTimeout(resolve, 500)), { count: props.count + 1 })'
    const server = await start(
      folderWith({ 'increment: (props) => ({ count: props.count + 1 })': slow }),
      await freePort(),
    )
    const page = await open(server.url)
    // A connection that is kept open.
    await (await fetch(server.url)).text()
    await page.click('button')
    await page.waitForFunction(
      () => document.querySelector('[data-l-live]')?.getAttribute('data-l-state') === 'waiting',
    )
    expect(await server.stop('SIGTERM')).toBe(0)
    await page.waitForFunction(() => document.querySelector('button')?.textContent === '1')
    expect(server.output).toBe('')
  })

  test('SIGINT, as PM2 sends it, does the same', async () => {
    const server = await start(folderWith(), await freePort())
    await open(server.url)
    expect(await server.stop('SIGINT')).toBe(0)
  })

  test('Fastify needs a line', async () => {
    const line = DEPLOY.found(/process\.once\('SIGTERM', \(\) => app\.close\(\)\)/)
    const [, program = ''] = /## Fastify[^]*?```js\n([^]*?)```/.exec(new Document('README.md').text) ?? []
    const folder = applicationFolder({ 'server.js': program + line }, ['fastify'])
    atEnd(() => removeFolder(folder))
    const server = await ServerProcess.start('server.js', await freePort(), { cwd: folder, env })
    atEnd(() => server.stop('SIGKILL'))
    await clicksCount(await open(server.url), '1')
    expect(await server.stop('SIGTERM')).toBe(0)
  })
})

describe('a load of clicks over a restart loses none', () => {
  test('one process ends, the next one starts', async () => {
    const [folder, port] = [folderWith(), await freePort()]
    let server = await start(folder, port)
    await clicksOver(server.url, async () => {
      expect(await server.stop('SIGTERM')).toBe(0)
      server = await start(folder, port)
    })
  }, 120_000)

  test.each(['server.js', 'start.js'])('a request that is under way at SIGTERM is answered, %s', async (script) => {
    const slow = "app.get('/slow', (_, response) => void setTimeout(() => response.send('done'), 500))"
    const folder = folderWith({ "app.get('/live'": `${slow}\napp.get('/live'` })
    const server = await start(folder, await freePort(), script)
    const asked = ask(`${server.url}/slow`)
    // The request has come when the next one, on a connection of its own, has been answered.
    await ask(`${server.url}/live`)
    const ended = server.stop('SIGTERM')
    expect((await asked).status).toBe(200)
    expect(await ended).toBe(0)
  })

  test("Node's cluster: SIGHUP, and every further page is answered", async () => {
    const server = await start(folderWith(), await freePort(), 'start.js')
    expect([...(await clicksOver(server.url, () => Promise.resolve(server.signal('SIGHUP'))))]).toEqual([200])
    expect(await server.stop('SIGTERM')).toBe(0)
  }, 120_000)

  test("Node's cluster: a process that does not come up replaces nobody", async () => {
    const folder = folderWith()
    const server = await start(folder, await freePort(), 'start.js')
    const { pid } = await ask(server.url)
    writeFileSync(join(folder, 'server.js'), "throw new Error('a mistake')")
    server.signal('SIGHUP')
    await until('the message', () => server.output.includes('The next process has not come up'))
    expect(await ask(server.url)).toEqual({ status: 200, pid })
    expect(await server.stop('SIGTERM')).toBe(0)
  })

  // PM2's licence is the AGPL: it is no dependency of this project, not even of its tests.
  test('PM2: reload, and every further page is answered', async () => {
    const folder = folderWith({}, { 'ecosystem.config.cjs': DEPLOY.blockAfter('**PM2.**') })
    const tools = mkdtempSync(join(tmpdir(), 'loom-pm2-'))
    atEnd(() => removeFolder(tools))
    writeFileSync(join(tools, 'package.json'), '{ "private": true }')
    await execute('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', 'pm2@7'], {
      cwd: tools,
    })
    const port = await freePort()
    const pm2 = (...parameters: string[]): Promise<unknown> =>
      execute(process.execPath, [join(tools, 'node_modules/pm2/bin/pm2'), ...parameters], {
        cwd: folder,
        env: { ...process.env, ...env, PM2_HOME: join(tools, 'home'), PORT: String(port) },
      })
    atEnd(() => pm2('kill'))
    await pm2('start', 'ecosystem.config.cjs')
    const url = `http://127.0.0.1:${port}`
    await until('the program', async () => (await ask(`${url}/ready`)).status === 200)
    expect([...(await clicksOver(url, () => pm2('reload', 'app')))]).toEqual([200])
  }, 240_000)
})

describe('in front', () => {
  const scaling = new Document('docs/scaling.md')
  const around = scaling.found(/^ {4}map \$http_upgrade.*$/m)
  const location = scaling.found(/^ {6}location \/ \{[^]*?^ {6}\}/m)

  /** A folder with a certificate. */
  function certified(): string {
    const folder = mkdtempSync(join(tmpdir(), 'loom-front-'))
    atEnd(() => removeFolder(folder))
    writeFileSync(join(folder, 'cert.pem'), certificate().cert)
    writeFileSync(join(folder, 'key.pem'), certificate().key)
    return folder
  }

  /** The page comes over HTTP/2, and is live over a socket beside it. */
  async function worksOver(url: string): Promise<void> {
    const page = await open(`${url}/`)
    expect(
      await page.evaluate(
        () => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).nextHopProtocol,
      ),
    ).toBe('h2')
    await clicksCount(page, '1', '2', '3')
    expect(await page.evaluate(() => [window.cuts, window.lost])).toEqual([0, []])
  }

  withProgram('nginx with HTTP/2', { name: 'nginx', debian: 'nginx-light', file: FILE }, async (program) => {
    const [server, folder, port] = [await start(folderWith(), await freePort()), certified(), await freePort()]
    const block = put(DEPLOY.blockAfter('by itself. nginx:'), {
      'listen 443': `listen 127.0.0.1:${port}`,
      '/etc/ssl/example.com/fullchain.pem': join(folder, 'cert.pem'),
      '/etc/ssl/example.com/privkey.pem': join(folder, 'key.pem'),
      '# here the location of scaling.md': location,
    })
    const url = `https://127.0.0.1:${port}`
    await runNginx(program, `upstream app { server 127.0.0.1:${server.port}; }\n${around}\n${block}`, folder, url)
    await worksOver(url)
  })

  withProgram('Caddy with HTTP/2', { name: 'caddy', debian: 'caddy', file: FILE }, async (program) => {
    const [server, folder, port] = [await start(folderWith(), await freePort()), certified(), await freePort()]
    const url = `https://127.0.0.1:${port}`
    const site = put(DEPLOY.blockAfter('speaks HTTP/2 and HTTP/3:'), {
      // No certificate can be had for it here.
      'example.com {': `${url} {\n  tls ${join(folder, 'cert.pem')} ${join(folder, 'key.pem')}`,
      '127.0.0.1:3000': `127.0.0.1:${server.port}`,
    })
    await runCaddy(program, site, folder, url)
    await worksOver(url)
  })

  withProgram(
    'nginx cuts what is silent, and not what is pinged',
    { name: 'nginx', debian: 'nginx-light', file: FILE },
    async (program) => {
      const pinged = "trustProxy: 'loopback', limits: { pingAfter: 200 }"
      const servers = [
        await start(folderWith(), await freePort()),
        await start(folderWith({ "trustProxy: 'loopback'": pinged }), await freePort()),
      ]
      const folder = certified()
      const ports = [await freePort(), await freePort()]
      const impatient = put(location, { 'proxy_read_timeout 90s': 'proxy_read_timeout 1s' })
      const blocks = servers.map(
        (server, at) => `upstream app${at} { server 127.0.0.1:${server.port}; }
        server { listen 127.0.0.1:${ports[at]}; ${impatient.replace('http://app', `http://app${at}`)} }`,
      )
      await runNginx(program, `${around}\n${blocks.join('\n')}`, folder, `http://127.0.0.1:${ports[1]}`)
      const [silent, other] = [await open(`http://127.0.0.1:${ports[0]}`), await open(`http://127.0.0.1:${ports[1]}`)]
      await silent.waitForFunction(() => window.cuts >= 2)
      expect(await other.evaluate(() => window.cuts)).toBe(0)
      // What was cut comes back.
      await clicksCount(silent, '1', '2')
      await clicksCount(other, '1', '2')
    },
  )
})

describe('Docker', () => {
  const files = ['Debian, slim', 'Alpine, the smallest', 'Distroless, without'].map(
    (name) => [name, DEPLOY.blockAfter(name)] as const,
  )

  test.each(files)('%s: a linter has nothing to say, and it does not run as root', (name, text) => {
    expect(validate(text).map(({ message, range }) => [range.start.line + 1, message])).toEqual([])
    const last = text.slice(text.lastIndexOf('FROM '))
    expect(last).toMatch(name.startsWith('Distroless') ? /^FROM \S+:nonroot$/m : /^USER node$/m)
    // Both stages have one C library.
    const images = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => /alpine/.test(image))
    expect(new Set(images).size).toBe(1)
  })

  test('a mistake is found', () => {
    expect(validate('FROM node:24-slim\nRUNN npm ci\n').length).toBeGreaterThan(0)
  })

  test.each(files)('%s: its health check and its command work', async (_, text) => {
    const jsonAfter = (what: RegExp): string[] => JSON.parse(what.exec(text)?.[1] ?? '[]') as string[]
    const check = jsonAfter(/^HEALTHCHECK .* CMD (\[.*\])$/m)
    const command = jsonAfter(/^CMD (\[.*\])$/m)
    expect(check[0]).toMatch(/^(node|\/nodejs\/bin\/node)$/)
    const server = await start(folderWith(), await freePort(), command.at(-1))
    const healthy = async (): Promise<boolean> => {
      const parameters = check.slice(1).map((one) => one.replace(':3000/', `:${server.port}/`))
      return execute(process.execPath, parameters).then(
        () => true,
        () => false,
      )
    }
    expect(await healthy()).toBe(true)
    await server.stop('SIGTERM')
    expect(await healthy()).toBe(false)
  })
})

describe('Kubernetes', () => {
  interface Probe {
    httpGet: { path: string; port: string }
  }
  interface Container {
    ports: { name: string; containerPort: number }[]
    startupProbe: Probe
    livenessProbe: Probe
    readinessProbe: Probe
    lifecycle: { preStop: { sleep: { seconds: number } } }
  }
  interface Pod {
    terminationGracePeriodSeconds: number
    containers: [Container]
  }

  const documents = parseAllDocuments(DEPLOY.blockAfter('## Kubernetes'), { strict: true, uniqueKeys: true })
  const objects = documents.map((document) => document.toJS() as { kind: string; spec: Record<string, unknown> })

  test('the manifest parses, and its labels, ports and times fit', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
    expect(objects.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'PodDisruptionBudget'])
    const [deployment, service, budget] = objects.map(({ spec }) => spec)
    const template = deployment?.['template'] as { metadata: { labels: object }; spec: Pod }
    const { labels } = template.metadata
    expect(deployment?.['selector']).toEqual({ matchLabels: labels })
    expect(service?.['selector']).toEqual(labels)
    expect(budget?.['selector']).toEqual({ matchLabels: labels })
    const [container] = template.spec.containers
    expect(service?.['ports']).toEqual([{ port: 80, targetPort: container.ports[0]?.name }])
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(probe.httpGet.port).toBe(container.ports[0]?.name)
    // What `loom.close()` takes at most, and when the program ends itself.
    const grace = template.spec.terminationGracePeriodSeconds - container.lifecycle.preStop.sleep.seconds
    expect(grace).toBeGreaterThan(Number(/process\.exit\(1\), (\d+)_000/.exec(PROGRAM)?.[1]))
  })

  test('the program answers the probes', async () => {
    const server = await start(folderWith(), await freePort())
    const { template } = objects[0]?.spec as { template: { spec: Pod } }
    const [container] = template.spec.containers
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect((await ask(server.url + probe.httpGet.path)).status).toBe(200)
  })
})

describe('systemd', () => {
  withProgram('the unit is right', { name: 'systemd-analyze', debian: 'systemd', file: FILE }, (program) => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-unit-'))
    atEnd(() => removeFolder(folder))
    const kill = ['/bin/kill', '/usr/bin/kill'].find(existsSync) ?? ''
    const unit = put(DEPLOY.blockAfter('**systemd.**'), { '/usr/bin/node': process.execPath, '/bin/kill': kill })
    const verify = (text: string): string => {
      mkdirSync(folder, { recursive: true })
      const file = join(folder, 'app.service')
      writeFileSync(file, text)
      const { stdout, stderr } = spawnSync(program, ['verify', '--man=no', file], { encoding: 'utf8' })
      return stdout + stderr
    }
    // Other units of the machine may have mistakes.
    expect(verify(unit)).not.toContain('app.service')
    expect(verify(unit.replace('KillMode=mixed', 'KillMod=mixed'))).toContain('KillMod')
    return Promise.resolve()
  })
})
