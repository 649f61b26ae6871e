/** What a page says of itself when it is offline, has failed or is out of date; and under which policies it lives. */

import { html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage, type LiveOptions, type LivePage } from './live'

interface Counter {
  count: number
}

const counter: LiveModule<Counter> = {
  props: { count: 0 },
  handle: { more: ({ count }) => ({ count: count + 1 }) },
  render: ({ count }) => html`<button @click="more">more</button><output>${count}</output>`,
}

const RECORDER =
  '<script>errors = []; addEventListener("loom:error", (event) => errors.push(event.detail.message))</script>'

const errors = (page: Page) => page.evaluate(() => (window as unknown as { errors: string[] }).errors)

const state = (page: Page, wanted: string) =>
  page.until((what) => document.querySelector('[data-l-live]')?.getAttribute('data-l-state') === what, wanted)

/** What the page says of itself, and to whom. */
const status = (page: Page, wanted: string) =>
  page.until((what) => document.querySelector('.loom-status')?.getAttribute('data-l-status') === what, wanted)

const says = (page: Page) => page.text('.loom-status')

/** What screen readers have been told so far. */
const said = (page: Page) => page.text('[data-l-said]')

const isSeen = (page: Page) =>
  page.evaluate(() => {
    const { width, height } = (document.querySelector('.loom-status') as Element).getBoundingClientRect()
    return (
      width > 50 &&
      height > 10 &&
      getComputedStyle(document.querySelector('.loom-status') as Element).position === 'fixed'
    )
  })

/** A page whose server has another secret now. */
async function outOfDate(options: LiveOptions<Counter> = {}): Promise<LivePage> {
  const before = await livePage(counter, { options: { secret: 'another secret of thirty-two bytes' } })
  const [container = ''] = /<div data-l-live[^>]*>/.exec(await (await fetch(before.url)).text()) ?? []
  return livePage(counter, {
    around: (component) => component.replace(/<div data-l-live[^>]*>/, container),
    ...options,
  })
}

eachBrowser('a page that is offline says so, and that it is back', async (page) => {
  const { url, loom } = await livePage(counter)
  await page.goto(url)
  await page.settled()
  expect(await says(page)).toBe('')
  // As long as nobody may come back.
  await loom.close({ timeout: 0 })
  await status(page, 'offline')
  expect(await says(page)).toMatch(/^Connection lost\.(Trying again…|Trying again in \d+ s\.)Try now$/)
  expect(await isSeen(page)).toBe(true)
  expect(await said(page)).toBe('Connection lost.')
  await page.evaluate(() => document.querySelector('[data-l-live]')?.setAttribute('data-l-state', 'live'))
  await status(page, '')
  expect(await says(page)).toBe('')
  expect(await said(page)).toMatch(/Connected again\.$/)
})

eachBrowser('it counts the seconds to the next try, which the user need not wait for', async (page) => {
  const { url, loom } = await livePage(counter)
  await page.goto(url)
  await page.settled()
  await loom.close({ timeout: 0 })
  await status(page, 'offline')
  // The page has a wait of its own, and hears of a try before that.
  await page.evaluate(() => {
    const { random } = Math
    Object.assign(window, { retries: 0 })
    addEventListener('loom:retry', () => (window as unknown as { retries: number }).retries++)
    Math.random = () => 1
    setTimeout(() => (Math.random = random), 5_000)
    dispatchEvent(new CustomEvent('loom:connect'))
  })
  await page.until(() => (window as unknown as { retries: number }).retries === 1)
  const left = await page.until(
    () => /in ([2-9]|10) s/.exec(document.querySelector('.loom-status')?.textContent ?? '')?.[1],
  )
  await page.until(
    (left) => document.querySelector('.loom-status')?.textContent.includes(`in ${Number(left) - 1} s`) === true,
    left,
  )
  await page.click('.loom-status button')
  await page.until(() => (window as unknown as { retries: number }).retries >= 2)
  // Nobody is read the seconds.
  expect(await said(page)).not.toContain('in ')
})

/** What a socket's end would set. */
const becomes = (page: Page, state: string): Promise<unknown> =>
  page.evaluate((what) => document.querySelector('[data-l-live]')?.setAttribute('data-l-state', what), state)

eachBrowser('who used the bar by keyboard is where they were when it goes', async (page) => {
  const { url } = await livePage(counter)
  await page.goto(url)
  await page.settled()
  await page.focus('[data-l-live] button')
  await becomes(page, 'offline')
  await status(page, 'offline')
  await page.focus('.loom-status button')
  // The bar says something else now, and its button is the same.
  await becomes(page, 'error')
  await status(page, 'error')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Reload')
  await becomes(page, 'live')
  await status(page, '')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('more')
})

eachBrowser('a text has the language of its page: also after a link to a page in another one', async (page) => {
  const { url } = await livePage(counter)
  await page.goto(url)
  await page.settled()
  await becomes(page, 'offline')
  await status(page, 'offline')
  const languages = (): Promise<string[]> =>
    page.evaluate(() =>
      ['.loom-status > span', '.loom-status-wait', '.loom-status button'].map(
        (where) => document.querySelector(where)?.closest<HTMLElement>('[lang]')?.lang ?? '',
      ),
    )
  expect(await languages()).toEqual(['en', 'en', 'en'])
  await becomes(page, 'live')
  await status(page, '')
  // As the body of the next page brings it.
  await page.evaluate(() => {
    document.documentElement.lang = 'de'
    const script = document.querySelector<HTMLElement>('script[data-l-texts]')
    const texts = JSON.parse(script?.dataset['lTexts'] ?? '') as Record<string, unknown>
    const german = { ...texts, offline: 'Keine Verbindung.', lang: undefined }
    if (script) script.dataset['lTexts'] = JSON.stringify(german)
  })
  await becomes(page, 'offline')
  await status(page, 'offline')
  expect(await says(page)).toMatch(/^Keine Verbindung/)
  expect(await languages()).toEqual(['de', 'de', 'de'])
})

