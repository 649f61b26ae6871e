import type { Page } from 'playwright-core'
import { Proxy } from '../support/proxy'
import { Demo, live, shows } from './demo'

const demo = new Demo()
const more = 'button[aria-label="One more"]'

/** What the demo's own tests do not forgive: that connections were refused or broke. */
const broken = /WebSocket connection to|ERR_/

function clickAt(page: Page, times: number, every: number): Promise<void> {
  return page.evaluate(
    async ([selector, count, ms]) => {
      for (let click = 0; click < count; click++) {
        document.querySelector<HTMLButtonElement>(selector)?.click()
        await new Promise((resolve) => setTimeout(resolve, ms))
      }
    },
    [more, times, every] as const,
  )
}

test('typing goes on while the server is killed and started again: no character and no item is lost', async () => {
  const page = await demo.open()
  const field = page.locator('.todo-card .add input')
  const type = (text: string): Promise<void> => field.pressSequentially(text, { delay: 40 })
  const restart = async (): Promise<void> => {
    await demo.server.stop('SIGKILL')
    demo.server = await Demo.startServer(demo.server.port)
  }
  const items = page.locator('[data-l-live=todo] li')
  const before = await items.count()
  const added = (count: number): Promise<unknown> =>
    page.waitForFunction((all) => document.querySelectorAll('[data-l-live=todo] li').length === all, before + count)
  await type('before the crash')
  await page.keyboard.press('Enter')
  await added(1)
  await Promise.all([type('while it is down').then(() => page.keyboard.press('Enter')), restart()])
  await live(page)
  await added(2)
  await Promise.all([type('and half a thought'), restart()])
  await live(page)
  expect(await field.inputValue()).toBe('and half a thought')
  const titles = await page
    .locator('[data-l-live=todo] li input:not([type=checkbox])')
    .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value))
  expect(titles.slice(-2)).toEqual(['before the crash', 'while it is down'])
  demo.forgiveProblems(broken)
})

test('sixty clicks while the connection is cut every 170 ms count sixty', async () => {
  const proxy = await Proxy.to(demo.server.port)
  const page = await demo.openAt(proxy.url)
  const start = Number(await page.locator('output').innerText())
  const cutting = setInterval(() => {
    proxy.cut()
  }, 170)
  await clickAt(page, 60, 50)
  clearInterval(cutting)
  await live(page)
  await shows(page, 'output', String(start + 60))
  expect(proxy.cuts).toBeGreaterThan(10)
  demo.forgiveProblems(broken)
})

test('clicks made offline arrive, once each, and show as waiting until then', async () => {
  const proxy = await Proxy.to(demo.server.port)
  const page = await demo.openAt(proxy.url)
  const start = Number(await page.locator('output').innerText())
  proxy.open = false
  proxy.cut()
  await page.waitForSelector('[data-l-state=offline]')
  await clickAt(page, 5, 5)
  proxy.open = true
  await live(page)
  await shows(page, 'output', String(start + 5))
  demo.forgiveProblems(broken)
})

test('clicks in the first milliseconds of the page count', async () => {
  const page = await demo.blank()
  await page.addInitScript((selector) => {
    const watch = new MutationObserver(() => {
      const button = document.querySelector<HTMLButtonElement>(selector)
      if (button === null) return
      watch.disconnect()
      // The client is a module: it listens once the page has been read.
      addEventListener('DOMContentLoaded', () => {
        for (let click = 0; click < 3; click++) button.click()
      })
    })
    watch.observe(document, { childList: true, subtree: true })
  }, more)
  await page.goto(demo.server.url)
  await live(page)
  await shows(page, 'output', '6')
})

test('a duplicated tab has a state of its own', async () => {
  const page = await demo.open()
  await page.click(more)
  await shows(page, 'output', '4')
  // As browsers do it: the page and what it stored, without its memory.
  const html = await page.content()
  const copy = await demo.blank()
  await copy.route(page.url(), (route) => route.fulfill({ body: html, contentType: 'text/html' }))
  await copy.goto(page.url())
  await live(copy)
  await copy.click(more)
  await page.click(more)
  await page.click(more)
  await shows(page, 'output', '6')
  await live(copy)
  expect(await copy.locator('output').innerText()).not.toBe('6')
})

test('a text that is larger than a message may be is reported lost, and everything else goes on', async () => {
  const page = await demo.blank()
  let sockets = 0
  page.on('websocket', () => (sockets += 1))
  await page.goto(demo.server.url)
  await live(page)
  const start = Number(await page.locator('output').innerText())
  await page.evaluate(() => {
    const lost: string[] = []
    Object.assign(window, { lost })
    addEventListener('loom:lost', (event) => lost.push((event as CustomEvent<{ reason: string }>).detail.reason))
  })
  const field = page.getByLabel('Find a country')
  // As many bytes as may be are fewer characters.
  await field.fill('ä'.repeat(600_000))
  await page.click(more)
  await shows(page, 'output', String(start + 1))
  await page.waitForFunction(() => (window as unknown as { lost: string[] }).lost.length > 0)
  expect(await page.evaluate(() => (window as unknown as { lost: string[] }).lost)).toEqual(['large'])
  await field.fill('SAO to')
  await page.waitForFunction(() => document.querySelectorAll('.results b').length === 1)
  await live(page)
  expect(sockets).toBe(1)
})
