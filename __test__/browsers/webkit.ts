/** WebKitGTK's MiniBrowser by WebDriver, on a display of its own. */

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Builder, By, Capabilities, Key, type WebDriver } from 'selenium-webdriver'
import { freePort } from '../support/process'
import { Page, PATIENCE_MS, STEP_MS, stepsBetween, type Browser, type InPage } from './page'

interface Programs {
  driver: string
  display: string
  browser: string
}

/** Where its programs are; undefined if one of them is not on this machine. */
export function webkitPrograms(): Programs | undefined {
  const folders = (process.env['PATH'] ?? '').split(':')
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  const libraries = [
    '/usr/lib',
    ...(existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`) : []),
  ]
  const browser = libraries
    .flatMap((folder) =>
      ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map((name) => join(folder, name, 'MiniBrowser')),
    )
    .find((path) => existsSync(path))
  const driver = find('WebKitWebDriver')
  const display = find('Xvfb')
  return driver && display && browser ? { driver, display, browser } : undefined
}

class WebKitPage extends Page {
  constructor(
    private readonly driver: WebDriver,
    private readonly handle: string,
  ) {
    super()
  }

  async goto(url: string): Promise<void> {
    await this.driver.get(url)
  }

  async back(): Promise<void> {
    await this.driver.navigate().back()
  }

  async forward(): Promise<void> {
    await this.driver.navigate().forward()
  }

  async reload(): Promise<void> {
    await this.driver.navigate().refresh()
  }

  async evaluate<Given extends unknown[], Result>(work: InPage<Given, Result>, ...given: Given): Promise<Result> {
    // By JSON, in which what is undefined is left out: WebDriver would give null.
    const script = `const done = arguments[arguments.length - 1]
      Promise.resolve().then(() => (${String(work)})(...JSON.parse(arguments[0]))).then(
        (result) => done(JSON.stringify({ result })),
        (error) => done(JSON.stringify({ error: String(error && error.stack ? error + error.stack : error) })))`
    const told = await this.driver.executeAsyncScript<string>(script, JSON.stringify(given))
    const { result, error } = JSON.parse(told) as { result: Result; error?: string }
    if (error !== undefined) throw new Error(error)
    return result
  }

  async click(selector: string): Promise<void> {
    await this.driver.findElement(By.css(selector)).click()
  }

  async drag(from: string, to: string): Promise<void> {
    const [start, end] = [await this.middleOf(from), await this.middleOf(to)]
    const actions = this.driver.actions().move({ x: start[0], y: start[1] }).press()
    for (const [x, y] of stepsBetween(start, end)) actions.move({ x, y, duration: 0 }).pause(STEP_MS)
    await actions.release().perform()
  }

  async press(key: string): Promise<void> {
    const names = key.split('+').map((name) => SPECIAL[name] ?? name)
    const last = names.pop() as string
    const actions = this.driver.actions()
    for (const held of names) actions.keyDown(held)
    actions.keyDown(last).keyUp(last)
    for (const held of names.reverse()) actions.keyUp(held)
    await actions.perform()
  }

  async keys(text: string): Promise<void> {
    await this.driver.actions().sendKeys(text).perform()
  }

  async resize(width: number, height: number): Promise<void> {
    // A window is a little larger than the page in it.
    const window = this.driver.manage().window()
    await window.setRect({ width: 2 * width, height })
    // The page hears of a new size a moment after its window does; what is measured in between is no bar.
    const bars = await this.until(() => {
      const [wide, high] = [outerWidth - innerWidth, outerHeight - innerHeight]
      return [wide, high].every((bar) => bar >= 0 && bar <= 200) ? { wide, high } : undefined
    })
    await window.setRect({ width: width + bars.wide, height: height + bars.high })
  }

  async run(script: string): Promise<void> {
    await this.driver.executeScript(script)
  }

  async screenshot(): Promise<Uint8Array> {
    return Buffer.from(await this.driver.takeScreenshot(), 'base64')
  }

  async close(): Promise<void> {
    // The browser ends with its last window, so there is always an empty one.
    const handles = await this.driver.getAllWindowHandles()
    if (!handles.includes(this.handle)) return
    await this.driver.close()
    const rest = handles.find((handle) => handle !== this.handle)
    if (rest !== undefined) await this.driver.switchTo().window(rest)
  }
}

/** `KeyboardEvent.key` in WebDriver's private letters. */
const SPECIAL: Record<string, string | undefined> = {
  Enter: Key.ENTER,
  Tab: Key.TAB,
  Escape: Key.ESCAPE,
  Backspace: Key.BACK_SPACE,
  Delete: Key.DELETE,
  Shift: Key.SHIFT,
  Control: Key.CONTROL,
  Alt: Key.ALT,
  Home: Key.HOME,
  End: Key.END,
  PageUp: Key.PAGE_UP,
  PageDown: Key.PAGE_DOWN,
  ArrowUp: Key.ARROW_UP,
  ArrowDown: Key.ARROW_DOWN,
  ArrowLeft: Key.ARROW_LEFT,
  ArrowRight: Key.ARROW_RIGHT,
  Space: ' ',
}

class WebKitBrowser implements Browser {
  constructor(
    private readonly driver: WebDriver,
    private readonly programs: ChildProcess[],
  ) {}

  async newPage(): Promise<Page> {
    await this.driver.switchTo().newWindow('window')
    return new WebKitPage(this.driver, await this.driver.getWindowHandle())
  }

  async close(): Promise<void> {
    await this.driver.quit().catch(() => undefined)
    for (const program of this.programs.reverse()) program.kill()
  }
}

/** Xvfb says on a pipe which display it has taken. */
async function startDisplay(path: string): Promise<{ process: ChildProcess; display: string }> {
  const parameters = ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp']
  const process = spawn(path, parameters, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const number = await new Promise<string>((resolve, reject) => {
    process.stdio[3]?.once('data', (text: Buffer) => resolve(text.toString().trim()))
    process.once('error', reject)
    process.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
  })
  return { process, display: `:${number}` }
}

async function answers(url: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    if (
      await fetch(`${url}/status`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
    if (Date.now() > end) throw new Error(`Expected WebKitWebDriver to answer at ${url}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function launchWebKit(isDark: boolean): Promise<Browser> {
  const found = webkitPrograms()
  if (found === undefined) throw new Error('WebKitGTK is not on this machine')
  const { process: screen, display } = await startDisplay(found.display)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const driver = spawn(found.driver, ['--host=127.0.0.1', `--port=${port}`], {
    stdio: 'ignore',
    // Its sandbox does not work for root, nor in most containers. The pages are the tests' own.
    env: {
      ...process.env,
      DISPLAY: display,
      GDK_BACKEND: 'x11',
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      NO_AT_BRIDGE: '1',
      // Pages are told what the desktop's theme is.
      GTK_THEME: isDark ? 'Adwaita:dark' : 'Adwaita',
    },
  })
  const programs = [screen, driver]
  try {
    await answers(url)
    const capabilities = new Capabilities({
      browserName: 'MiniBrowser',
      'webkitgtk:browserOptions': { binary: found.browser, args: ['--automation'] },
    })
    const session = await new Builder().usingServer(url).withCapabilities(capabilities).build()
    await session.manage().setTimeouts({ script: PATIENCE_MS, pageLoad: 2 * PATIENCE_MS })
    return new WebKitBrowser(session, programs)
  } catch (error) {
    for (const program of programs) program.kill()
    throw error
  }
}