eachBrowser('a page that is out of date says so, and is loaded again by its button', async (page) => {
  const { url, requests } = await outOfDate()
  await page.goto(url)
  await status(page, 'expired')
  expect(await says(page)).toBe('This page is out of date.Reload')
  expect(await isSeen(page)).toBe(true)
  await state(page, 'error')
  await page.click('.loom-status button')
  await page.until(() => performance.getEntriesByType('navigation')[0]?.toJSON().type === 'reload')
  expect(requests).toEqual(['GET /', 'GET /'])
})

eachBrowser('a component that has failed is marked, and the page says so until it is gone', async (page) => {
  const { url } = await livePage({
    ...counter,
    authorize: (_, event) => {
      if (event === undefined) throw new Error('not for you')
      return true
    },
  })
  await page.goto(url)
  await status(page, 'error')
  expect(await says(page)).toBe('A part of this page has stopped working.Reload')
  expect(
    await page.evaluate(() => getComputedStyle(document.querySelector('[data-l-live]') as Element).outlineStyle),
  ).toBe('dashed')
  await page.evaluate(() => document.querySelector('[data-l-live]')?.remove())
  await status(page, '')
})

eachBrowser('the look is the page’s: its texts, its rules, or none of it', async (page) => {
  const texts = { expired: 'Diese Seite ist "veraltet" & alt.', reload: '<Neu> laden' }
  const style = '<style>.loom-status { position: static; } [data-l-state] { outline: none; }</style>'
  const own = await outOfDate({ script: { texts } })
  await page.goto(own.url)
  await status(page, 'expired')
  expect(await says(page)).toBe('Diese Seite ist "veraltet" & alt.<Neu> laden')
  const ruled = await outOfDate()
  await page.goto(ruled.url)
  await status(page, 'expired')
  await page.evaluate((sheet) => document.head.insertAdjacentHTML('beforeend', sheet), style)
  expect(await isSeen(page)).toBe(false)
  expect(
    await page.evaluate(() => getComputedStyle(document.querySelector('[data-l-live]') as Element).outlineStyle),
  ).toBe('none')
  const without = await outOfDate({ script: { status: false } })
  await page.goto(without.url)
  await state(page, 'error')
  expect(await page.evaluate(() => document.querySelectorAll('.loom-status, script[src*=status]').length)).toBe(0)
})

eachBrowser('a policy that forbids the connection is told at once, and once', async (page) => {
  const { url, loom } = await livePage(counter, {
    around: (component) => RECORDER + component,
    headers: { 'content-security-policy': "connect-src 'none'" },
  })
  await page.goto(url)
  await state(page, 'error')
  await status(page, 'error')
  expect(await errors(page)).toEqual([expect.stringContaining('connect-src')])
  // Nobody tries again.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)))
  expect(await errors(page)).toHaveLength(1)
  expect(loom.stats().connections).toBe(0)
})

eachBrowser('a policy that only reports, or forbids something else, forbids nothing', async (page) => {
  const { url } = await livePage(counter, {
    around: (component) => `${RECORDER}${component}<script>fetch('http://127.0.0.1:1/x').catch(() => 0)</script>`,
    headers: {
      'content-security-policy-report-only': "connect-src 'none'",
      'content-security-policy': "connect-src 'self' ws://127.0.0.1:*",
    },
  })
  await page.goto(url)
  await page.settled()
  await page.click('button')
  await page.shows('output', '1')
  expect(await errors(page)).toEqual([])
})

const STRICT =
  "default-src 'none'; script-src 'nonce-b2s' 'strict-dynamic'; connect-src 'self' ws:; img-src data:; base-uri 'none'"

eachBrowser('a policy of nonces with strict-dynamic and nothing inline', async (page) => {
  const { url } = await livePage(counter, {
    headers: { 'content-security-policy': STRICT },
    script: { nonce: 'b2s' },
  })
  await page.goto(url)
  await page.settled()
  await page.click('button')
  await page.shows('output', '1')
  await page.until(() => document.querySelector('.loom-status') !== null)
})

// WebKitGTK runs module scripts without a nonce all the same.
eachBrowser(
  'under the same policy a script without its nonce does not run',
  async (page) => {
    const { url } = await livePage(counter, { headers: { 'content-security-policy': STRICT } })
    await page.goto(url)
    await page.until(() => document.readyState === 'complete')
    expect(await page.evaluate(() => document.querySelectorAll('[data-l-state]').length)).toBe(0)
  },
  { only: ['chromium', 'firefox'] },
)

eachBrowser('the look needs nothing that a strict policy refuses', async (page) => {
  const { url } = await outOfDate({ headers: { 'content-security-policy': STRICT }, script: { nonce: 'b2s' } })
  await page.goto(url)
  await status(page, 'expired')
  expect(await isSeen(page)).toBe(true)
})
