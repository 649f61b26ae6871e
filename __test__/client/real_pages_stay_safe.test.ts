/** A page of the real server in a real browser, under policies and with hostile values. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { html, raw, type Loom } from 'loom-live'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { listen, Site, testLoom } from '../support/site'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)

afterAll(() => browser.close())

interface Seen {
  violations: string[]
  ran: string[]
}

/** A site whose page shows one module of that name, with these headers. */
async function serve(name: string, register: (loom: Loom) => void, headers: Record<string, string>): Promise<Site> {
  const { loom } = testLoom()
  register(loom)
  const middleware = loom.express()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    middleware(request, response, () => {
      void loom.mount(name, undefined, { request }).then((page) => {
        response.writeHead(200, { 'content-type': 'text/html', ...headers })
        response.end(`<!doctype html><title>page</title>${page}${loom.script()}`)
      })
    })
  })
  loom.attach(server)
  return Site.of(loom, server)
}

async function open(site: Site): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage()
  page.setDefaultTimeout(5_000)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.addInitScript(() => {
    const seen: Seen = { violations: [], ran: [] }
    Object.assign(window, { seen, run: (what: string) => seen.ran.push(what) })
    document.addEventListener('securitypolicyviolation', ({ violatedDirective }) =>
      seen.violations.push(violatedDirective),
    )
  })
  await page.goto(`${site.origin}/`)
  return { page, errors }
}

const seen = (page: Page) => page.evaluate(() => (window as unknown as { seen: Seen }).seen)

const live = (page: Page, state = 'live') =>
  page.waitForSelector(`[data-l-live][data-l-state="${state}"]`, { state: 'attached' })

/** Shows something in every kind of place, and changes all of it. */
function everything(loom: Loom): void {
  loom.register('everything', {
    props: { step: 0 },
    handle: { next: ({ step }) => ({ step: step + 1 }) },
    render: ({ step }) => {
      const rows = [1, 2, 3].map((row) => html`<li title="${step}">${row * step}</li>`)
      const shape = step % 2 === 0 ? html`<i>even</i>` : html`<b>odd</b>`
      return html`<button @click="next" l-loading-text="…" class="step-${step}" ?data-odd=${step % 2}>${step}</button>
        <a href="/page/${step}">link</a><p style="color: ${step % 2 ? 'red' : 'blue'}">style</p>
        <textarea>${step}</textarea><ul>${rows}</ul>${shape}${raw(`<em>raw ${step}</em>`)}
        <table>${rows.map(() => html`<tr><td>${step}</td></tr>`)}</table><svg><text>${step}</text></svg>`
    },
  })
}

const POLICIES = {
  "script-src 'self'; require-trusted-types-for 'script'": 'any policy may be made',
  "script-src 'self'; require-trusted-types-for 'script'; trusted-types loom-live": 'only ours may be made',
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types loom-live":
    'nothing else is allowed',
}

test.each(Object.entries(POLICIES))('%s suffices: %s', async (policy) => {
  const site = await serve('everything', everything, { 'content-security-policy': policy })
  const { page, errors } = await open(site)
  await live(page)
  for (const step of [1, 2, 3]) {
    await page.click('button')
    await page.waitForSelector(`button.step-${step}:text-is("${step}")`)
    expect(await page.locator('li').allInnerTexts()).toEqual([1, 2, 3].map((row) => String(row * step)))
    expect(await page.locator('em').innerText()).toBe(`raw ${step}`)
  }
  expect(await seen(page)).toEqual({ violations: [], ran: [] })
  expect(errors).toEqual([])
  await page.close()
})

test('where the page does not allow the policy, nothing is parsed past it', async () => {
  const policy = "script-src 'self'; require-trusted-types-for 'script'; trusted-types other"
  const site = await serve('everything', everything, { 'content-security-policy': policy })
  const { page } = await open(site)
  await page.waitForFunction(() => (window as unknown as { seen: Seen }).seen.violations.length > 0)
  const { violations, ran } = await seen(page)
  expect(violations.every((directive) => /trusted-types/.test(directive))).toBe(true)
  expect(ran).toEqual([])
  // What was there before stays.
  expect(await page.locator('[data-l-live] button').innerText()).toBe('0')
  await page.close()
})

