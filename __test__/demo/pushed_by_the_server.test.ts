import type { Page } from 'playwright-core'
import { Proxy } from '../support/proxy'
import { Demo, live, shows } from './demo'

const demo = new Demo()

/** What connections that were refused or broke leave in the console. */
const broken = /WebSocket connection to|ERR_/

describe('prices', () => {
  /** All prices that the window shows within the time, by their tick. */
  const watch = (page: Page, ms: number): Promise<Record<string, string>> =>
    page.evaluate(async (time) => {
      const seen: Record<string, string> = {}
      const look = (): void => {
        const tick = document.querySelector('.bar .note span:last-child')?.textContent ?? ''
        seen[tick] = [...document.querySelectorAll('td:nth-child(2)')].map((cell) => cell.textContent).join(' ')
      }
      addEventListener('loom:patch', look)
      await new Promise((resolve) => setTimeout(resolve, time))
      removeEventListener('loom:patch', look)
      return seen
    }, ms)

  test('arrive without any event of the page', async () => {
    const page = await demo.blank()
    const sent: string[] = []
    page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))))
    await page.goto(demo.server.url)
    await live(page)
    const seen = await watch(page, 2000)
    expect(Object.keys(seen).length).toBeGreaterThan(4)
    expect(new Set(Object.values(seen)).size).toBe(Object.keys(seen).length)
    const events = (): string[] => sent.filter((frame) => /\["e",/.test(frame))
    expect(events()).toEqual([])
    // So an event would have been seen.
    await page.click('button[aria-label="One more"]')
    await shows(page, 'output', '4')
    expect(events()).toHaveLength(1)
  })

  test('are the same in ten windows, which are shown one table, after clicks in several of them', async () => {
    const pages: Page[] = []
    for (let count = 0; count < 10; count++) pages.push(await demo.open())
    const shaken = (page: Page): Promise<number> =>
      page.locator('[data-l-click=shake] b').evaluate((element) => Number(element.textContent))
    const before = await shaken(pages[0] as Page)
    for (let round = 0; round < 3; round++) {
      await Promise.all([0, 3, 9].map((at) => (pages[at] as Page).click('[data-l-click=shake]')))
    }
    await Promise.all(pages.map((page) => shows(page, '[data-l-click=shake] b', String(before + 9))))
    // Who stops it, stops it for all.
    await pages[4]?.click('text=Pause for all')
    await Promise.all(pages.map((page) => page.getByText('Go on').waitFor()))
    const tables = await Promise.all(pages.map((page) => page.locator('.scroll tbody').innerText()))
    expect(tables[0]?.split('\n').length).toBe(1000)
    expect(new Set(tables).size).toBe(1)
    await pages[7]?.click('text=Go on')
    await Promise.all(pages.map((page) => page.getByText('Pause for all').waitFor()))
  }, 60_000)

  test('are the same in all windows, also after one of them was offline', async () => {
    const proxy = await Proxy.to(demo.server.port)
    const pages = [await demo.open(), await demo.openAt(proxy.url), await demo.open()] as const
    proxy.open = false
    proxy.cut()
    await pages[1].waitForSelector('[data-l-state=offline]')
    await pages[1].waitForTimeout(1500)
    proxy.open = true
    await live(pages[1])
    const [one, ...others] = await Promise.all(pages.map((page) => watch(page, 2500)))
    for (const other of others) {
      const common = Object.keys(one ?? {}).filter((tick) => tick in other)
      expect(common.length).toBeGreaterThan(2)
      for (const tick of common) expect(other[tick]).toBe(one?.[tick])
    }
    demo.forgiveProblems(broken)
  })

  test('go on after the server was killed and started again', async () => {
    const page = await demo.open()
    await demo.server.stop('SIGKILL')
    await page.waitForSelector('[data-l-state=offline]')
    demo.server = await Demo.startServer(demo.server.port)
    await live(page)
    const newcomer = await demo.open()
    const [one, other] = await Promise.all([watch(page, 2500), watch(newcomer, 2500)])
    const common = Object.keys(one).filter((tick) => tick in other)
    expect(common.length).toBeGreaterThan(2)
    for (const tick of common) expect(other[tick]).toBe(one[tick])
    demo.forgiveProblems(broken)
  })
})

