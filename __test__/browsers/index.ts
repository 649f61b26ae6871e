/**
 * Tests in three browsers: Chromium, Firefox and WebKit (GTK).
 *
 *     eachBrowser('a click counts', async (page) => {       // one test for each browser; `page` is fresh
 *       await page.goto(site.url)                           // any server on 127.0.0.1: see live.ts for one with a loom
 *       await page.settled()                                // all components are joined and nothing is on its way
 *       await page.click('button')                          // a real click; page.type(selector, text), page.press('Enter')
 *       await page.shows('output', '1')                     // waits; page.until(() => …) waits for anything
 *       expect(await page.evaluate((name) => document.querySelector(name)?.id, 'p')).toBe('x')  // runs in the page
 *     })
 *
 * A file has one process of each browser, and another one if some of its tests are `{ isDark: true }`. `eachBrowser(name, test, { only: ['chromium'] })` leaves browsers out; a
 * comment says why. Browsers that are not on the machine are skipped; with LOOM_TEST_ALL=1 that is a failure.
 * `LOOM_BROWSERS=firefox npx jest __test__/browsers` runs one of them.
 */

import { passOver, TESTS_ALL } from '../support/passed_over'
import { launchChromium, launchFirefox, firefoxPath } from './puppeteer'
import { launchWebKit, webkitPrograms } from './webkit'
import type { Browser, Page } from './page'

export type { Browser, Page }

export type BrowserName = 'chromium' | 'firefox' | 'webkit'

interface Kind {
  launch(isDark: boolean): Promise<Browser>
  isHere(): boolean
  /** How it is had on Debian. */
  packages: string
}

export const BROWSERS: Record<BrowserName, Kind> = {
  // From a package of npm's: it is always here.
  chromium: { launch: launchChromium, isHere: () => true, packages: '' },
  firefox: { launch: launchFirefox, isHere: () => firefoxPath() !== undefined, packages: 'firefox-esr' },
  webkit: { launch: launchWebKit, isHere: () => webkitPrograms() !== undefined, packages: 'webkit2gtk-driver xvfb' },
}

const NAMES = Object.keys(BROWSERS) as BrowserName[]
const LAUNCH_MS = 60_000

/** Which of them the tests are to run in. */
function wanted(): BrowserName[] {
  const list = process.env['LOOM_BROWSERS']
  if (!list) return NAMES
  const names = list.split(',')
  for (const name of names)
    if (!(name in BROWSERS))
      throw new Error(`LOOM_BROWSERS names an unknown browser, ${name}: it may be ${NAMES.join(', ')}`)
  return names as BrowserName[]
}

const running = new Map<string, Promise<Browser>>()

afterAll(async () => {
  for (const browser of running.values())
    await browser.then(
      (one) => one.close(),
      () => undefined,
    )
  running.clear()
}, LAUNCH_MS)

/** The file's process of this browser, whose users prefer the dark or the light. */
function browserOf(name: BrowserName, isDark: boolean): Promise<Browser> {
  const key = `${name} ${isDark ? 'dark' : 'light'}`
  let browser = running.get(key)
  if (!browser) running.set(key, (browser = BROWSERS[name].launch(isDark)))
  return browser
}

export interface EachOptions {
  only?: readonly BrowserName[]
  timeout?: number
  /** The browser tells pages that its user prefers a dark page. */
  isDark?: boolean
}

export function eachBrowser(
  name: string,
  run: (page: Page, browser: BrowserName) => Promise<void>,
  { only = NAMES, timeout = LAUNCH_MS, isDark = false }: EachOptions = {},
): void {
  for (const browser of wanted().filter((one) => only.includes(one))) {
    const { isHere, packages } = BROWSERS[browser]
    const title = `${name} (${browser}${isDark ? ', dark' : ''})`
    if (!isHere() && !TESTS_ALL) {
      passOver(`The browser tests were not run in ${browser}`, packages)
      test.skip(title, () => undefined)
      continue
    }
    test(
      title,
      async () => {
        if (!isHere()) throw new Error(`${browser} is not on this machine; on Debian: apt-get install ${packages}`)
        const page = await (await browserOf(browser, isDark)).newPage()
        try {
          await run(page, browser)
        } finally {
          await page.close()
        }
      },
      timeout,
    )
  }
}