test('neither the page nor the script needs what a policy forbids', async () => {
  const { loom } = testLoom()
  everything(loom)
  const page = `${await loom.mount('everything')}${loom.script()}`
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)/)
  expect(page).not.toMatch(/\son\w+\s*=|javascript:/i)
  const site = await serve('everything', everything, {})
  const source = /src="([^"]+)"/.exec(site.loom.script())?.[1] ?? ''
  const script = await (await fetch(site.origin + source)).text()
  expect(script).not.toMatch(
    /\beval\b|\bnew Function\b|\bFunction\(|setTimeout\(["'`]|document\.write|insertAdjacentHTML|outerHTML\s*=(?!=)/,
  )
  // The one place that parses, behind the policy; to read it is harmless.
  expect(script.match(/innerHTML\s*=(?!=)/g)).toHaveLength(1)
})

const HOSTILE = [
  '<script>run("script")</script>',
  '<img src=x onerror=run("img")>',
  '"><img src=x onerror=run("double")>',
  "'><img src=x onerror=run('single')>",
  '</textarea><img src=x onerror=run("textarea")>',
  '</title></style></script><img src=x onerror=run("end")>',
  '" onfocus=run("attribute") autofocus="',
  "' onfocus=run('attribute') autofocus='",
  'javascript:run("url")',
  'java\nscript:run("url")',
  '--><img src=x onerror=run("comment")>',
  '&lt;img src=x onerror=run("reference")&gt;',
  '&quot;><img src=x onerror=run("reference")>',
  '<svg onload=run("svg")>',
  ']]><img src=x onerror=run("cdata")>',
  'red;background:url(javascript:run("style"))',
  '${run("template")}{{run("template")}}',
  '\u2028<iframe srcdoc="<script>parent.run(1)</script>">',
]

/** Shows a value in every kind of place: one from the first page on, another after a click. */
function hostile(first: string, then: string) {
  return (loom: Loom): void => {
    loom.register('hostile', {
      props: { value: first },
      handle: { change: () => ({ value: then }) },
      render: ({ value }) => html`<button @click="change" data-l-value="${value}">go</button>
        <p title="${value}" class='a ${value} b' data-x="${value}">${value}</p>
        <a href="${value}">link</a><a href='/x?${value}'>link</a><img src="${value}" alt="${value}" srcset="${value} 2x">
        <p style="color: ${value}">style</p><textarea>${value}</textarea><input value="${value}" ?hidden=${value}>
        <ul>${[value, value].map((one) => html`<li id="${one}">${one}</li>`)}</ul>
        <svg><a xlink:href="${value}"><title>${value}</title></a></svg><p hidden>end</p>`,
    })
  }
}

/** The elements with their attributes' names: what no value may change. */
const structure = (page: Page) =>
  page.evaluate(() =>
    [...(document.querySelector('[data-l-live]') as Element).querySelectorAll('*')].map((element) =>
      [element.localName, ...element.getAttributeNames().sort()].join(' '),
    ),
  )

test('no value breaks out of any kind of place, in the first page or in a patch', async () => {
  const look = async (page: Page, value: string, expected: string[]): Promise<void> => {
    await page.waitForFunction((text) => document.querySelector('p')?.textContent === text, value)
    expect(await structure(page)).toEqual(expected)
    expect(await page.locator('textarea').inputValue()).toBe(value)
    const addresses = await page.evaluate(() =>
      [...document.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? link.getAttribute('xlink:href')),
    )
    expect(addresses).toHaveLength(3)
    for (const address of addresses) expect(address).not.toMatch(/^\s*j\s*a\s*v\s*a\s*s/i)
    expect((await seen(page)).ran).toEqual([])
  }
  const calm = await open(await serve('hostile', hostile('x', 'y'), {}))
  await live(calm.page)
  const expected = await structure(calm.page)
  expect(expected).toHaveLength(15)
  await look(calm.page, 'x', expected)
  await calm.page.close()
  for (const value of HOSTILE) {
    const { page, errors } = await open(await serve('hostile', hostile(value, 'x'), {}))
    await look(page, value, expected)
    await live(page)
    await look(page, value, expected)
    await page.close()
    const patched = await open(await serve('hostile', hostile('x', value), {}))
    await live(patched.page)
    await patched.page.click('button')
    await look(patched.page, value, expected)
    await patched.page.close()
    expect([...errors, ...patched.errors]).toEqual([])
  }
}, 120_000)

test('a page of another site cannot connect with its visitor’s cookies, and our own can', async () => {
  const site = await serve('everything', everything, { 'set-cookie': 'session=1' })
  const foreign = createServer((_, response) => response.end('<!doctype html>'))
  await listen(foreign)
  const { page } = await open(site)
  const connects = (address: string) =>
    page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url)
          socket.onopen = () => resolve('open')
          socket.onerror = () => resolve('refused')
        }),
      address,
    )
  expect(await connects(site.url())).toBe('open')
  const address = foreign.address()
  await page.goto(`http://localhost:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`)
  expect(await connects(site.url())).toBe('refused')
  expect(await connects(site.url().replace('127.0.0.1', 'localhost'))).toBe('refused')
  await page.close()
})
