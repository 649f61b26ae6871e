/** HTML of users, sanitized by the real DOMPurify in a real browser, shown on a page of the real server. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { html, raw, sanitized, type Loom } from 'loom-live'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { Site, testLoom } from '../support/site'
import { until } from '../support/until'

const PURIFY = readFileSync(join(__dirname, '../../node_modules/dompurify/dist/purify.min.js'), 'utf8')

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)

afterAll(() => browser.close())

declare global {
  interface Window {
    DOMPurify: { sanitize(html: string, options?: object): string }
  }
}

const bindings = (write = (name: string) => name) =>
  ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']
    .map((type) => write(`data-l-${type}="bad"`))
    .join(' ')

/** What users write, with a token of somebody's component. */
const hostile = (token: string): string[] => [
  `<b ${bindings()}>x</b>`,
  `<B ${bindings((name) => name.toUpperCase().replace('BAD', 'bad'))}>x</B>`,
  `<p title="a>b"${bindings()}>x</p><i/${bindings()}>x</i>`,
  `<div data-l-live="shows" data-l-ws="/loom/ws" data-l-token="${token}"><b data-l-click="bad">x</b></div>`,
  `<svg><a ${bindings()}><text>x</text></a><style><b ${bindings()}>x</b></style><title><b ${bindings()}></b></title></svg>`,
  `<math><mtext><b ${bindings()}>x</b></mtext></math><template><b ${bindings()}>x</b></template>`,
  `<table><tr><td ${bindings()}>x</td></tr></table><select><option ${bindings()}>x</option></select>`,
  `<form data-l-submit="bad"><input name="a" ${bindings()}><button ${bindings()}>x</button></form>`,
  '<label for="own">x</label><input name="admin" value="1" form="f"><button form="f" name="do" value="delete">x</button>',
  '<button popovertarget="menu">x</button><button commandfor="menu" command="toggle-popover">x</button>',
  '<p l-loading data-l-loading="own">seen</p>',
  `</div></div></section><b ${bindings()}>x</b><b title="`,
  'I write data-l-click="bad", l-loading and for = 1 in a text.',
]

const SANITIZER = { ALLOW_DATA_ATTR: false, FORBID_ATTR: ['for', 'form', 'popovertarget', 'commandfor'] }

/** The ways to show users' HTML that the README names; the last is what they are against. */
const WAYS = {
  'sanitized()': [{}, (clean: string) => sanitized(clean)],
  "DOMPurify's options": [SANITIZER, (clean: string) => raw(clean)],
  'data-l-ignore': [{}, (clean: string) => html`<div data-l-ignore>${raw(clean)}</div>`],
  nothing: [{}, (clean: string) => raw(clean)],
} as const

interface Shown {
  site: Site
  page: Page
  handled: string[]
  clean: string[]
}

/** A page that shows all of it: at once, or with the first click. */
async function shown(way: keyof typeof WAYS, at: 'first' | 'patch'): Promise<Shown> {
  const [options, show] = WAYS[way]
  const { loom } = testLoom()
  const handled: string[] = []
  const clean: string[] = []
  register(loom, handled, () => clean.map((one) => html`<section>${show(one)}</section>`))
  const middleware = loom.express()
  const server = createServer((request, response) => {
    middleware(request, response, () => {
      void loom.mount('shows', { isShown: at === 'first' }, { request }).then((mounted) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end(`<!doctype html><title>page</title><div id="menu" popover>menu</div>${mounted}${loom.script()}`)
      })
    })
  })
  loom.attach(server)
  const site = await Site.of(loom, server)
  const page = await browser.newPage()
  page.setDefaultTimeout(10_000)
  await page.setContent('<p>')
  await page.evaluate(PURIFY)
  const token = await site.token('shows', { isShown: false })
  clean.push(
    ...(await page.evaluate(([all, opts]) => all.map((one) => window.DOMPurify.sanitize(one, opts)), [
      hostile(token),
      options,
    ] as const)),
  )
  await page.goto(`${site.origin}/`)
  await page.waitForSelector('[data-l-state=live]')
  await page.click('#last')
  await until('the first event', () => handled.length === 1)
  await page.waitForFunction((count) => document.querySelectorAll('#users > section').length >= count, clean.length)
  return { site, page, handled, clean }
}

