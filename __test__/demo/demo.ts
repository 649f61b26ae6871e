/** The demo as a visitor has it: its own process, a real browser, and nothing that the browser complains of. */

import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { atEnd } from '../support/cleanup'
import { freePort, ServerProcess } from '../support/process'

const SCRIPT = join(__dirname, '../../examples/demo/server.mjs')

/** So that pages outlive a restart. */
const env = { LOOM_SECRET: 'a secret of at least thirty-two bytes' }

export const COMPONENTS = 7

declare global {
  interface Window {
    violations: string[]
  }
}

export class Demo {
  browser!: Browser
  server!: ServerProcess
  private problems: string[] = []
  private forgiven: RegExp[] = []

  constructor() {
    beforeAll(async () => {
      this.browser = await launchBrowser()
      this.server = await Demo.startServer(await freePort())
    }, 60_000)
    afterEach(() => {
      const forgiven = this.forgiven.splice(0)
      const problems = this.problems.splice(0)
      expect(problems.filter((problem) => !forgiven.some((pattern) => pattern.test(problem)))).toEqual([])
    })
    afterAll(async () => {
      await this.browser.close()
      await this.server.stop()
    })
  }

  /** `more`: of its environment. */
  static startServer(port: number, more: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    // A page that no browser joins for seconds, as on a busy machine, is a mistake to development, which says so.
    return ServerProcess.start(SCRIPT, port, { env: { ...env, ...more }, path: '/icon.svg' })
  }

  /** One that need not come up. */
  static runServer(port: number): ServerProcess {
    return new ServerProcess(SCRIPT, port, { env })
  }

  /** A page on which all components are live. */
  async open(options: BrowserContextOptions = {}): Promise<Page> {
    return this.openAt(this.server.url, options)
  }

  /** The same by another way to the server. */
  async openAt(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.blank(options)
    await page.goto(url)
    await live(page)
    return page
  }

  /** A second window of the same visitor. */
  async openBeside(page: Page): Promise<Page> {
    const beside = await this.watched(await page.context().newPage())
    await beside.goto(this.server.url)
    await live(beside)
    return beside
  }

  /** A page that has not gone anywhere. */
  async blank(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext(options)
    atEnd(() => context.close())
    return this.watched(await context.newPage())
  }

  private async watched(page: Page): Promise<Page> {
    // Before what it is connected through.
    atEnd(async () => {
      const violations = await page.evaluate(() => window.violations)
      this.problems.push(...violations.map((violation) => `policy: ${violation}`))
      await page.close()
    })
    page.setDefaultTimeout(10_000)
    page.on('console', (message) => {
      if (/error|warning/.test(message.type())) this.problems.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.problems.push(`uncaught: ${error.message}`))
    page.on('response', (response) => {
      if (response.status() >= 400) this.problems.push(`${response.status()}: ${response.url()}`)
    })
    await page.addInitScript(() => {
      window.violations = []
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        window.violations.push(`${violatedDirective} ${blockedURI}`)
      })
    })
    return page
  }

  /** For a test that breaks something on purpose. The browser may tell of it when the test is at its end. */
  forgiveProblems(pattern: RegExp): void {
    this.forgiven.push(pattern)
  }
}

/** Waits until every component is joined and has no event on its way. */
export async function live(page: Page): Promise<void> {
  await page.waitForFunction(
    (count) => document.querySelectorAll('[data-l-live][data-l-state="live"]').length === count,
    COMPONENTS,
  )
}

/** Waits until the element says this. */
export async function shows(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.trim() === what, [
    selector,
    text,
  ] as const)
}
