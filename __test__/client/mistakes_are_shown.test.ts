/** What development finds wrong is told in the browser, too: in its console, and as an event. */

import { createServer } from 'node:http'
import express from 'express'
import { html, type Loom } from 'loom-live'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { Site, testLoom } from '../support/site'
import { until } from '../support/until'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)

afterAll(() => browser.close())

interface Open {
  page: Page
  /** What the console shows. */
  shown: string[]
}

/** A page with a counter that forgets its name, on a server that is put together as far as `prepare` does. */
async function open(development: boolean, attach: boolean, policy?: string): Promise<Open & { loom: Loom }> {
  const { loom } = testLoom({ development })
  const module = loom.register('counter', {
    props: { count: 0, name: 'Ada' },
    handle: { increment: ({ count }) => ({ count: count + 1 }) as { count: number; name: string } },
    render: ({ count }) => html`<button data-l-click="increment">${count}</button>`,
  })
  const server = createServer(
    express()
      .use(loom.express())
      .get('/', (request, response, next) => {
        if (policy !== undefined) response.setHeader('content-security-policy', policy)
        loom
          .mount(module, {}, { request })
          .then((text) => response.send(`<!doctype html><title>page</title>${text}${loom.script()}`), next)
      }),
  )
  if (attach) loom.attach(server)
  const site = await Site.of(loom, server)
  const page = await browser.newPage()
  const shown: string[] = []
  page.on('console', (message) => shown.push(message.text()))
  await page.addInitScript(() => {
    const told: string[] = []
    Object.assign(window, { told })
    addEventListener('loom:error', (event) => told.push(event.detail.message))
  })
  await page.goto(`${site.origin}/`)
  return { page, shown, loom }
}

const includes = (shown: string[], what: RegExp): Promise<true> =>
  until(`the console to say ${what}: ${shown.join('\n')}`, () => shown.some((text) => what.test(text)) || undefined)

test('a page that cannot connect says why, in development', async () => {
  const { page, shown } = await open(true, false)
  await includes(shown, /^loom-live: No WebSocket at \/loom\/ws: loom\.attach\(\) was never called/)
  const told = await page.evaluate(() => (window as unknown as { told: string[] }).told)
  expect(told).toEqual([expect.stringMatching(/loom\.attach\(\) was never called/)])
}, 60_000)

test('what a handler does wrong is shown in the console', async () => {
  const { page, shown } = await open(true, true)
  await page.waitForSelector('[data-l-state="live"]')
  await page.click('button')
  await includes(shown, /^loom-live: counter \(registered at .*\): the handler "increment" returned props without name/)
}, 60_000)

test('a policy that forbids the socket is named', async () => {
  const { shown } = await open(true, true, "script-src 'self'; connect-src 'none'")
  await includes(
    shown,
    /^loom-live: the page's Content-Security-Policy forbids the WebSocket ws:.*Add connect-src 'self'/,
  )
}, 60_000)

test('in production the script has nothing of it', async () => {
  const { page, shown } = await open(false, true)
  await page.waitForSelector('[data-l-state="live"]')
  await page.click('button')
  await page.waitForFunction(() => document.querySelector('button')?.textContent === '1')
  expect(shown.filter((text) => !/favicon|404/.test(text))).toEqual([])
  const script = await page.evaluate(async () => (await fetch(document.querySelector('script')?.src ?? '')).text())
  expect(script).not.toContain('mistakes?after')
}, 60_000)
