/** Each file that the client may load, under the policy of docs/deploy.md: nonces, `strict-dynamic` and Trusted Types. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'

declare global {
  interface Window {
    /** What the browser has refused. */
    violations: string[]
    /** The scripts that have run. */
    ran: string[]
  }
}

async function start(): Promise<ServerProcess> {
  const uploads = mkdtempSync(join(tmpdir(), 'loom-policies-'))
  atEnd(() => rmSync(uploads, { recursive: true, force: true }))
  const script = join(__dirname, '../support/policies_server.mjs')
  const server = await ServerProcess.start(script, await freePort(), { env: { UPLOADS: uploads }, path: '/files' })
  atEnd(() => server.stop('SIGKILL'))
  return server
}

/** Which files of the client were asked for. */
const filesOf = async ({ url }: ServerProcess): Promise<string[]> =>
  (await fetch(`${url}/files`)).json() as Promise<string[]>

const FILES = ['client', 'status', 'fields', 'bindings', 'visible', 'commands', 'recovery', 'uploads', 'flash', 'hooks']

const violationsOf = (page: Page): Promise<string[]> => page.evaluate(() => window.violations)

eachBrowser('fields, bindings, commands, recovery, uploads, hooks and flashes', async (page) => {
  const site = await start()
  await page.goto(site.url)
  await page.settled()
  for (const count of [1, 2, 3]) {
    await page.click('#add')
    await page.shows('output', String(count))
    await page.shows('li:last-of-type', String(3 * count))
  }
  await page.shows('#seen', '1')
  await page.type('#text', 'ab')
  await page.shows('#said', 'ab')
  await page.evaluate(
    () => void document.querySelector('#double')?.dispatchEvent(new MouseEvent('dblclick', { bubbles: true })),
  )
  await page.shows('output', '4')
  await page.click('#toggle')
  await page.until(() => document.querySelector<HTMLElement>('#panel')?.offsetParent !== null)
  await page.click('#guess')
  await page.shows('output', '5')
  await page.click('#tell')
  await page.until(() => document.querySelector('[data-l-kind=success]')?.textContent.includes('It is <b>saved</b>.'))
  await page.shows('#hook', 'asked')
  await page.evaluate(() => {
    const data = new DataTransfer()
    data.items.add(new File(['text'], 'a.txt', { type: 'text/plain' }))
    const input = document.querySelector('#file') as HTMLInputElement
    input.files = data.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await page.shows('em', 'a.txt')
  await until('all files of the client', async () => {
    const asked = new Set(await filesOf(site))
    return FILES.every((name) => asked.has(name))
  })
  expect(await violationsOf(page)).toEqual([])
})

eachBrowser('links that are followed without a load, with scripts and styles of the next page', async (page) => {
  const site = await start()
  await page.goto(site.url)
  await page.settled()
  // A page that was loaded anew would have an own window.
  await page.evaluate(() => void window.ran.push('the page before'))
  await page.click('#next')
  await page.until(() => document.querySelector('h1')?.textContent === 'Next' && window.ran.length === 5)
  expect(await filesOf(site)).toContain('navigation')
  await page.settled()
  await page.click('#add')
  await page.shows('output', '1')
  expect((await page.evaluate(() => window.ran)).sort()).toEqual([
    'body',
    'head',
    'inline of the body',
    'inline of the head',
    'the page before',
  ])
  expect(await page.evaluate(() => getComputedStyle(document.querySelector('h1') as Element).color)).toBe(
    'rgb(1, 2, 3)',
  )
  expect(await violationsOf(page)).toEqual([])
})