function register(loom: Loom, handled: string[], users: () => unknown): void {
  loom.register<{ isShown: boolean; form?: string }>('shows', {
    props: { isShown: false },
    handle: {
      bad: () => void handled.push('bad'),
      last: () => {
        handled.push('last')
        return { isShown: true }
      },
      save: (_, event) => void handled.push(String(event.value)),
      ticked: () => void handled.push('ticked'),
    },
    render: ({
      isShown,
    }) => html`<form id="f" data-l-submit="save"><input name="a" value="1"><button id="send">x</button></form>
      <input type="checkbox" id="own" data-l-click="ticked"><div id="users">${isShown && users()}</div><button id="last" data-l-click="last">x</button>`,
  })
}

/** All that can happen at what users have written. */
async function provoke(page: Page): Promise<void> {
  await page.evaluate(() => {
    addEventListener('submit', (event) => event.preventDefault())
    for (const element of document.querySelectorAll<HTMLElement>('#users > section *')) {
      for (const name of ['click', 'input', 'change', 'keydown', 'keyup', 'focusin', 'focusout']) {
        element.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }))
      }
      if (element.click) element.click()
    }
  })
}

/** What the page's own buttons bring, after all of it. */
async function atLast({ page, handled }: Shown): Promise<string[]> {
  const { length } = handled
  await page.click('#send')
  await page.click('#last')
  await until('the last event', () => handled.slice(length).includes('last'))
  return handled
}

describe.each(['first', 'patch'] as const)('in a page (%s)', (at) => {
  test.each(['sanitized()', "DOMPurify's options", 'data-l-ignore'] as const)(
    '%s: nothing in it reaches a handler or joins',
    async (way) => {
      const all = await shown(way, at)
      const { page, site } = all
      await provoke(page)
      expect(await atLast(all)).toEqual(['last', 'a=1', 'last'])
      expect(site.loom.stats().components).toBe(1)
      expect(await page.locator('#users [data-l-state]').count()).toBe(0)
      expect(await page.isChecked('#own')).toBe(false)
      if (way !== 'data-l-ignore') expect(await page.locator('#menu').isVisible()).toBe(false)
      await page.close()
    },
  )

  test('without any of them it would', async () => {
    const all = await shown('nothing', at)
    await provoke(all.page)
    expect(await atLast(all)).toContain('bad')
    await until('the other component', () => all.site.loom.stats().components > 1)
    await all.page.close()
  })

  test('sanitized() shows what the sanitizer let through', async () => {
    const { page, clean } = await shown('sanitized()', at)
    const texts = await page.evaluate((all) => {
      const { body } = new DOMParser().parseFromString(
        all.map((one) => `<section>${one}</section>`).join(''),
        'text/html',
      )
      const textOf = (root: ParentNode) => [...root.querySelectorAll('section')].map(({ textContent }) => textContent)
      return [textOf(body), textOf(document.querySelector('#users') as Element)]
    }, clean)
    expect(texts[1]).toEqual(texts[0])
    await page.close()
  })
})

test('what was cut off after it was sanitized is shown as text, and takes nothing of the page with it', async () => {
  const { loom, log } = testLoom()
  loom.register('cut', {
    handle: {},
    props: {},
    render: () => html`<p>${sanitized('<b>a</b><i title="')}</p><p>${' data-l-click=bad '}</p>`,
  })
  const page = await loom.mount('cut')
  expect(page).toContain('<p>&lt;b&gt;a&lt;/b&gt;&lt;i title=&quot;</p><p> data-l-click=bad </p>')
  expect(log.errors).toEqual([])
})

test.each([undefined, null, 7, {}, ['<b>']])('sanitized(%p) is an error', (value) => {
  expect(() => sanitized(value as never)).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
})