describe('the streamed text', () => {
  const BUTTON = '[data-l-live=story] .main'
  const NOTE = '[data-l-live=story] .note'
  const text = (page: Page): Promise<string> => page.locator('.text p').evaluate((element) => element.textContent)
  const words = (page: Page, least: number): Promise<unknown> =>
    page.waitForFunction(([note, count]) => parseInt(document.querySelector(note)?.textContent ?? '') >= count, [
      NOTE,
      least,
    ] as const)

  test('stops when asked, and stays as it is then', async () => {
    const page = await demo.open()
    await page.click(BUTTON)
    await words(page, 8)
    await page.click(BUTTON)
    await shows(page, BUTTON, 'Tell it again')
    const [at, note] = [await text(page), await page.innerText(NOTE)]
    expect(at).toMatch(/^The weaver had one rule: /)
    expect(at.trim().split(/\s+/)).toHaveLength(parseInt(note))
    await page.waitForTimeout(600)
    expect([await text(page), await page.innerText(NOTE)]).toEqual([at, note])
    await page.click(BUTTON)
    await shows(page, BUTTON, 'Stop')
    await words(page, 3)
    expect(await text(page)).toMatch(/^The weaver had/)
  })

  test('lets events through while it is written', async () => {
    const page = await demo.open()
    await page.click(BUTTON)
    await words(page, 3)
    for (let count = 0; count < 3; count++) await page.click('[data-l-click=like]')
    await shows(page, '[data-l-click=like]', '♥ 3')
    expect(await page.innerText(BUTTON)).toBe('Stop')
    const before = parseInt(await page.innerText(NOTE))
    await words(page, before + 5)
  })

  // At SIGTERM the page gets a checkpoint and the text goes on from its end; killed, it may begin again.
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'is whole, nothing twice, when the server was ended by %s meanwhile',
    async (signal) => {
      const page = await demo.open()
      await page.click(BUTTON)
      await words(page, 20)
      await demo.server.stop(signal)
      await page.waitForSelector('[data-l-state=offline]')
      demo.server = await Demo.startServer(demo.server.port)
      await live(page)
      await shows(page, BUTTON, 'Tell it again')
      const after = await text(page)
      await page.click(BUTTON)
      await shows(page, BUTTON, 'Stop')
      await shows(page, BUTTON, 'Tell it again')
      expect(after).toBe(await text(page))
      expect(after).toMatch(/^The weaver .* a row\.$/s)
      demo.forgiveProblems(broken)
    },
    60_000,
  )
})

describe('the report', () => {
  const BUTTON = '[data-l-live=report] .main'
  const done = (page: Page): Promise<number> =>
    page.locator('progress').evaluate((bar: HTMLProgressElement) => bar.value)
  const reaches = (page: Page, least: number): Promise<unknown> =>
    page.waitForFunction((count) => (document.querySelector('progress')?.value ?? 0) >= count, least)

  test('goes on while the page is loaded again, and ends', async () => {
    const page = await demo.open()
    await page.click(BUTTON)
    await reaches(page, 5)
    const before = await done(page)
    const [html] = await Promise.all([
      page.waitForResponse(demo.server.url + '/').then((response) => response.text()),
      page.reload(),
    ])
    // The first paint knows it already.
    expect(Number(/<progress[^>]* value="(\d+)"/.exec(html)?.[1])).toBeGreaterThanOrEqual(before)
    await live(page)
    await shows(page, BUTTON, 'Cancel')
    await reaches(page, before + 5)
    await shows(page, BUTTON, 'Write another')
    expect(await page.innerText('progress + .note')).toMatch(/^Best: \w+ \w+, \+\d\S+%\. Worst: \w+ \w+, −\d\S+%$/)
  }, 40_000)

  test('is one in all windows of a visitor, and no other visitor’s', async () => {
    const page = await demo.open()
    const [beside, stranger] = [await demo.openBeside(page), await demo.open()]
    await page.click(BUTTON)
    await reaches(beside, 3)
    expect(await done(stranger)).toBe(0)
    expect(await stranger.innerText(BUTTON)).toBe('Write a report')
    await beside.click(BUTTON)
    for (const window of [page, beside]) {
      await shows(window, BUTTON, 'Write a report')
      expect(await done(window)).toBe(0)
    }
    await page.waitForTimeout(400)
    expect([await done(page), await done(beside)]).toEqual([0, 0])
  })

  test('is told once the page is back from offline', async () => {
    const proxy = await Proxy.to(demo.server.port)
    const page = await demo.openAt(proxy.url)
    await page.click(BUTTON)
    await reaches(page, 2)
    proxy.open = false
    proxy.cut()
    await page.waitForSelector('[data-l-state=offline]')
    const before = await done(page)
    await page.waitForTimeout(2000)
    expect(await done(page)).toBe(before)
    proxy.open = true
    await live(page)
    await reaches(page, before + 15)
    demo.forgiveProblems(broken)
  })
})
