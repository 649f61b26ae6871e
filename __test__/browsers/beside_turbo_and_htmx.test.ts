/** Turbo Drive and htmx on the same page: they swap containers in and out, and each does its own links. */

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLoom, html, type LiveModule, type Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'

const SCRIPTS: Record<string, string> = {
  '/turbo.js': readFileSync(require.resolve('@hotwired/turbo/dist/turbo.es2017-esm.js'), 'utf8'),
  '/htmx.js': readFileSync(require.resolve('htmx.org/dist/htmx.min.js'), 'utf8'),
}

const counter = (name: string): LiveModule<{ count: number }> => ({
  props: { count: 0 },
  handle: { add: ({ count }) => ({ count: count + 1 }) },
  render: ({ count }) => html`<button id="${name}" type="button" @click="add">${name} ${count}</button>`,
})

interface Site {
  url: string
  loom: Loom
  log: Log
}

/** Pages whose head has this script beside ours, and in whose body `bodies` stands for a path. */
async function start(head: string, bodies: Record<string, (loom: Loom) => Promise<string>>): Promise<Site> {
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log })
  atEnd(() => loom.close({ timeout: 0 }))
  for (const name of ['one', 'two', 'player']) loom.register(name, counter(name))
  const serve = loom.express()
  const answer = async ({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const script = SCRIPTS[url]
    if (script !== undefined) return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    const body = await bodies[url]?.(loom)
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' })
    // A part of a page has no head.
    if (body === undefined || url.startsWith('/part')) return void response.end(body)
    response.end(
      `<!doctype html><html lang="en"><head><title>${url}</title><link rel="icon" href="data:,">${head}${loom.script()}</head>` +
        `<body>${body}</body></html>`,
    )
  }
  const server = createServer((request, response) => {
    serve(request, response, () => void answer(request, response))
  })
  loom.attach(server)
  await listen(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom, log }
}

/** A document that was loaded anew has lost it. */
const mark = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.assign(window, { marked: true })
  })
const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in window)
const press = (page: Page, selector: string): Promise<void> =>
  page.evaluate((selector) => document.querySelector<HTMLElement>(selector)?.click(), selector)
const titled = (page: Page, title: string): Promise<unknown> =>
  page.until((title) => document.title === title && document.querySelector('html[aria-busy]') === null, title)
/** Once all is there, a click on a counter shows this: its name and its count. */
async function counts(page: Page, shown: string): Promise<void> {
  const [name = ''] = shown.split(' ')
  await page.settled()
  await page.click(`#${name}`)
  await page.shows(`#${name}`, shown)
}
/** Not the driver's own way back: a driver waits for a load, and here there is none. */
const goBack = (page: Page): Promise<void> =>
  page.evaluate(() => {
    history.back()
  })
const live = (site: Site, components: number): Promise<unknown> =>
  until(`${components} components to live`, () => site.loom.stats().components === components)

const TURBO = '<script type="module" src="/turbo.js"></script>'
const player = async (loom: Loom): Promise<string> =>
  `<div id="permanent" data-turbo-permanent>${await loom.mount('player')}</div>`
const turboPages = {
  '/a': async (loom: Loom) =>
    `<h1>A</h1>${await loom.mount('one')}<a id="to-b" href="/b">b</a> <a id="nav-b" href="/b" data-turbo="false" data-l-nav>b</a>
    <turbo-frame id="frame"><a id="fill" href="/part">fill</a></turbo-frame>${await player(loom)}`,
  '/b': async (loom: Loom) =>
    `<h1>B</h1>${await loom.mount('two')}<a id="to-a" href="/a">a</a> <a id="nav-a" href="/a" data-turbo="false" data-l-nav>a</a>${await player(loom)}`,
  '/part': async (loom: Loom) => `<turbo-frame id="frame">${await loom.mount('two')}</turbo-frame>`,
}

eachBrowser('Turbo Drive swaps pages: what goes ends, what comes lives, what is permanent goes on', async (page) => {
  const site = await start(TURBO, turboPages)
  await page.goto(`${site.url}/a`)
  await page.settled()
  await page.until(() => 'Turbo' in window)
  await mark(page)
  await page.click('#one')
  await page.shows('#one', 'one 1')
  await page.click('#player')
  await page.shows('#player', 'player 1')
  await press(page, '#to-b')
  await titled(page, '/b')
  await counts(page, 'two 1')
  await page.click('#player')
  await page.shows('#player', 'player 2')
  await live(site, 2)
  expect(await isMarked(page)).toBe(true)
  // Back: Turbo shows its copy of the page as it was left. The component begins anew, as after a load, and says so.
  await goBack(page)
  await titled(page, '/a')
  await page.settled()
  await page.shows('#one', 'one 0')
  await page.click('#one')
  await page.shows('#one', 'one 1')
  await page.click('#player')
  await page.shows('#player', 'player 3')
  await live(site, 2)
  expect(await isMarked(page)).toBe(true)
  expect(site.log.all).toBe('')
})

