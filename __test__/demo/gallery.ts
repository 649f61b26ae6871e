/** The gallery as a user has it: the demo's server in a process of its own, and a page of it in each of the browsers. */

import axe from 'axe-core'
import type { Page as PlaywrightPage } from 'playwright-core'
import { launchBrowser } from '../browser'
import { eachBrowser, type Page } from '../browsers/index'
import { atEnd } from '../support/cleanup'
import { Proxy } from '../support/proxy'
import { freePort, type ServerProcess } from '../support/process'
import { Demo } from './demo'

/** How long everything takes, there as well as back. */
const LATENCY_MS = 200
/** A telephone. */
const NARROW = [360, 740] as const
/** WebKit's test browser has a bar that cannot be narrower. */
const NARROWEST = 450
/** More than any page has places for the focus. */
const MOST_TABS = 60

declare global {
  interface Window {
    axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
  }
}

export class Gallery {
  server!: ServerProcess

  /** `path`: of the page under test. `env`: of the server. */
  constructor(
    private readonly path: string,
    private readonly env: NodeJS.ProcessEnv = {},
  ) {
    beforeAll(async () => {
      this.server = await Demo.startServer(await freePort(), this.env)
    }, 60_000)
    afterAll(async () => {
      await this.server.stop()
    })
  }

  /** Loads the page, and waits until it is live. */
  async open(page: Page, url = this.server.url): Promise<void> {
    await page.goto(`${url}${this.path}`)
    await page.settled()
  }

  /** The same over a slow network. */
  async openSlowly(page: Page): Promise<Proxy> {
    const proxy = await Proxy.to(this.server.port, { latency: LATENCY_MS })
    await this.open(page, proxy.url)
    return proxy
  }

  /** The page in a Chromium whose user has switched JavaScript off. */
  async openWithoutScript(): Promise<PlaywrightPage> {
    const browser = await launchBrowser()
    atEnd(() => browser.close())
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await page.goto(`${this.server.url}${this.path}`)
    return page
  }

  async kill(page: Page): Promise<void> {
    await this.server.stop('SIGKILL')
    await page.until(() => document.querySelector('[data-l-state=offline]') !== null)
  }

  /** Another process at the same place. */
  async startAgain(page: Page): Promise<void> {
    this.server = await Demo.startServer(this.server.port, this.env)
    await page.settled()
  }
}

/** Presses Tab until the element has the focus, which the browser shows then. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    const [isThere, isShown] = await page.evaluate((wanted) => {
      const focused = document.activeElement
      return [focused?.matches(wanted) ?? false, focused?.matches(':focus-visible') ?? false]
    }, selector)
    if (isThere) {
      // If it had the focus before, a click may have given it.
      expect([selector, isShown || tabs === 0]).toEqual([selector, true])
      return
    }
    await page.press('Tab')
  }
  throw new Error(`Expected Tab to reach ${selector}`)
}

/** Waits until the element has the focus. */
export async function focused(page: Page, selector: string): Promise<void> {
  await page.until((wanted) => document.activeElement?.matches(wanted), selector)
}

/** Waits until there are so many. */
export async function count(page: Page, selector: string, many: number): Promise<void> {
  await page.until((what, many) => document.querySelectorAll(what).length === many, selector, many)
}

/** The messages beside the fields, by the ids of the fields. */
export function messages(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('.loom-error')].map(({ id, textContent }) => [
        id.replace(/-error$/, ''),
        textContent,
      ]),
    ),
  )
}

/** Fails if anybody cannot use what is shown now. */
export async function isForEveryone(page: Page): Promise<void> {
  await page.run(axe.source)
  const violations = await page.evaluate(async () =>
    (await window.axe.run()).violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
  )
  expect(violations).toEqual([])
}

/** A test of a page that is light, and one of the page that is dark. */
export function inLightAndDark(name: string, run: (page: Page) => Promise<void>): void {
  for (const isDark of [false, true])
    eachBrowser(
      name,
      async (page) => {
        await run(page)
        expect(await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches)).toBe(isDark)
      },
      { isDark },
    )
}

/** The same on a narrow screen, where nothing has to be scrolled sideways and each control is as large as a finger. */
export async function isForPhones(page: Page): Promise<void> {
  await page.resize(...NARROW)
  await page.until((most) => innerWidth <= most, NARROWEST)
  await isForEveryone(page)
  const found = await page.evaluate(() => {
    const name = (element: Element): string => `${element.localName} ${element.id || element.className}`
    const shown = [...document.querySelectorAll('button, input, select, textarea')].filter((one) =>
      one.checkVisibility(),
    )
    const wide = [document.documentElement, ...document.querySelectorAll('.card, dialog, form, fieldset, table')]
    return {
      wide: wide.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(name),
      // Of a box to tick the label counts, too.
      small: shown
        .filter((one) => {
          const { width, height } = (one.closest('.choice') ?? one).getBoundingClientRect()
          return Math.min(width, height) < 44
        })
        .map(name),
    }
  })
  expect(found).toEqual({ wide: [], small: [] })
}
