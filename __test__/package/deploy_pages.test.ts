/** The program of docs/deploy.md in Chromium: its page works under the headers, and beside the packages. */

import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'
import { applicationFolder, PACKAGES, PROGRAM, put, removeFolder } from './configurations'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)

afterAll(() => browser.close())

async function start(changes: Record<string, string> = {}): Promise<ServerProcess> {
  const folder = applicationFolder({ 'server.js': put(PROGRAM, changes) }, PACKAGES)
  const env = { NODE_ENV: 'production', LOOM_SECRET: 's'.repeat(32) }
  const server = await ServerProcess.start(join(folder, 'server.js'), await freePort(), { env, path: '/ready' })
  atEnd(async () => {
    await server.stop('SIGKILL')
    removeFolder(folder)
  })
  return server
}

/** A page, and what the browser has refused or complained of. */
async function open(url: string): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext()
  atEnd(() => context.close())
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => {
    if (/error|warning/.test(message.type()) && !message.location().url.endsWith('/favicon.ico'))
      problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  const response = await page.goto(url)
  expect(response?.status()).toBe(200)
  return { page, problems }
}

async function clicksCount(page: Page, ...counts: string[]): Promise<void> {
  for (const count of counts) {
    await page.click('button')
    await page.waitForFunction((text) => document.querySelector('button')?.textContent === text, count)
  }
}

/** The directives that the page's policy has. */
const policyOf = async (url: string): Promise<string> => (await fetch(url)).headers.get('content-security-policy') ?? ''

test('as it stands: a nonce with strict-dynamic, Trusted Types, compression and a limit of requests', async () => {
  const { url } = await start()
  const [one, other] = [await policyOf(url), await policyOf(url)]
  expect(one).toMatch(/script-src 'nonce-[\w+/]{22}==' 'strict-dynamic'/)
  expect(one).toContain("require-trusted-types-for 'script';trusted-types loom-live")
  expect(one).not.toBe(other)
  const { page, problems } = await open(url)
  await clicksCount(page, '1', '2', '3')
  expect(problems).toEqual([])
})

test('a script without the nonce does not run, so that the policy is one', async () => {
  const { url } = await start({ '${button}${script}': '<script>document.title = "ran"</script>${button}${script}' })
  const { page, problems } = await open(url)
  await clicksCount(page, '1')
  expect(await page.title()).toBe('Counter')
  expect(problems.join()).toContain('Content Security Policy')
})

test("under helmet's defaults, without a nonce", async () => {
  const { url } = await start({
    'helmet({ contentSecurityPolicy: { directives } })': 'helmet()',
    'loom.script({ nonce: response.locals.nonce })': 'loom.script()',
  })
  expect(await policyOf(url)).toContain("script-src 'self'")
  const { page, problems } = await open(url)
  await clicksCount(page, '1', '2')
  expect(problems).toEqual([])
})

test('compression compresses the page once, and the script not again', async () => {
  // Short pages are not compressed.
  const { url } = await start({ '<title>Counter</title>': `<title>Counter</title><p>${'long '.repeat(1_000)}</p>` })
  const asked = async (path: string): Promise<[string | null, string]> => {
    const response = await fetch(url + path, { headers: { 'accept-encoding': 'br, gzip' } })
    return [response.headers.get('content-encoding'), await response.text()]
  }
  const [encoding, text] = await asked('/')
  expect(encoding).toMatch(/^(br|gzip)$/)
  expect(text).toContain('long long')
  const [, script = ''] = /<script type="module" src="([^"]*)"/.exec(text) ?? []
  const [ofScript, code] = await asked(script)
  expect(ofScript).toBe('br')
  expect(code).toContain('data-l-live')
  const { page, problems } = await open(url)
  await clicksCount(page, '1', '2')
  expect(problems).toEqual([])
})

test('who has used up the requests goes on in the page that is open', async () => {
  const { url } = await start({ 'limit: 300': 'limit: 2' })
  const { page } = await open(url)
  await clicksCount(page, '1')
  expect((await fetch(url)).status).toBe(200)
  expect((await fetch(url)).status).toBe(429)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  await clicksCount(page, '2', '3', '4', '5')
})