eachBrowser('a frame of Turbo brings a component', async (page) => {
  const site = await start(TURBO, turboPages)
  await page.goto(`${site.url}/a`)
  await page.settled()
  await page.until(() => 'Turbo' in window)
  await mark(page)
  await press(page, '#fill')
  await page.until(() => document.querySelector('#two') !== null)
  await counts(page, 'two 1')
  await live(site, 3)
  expect(await isMarked(page)).toBe(true)
})

eachBrowser('links of ours beside those of Turbo: each takes its own', async (page) => {
  const site = await start(TURBO, turboPages)
  await page.goto(`${site.url}/a`)
  await page.settled()
  await page.until(() => 'Turbo' in window && (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await mark(page)
  await press(page, '#nav-b')
  await titled(page, '/b')
  await counts(page, 'two 1')
  await press(page, '#to-a')
  await titled(page, '/a')
  await counts(page, 'one 1')
  await press(page, '#nav-b')
  await titled(page, '/b')
  await counts(page, 'two 1')
  await live(site, 2)
  // One title: that of the page that came last.
  expect(await page.evaluate(() => document.head.querySelectorAll('title').length)).toBe(1)
  expect(await isMarked(page)).toBe(true)
})

const htmxPages = {
  '/': async (loom: Loom) =>
    `<h1>Whole</h1>${await loom.mount('one')}
    <button id="load" hx-get="/part" hx-target="#place">load</button> <button id="empty" hx-get="/part-empty" hx-target="#place">empty</button>
    <button id="behind" hx-get="/part" hx-target="#place" hx-swap="beforeend">behind</button>
    <button id="outer" hx-get="/part" hx-target="#place" hx-swap="outerHTML">outer</button>
    <a id="boosted" href="/other" hx-boost="true">other</a> <a id="nav" href="/other" data-l-nav>other</a>
    <div id="place">nothing</div>`,
  '/other': async (loom: Loom) =>
    `<h1>Other</h1>${await loom.mount('two')}<a id="back" href="/" hx-boost="true">back</a>`,
  '/part': async (loom: Loom) => `<section>${await loom.mount('two')}</section>`,
  '/part-empty': () => Promise.resolve('<p>nothing again</p>'),
}
// What else than htmx brings has to be shown to htmx: docs/navigation.md.
const HTMX =
  '<script src="/htmx.js"></script><script>addEventListener("loom:navigated", () => htmx.process(document.body))</script>'

eachBrowser('htmx swaps containers in and out, and boosts links', async (page) => {
  const site = await start(HTMX, htmxPages)
  await page.goto(site.url)
  await page.settled()
  await mark(page)
  await page.click('#one')
  await page.shows('#one', 'one 1')
  await page.click('#load')
  await page.until(() => document.querySelector('#place #two') !== null)
  await counts(page, 'two 1')
  await live(site, 2)
  await page.click('#empty')
  await page.shows('#place', 'nothing again')
  await live(site, 1)
  await page.click('#behind')
  await page.click('#behind')
  await page.until(() => document.querySelectorAll('#place section').length === 2)
  await live(site, 3)
  await page.click('#outer')
  await page.until(() => document.querySelector('#place') === null)
  await live(site, 2)
  await counts(page, 'one 2')
  await press(page, '#boosted')
  await titled(page, '/other')
  await counts(page, 'two 1')
  await live(site, 1)
  // htmx puts its own copy of the page back.
  await goBack(page)
  await page.until(() => document.querySelector('h1')?.textContent === 'Whole')
  await page.settled()
  await page.click('#one')
  await page.until(() => /^one [1-9]/.test(document.querySelector('#one')?.textContent ?? ''))
  expect(await isMarked(page)).toBe(true)
  expect(site.log.all).toBe('')
})

eachBrowser('a part that htmx has brought follows links of ours', async (page) => {
  const site = await start(HTMX, htmxPages)
  await page.goto(site.url)
  await page.settled()
  await page.until(() => (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await mark(page)
  await press(page, '#nav')
  await titled(page, '/other')
  await counts(page, 'two 1')
  await goBack(page)
  await titled(page, '/')
  await page.settled()
  await page.click('#load')
  await page.until(() => document.querySelector('#place #two') !== null)
  await counts(page, 'two 1')
  await live(site, 2)
  expect(await isMarked(page)).toBe(true)
})
