/** Chromium by its own protocol and Firefox by WebDriver BiDi: puppeteer speaks both. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { launch, type Browser as Puppeteer, type BrowserContext, type KeyInput, type Page as Tab } from 'puppeteer-core'
import { ARGS, executablePath } from '../browser'
import { Page, PATIENCE_MS, STEP_MS, stepsBetween, type Browser, type InPage } from './page'

class PuppeteerPage extends Page {
  constructor(
    private readonly tab: Tab,
    private readonly context: BrowserContext,
  ) {
    super()
    tab.setDefaultTimeout(PATIENCE_MS)
  }

  async goto(url: string): Promise<void> {
    await this.tab.goto(url)
  }

  async back(): Promise<void> {
    // What comes out of the back/forward cache does not load, for which puppeteer would wait.
    await this.tab.goBack({ waitUntil: [] as never })
  }

  async forward(): Promise<void> {
    await this.tab.goForward({ waitUntil: [] as never })
  }

  async reload(): Promise<void> {
    await this.tab.reload()
  }

  evaluate<Given extends unknown[], Result>(work: InPage<Given, Result>, ...given: Given): Promise<Result> {
    return this.tab.evaluate(work as (...given: unknown[]) => Result, ...given) as Promise<Result>
  }

  async click(selector: string): Promise<void> {
    await this.tab.click(selector)
  }

  async drag(from: string, to: string): Promise<void> {
    const [start, end] = [await this.middleOf(from), await this.middleOf(to)]
    const { mouse } = this.tab
    await mouse.move(...start)
    await mouse.down()
    for (const [x, y] of stepsBetween(start, end)) {
      await mouse.move(x, y)
      await new Promise((resolve) => setTimeout(resolve, STEP_MS))
    }
    await mouse.up()
  }

  async press(key: string): Promise<void> {
    const names = key.split('+').map((name) => (name === 'Space' ? ' ' : name)) as KeyInput[]
    const last = names.pop() as KeyInput
    for (const held of names) await this.tab.keyboard.down(held)
    await this.tab.keyboard.press(last)
    for (const held of names.reverse()) await this.tab.keyboard.up(held)
  }

  async keys(text: string): Promise<void> {
    await this.tab.keyboard.type(text)
  }

  async resize(width: number, height: number): Promise<void> {
    await this.tab.setViewport({ width, height })
  }

  async run(script: string): Promise<void> {
    await this.tab.evaluate(script)
  }

  screenshot(): Promise<Uint8Array> {
    return this.tab.screenshot()
  }

  async close(): Promise<void> {
    await this.context.close()
  }
}

class PuppeteerBrowser implements Browser {
  constructor(private readonly browser: Puppeteer) {}

  /** With cookies and storage of its own. */
  async newPage(): Promise<Page> {
    const context = await this.browser.createBrowserContext()
    const tab = await context.newPage()
    await tab.bringToFront()
    return new PuppeteerPage(tab, context)
  }

  close(): Promise<void> {
    return this.browser.close()
  }
}

export async function launchChromium(isDark: boolean): Promise<Browser> {
  const scheme = `--blink-settings=preferredColorScheme=${isDark ? 0 : 1}`
  const options = { executablePath: await executablePath(), args: [...ARGS, scheme] }
  return new PuppeteerBrowser(await launch({ ...options, ignoreDefaultArgs: ['--disable-back-forward-cache'] }))
}

/** Where Firefox is; undefined if it is not on this machine. */
export function firefoxPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':')
  return ['firefox-esr', 'firefox']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path))
}

export async function launchFirefox(isDark: boolean): Promise<Browser> {
  const path = firefoxPath()
  if (path === undefined) throw new Error('Firefox is not on this machine')
  // 0 is dark, 1 is light.
  const extraPrefsFirefox = { 'layout.css.prefers-color-scheme.content-override': isDark ? 0 : 1 }
  const options = { executablePath: path, headless: true, extraPrefsFirefox }
  return new PuppeteerBrowser(await launch({ browser: 'firefox', ...options }))
}
