import type { Page } from 'playwright-core'
import { Demo, live, shows } from './demo'

const demo = new Demo()

/** Presses Tab until the element has the focus, and shows that it has. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let steps = 0; steps < 60; steps++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) {
      expect(await page.evaluate(() => document.activeElement?.matches(':focus-visible'))).toBe(true)
      return
    }
    await page.keyboard.press('Tab')
  }
  throw new Error(`Expected Tab to reach ${selector}`)
}

test('everything can be done with the keyboard', async () => {
  const page = await demo.open()
  await tabTo(page, 'button[aria-label="One more"]')
  await page.keyboard.press('Enter')
  await shows(page, 'output', '4')
  await page.keyboard.press('Space')
  await shows(page, 'output', '5')

  await tabTo(page, '.todo-card .add input')
  await page.keyboard.type('By keyboard')
  await page.keyboard.press('Enter')
  await page.locator('.todos li:nth-child(3)').waitFor()
  await tabTo(page, '.todos li:nth-child(3) [type=checkbox]')
  await page.keyboard.press('Space')
  await shows(page, '.todos + .note', '1 of 3 left')
  await page.keyboard.press('Tab')
  await page.keyboard.press('End')
  await page.keyboard.type(' only')
  await page.keyboard.press('Tab')
  await page.locator('button[aria-label="Remove By keyboard only"]').waitFor()
  await page.keyboard.press('Enter')
  await shows(page, '.todos + .note', '1 of 2 left')

  await tabTo(page, '#query')
  await page.keyboard.type('peru')
  await page.waitForFunction(() => document.querySelector('.results b')?.textContent === 'Peru')

  await tabTo(page, '#chat-name')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('Keys')
  await tabTo(page, '.log')
  await tabTo(page, '.chat-card .add input')
  await page.keyboard.type('By keyboard')
  await page.keyboard.press('Enter')
  await shows(page, '.log li:last-child', 'Keys By keyboard')

  await tabTo(page, '[data-l-live=story] .main')
  await page.keyboard.press('Enter')
  // The same button, with another meaning: the focus is still on it.
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=story] [data-l-click=stop]'))
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=story] [data-l-click=start]'))
  await tabTo(page, '.text')

  await tabTo(page, '[data-l-live=report] .main')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=report] [data-l-click=cancel]'))
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=report] [data-l-click=start]'))

  await tabTo(page, '.bar button')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=table] [data-l-click=resume]'))
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('[data-l-live=table] [data-l-click=pause]'))
  await tabTo(page, '.scroll')
  await page.keyboard.press('PageDown')
  await page.waitForFunction(() => (document.querySelector('.scroll')?.scrollTop ?? 0) > 0)
})

test.each([320, 360, 390])('on a phone of %i pixels nothing has to be scrolled sideways', async (width) => {
  const page = await demo.open({ viewport: { width, height: 740 }, isMobile: true, hasTouch: true })
  await page.fill('.todo-card .add input', 'A title that is far too long for any phone '.repeat(4))
  await page.press('.todo-card .add input', 'Enter')
  await page.locator('.todos li:nth-child(3)').waitFor()
  await page.fill('#query', 'saint')
  await page.getByText('Saint Vincent and the Grenadines').waitFor()
  await page.fill('#chat-name', 'W'.repeat(24))
  for (const text of ['https://example.org/' + 'far'.repeat(80), ...Array.from({ length: 12 }, () => 'Many lines')]) {
    await page.fill('.chat-card .add input', text)
    await page.press('.chat-card .add input', 'Enter')
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('.chat-card .add input')?.value === '')
  }
  await page.locator('.log li:nth-child(13)').waitFor()
  const log = await page.locator('.log').evaluate((box) => [box.clientHeight, box.scrollHeight] as const)
  expect(log[0]).toBeLessThan(300)
  expect(log[1]).toBeGreaterThan(300)
  await page.locator('[data-l-live=story] .main').tap()
  await page.locator('[data-l-live=report] .main').tap()
  await page.waitForFunction(
    () => document.querySelectorAll('.card [data-l-click=stop], .card [data-l-click=cancel]').length === 2,
  )
  await page.locator('tr.up').first().waitFor()
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('.card, .scroll, .log, .text')]
      .filter((element) => element.scrollWidth > element.clientWidth)
      .map((element) => element.className || element.tagName),
  )
  expect(wide).toEqual([])
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button:not([hidden]), input:not([type=checkbox])')]
      .filter((element) => element.getBoundingClientRect().height < 44 || element.getBoundingClientRect().width < 44)
      .map((element) => element.outerHTML),
  )
  expect(small).toEqual([])
})

test('there is a light and a dark page, and both can be read', async () => {
  const luminance = (page: Page): Promise<number[]> =>
    page.evaluate(() => {
      const of = (colour: string): number => {
        const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
          const value = Number(part) / 255
          return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
      }
      const card = getComputedStyle(document.querySelector('.card') as Element)
      const note = getComputedStyle(document.querySelector('.note') as Element)
      return [of(card.backgroundColor), of(card.color), of(note.color)]
    })
  const contrast = (one: number, other: number): number => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)

  const [day = 0, ...onDay] = await luminance(await demo.open({ colorScheme: 'light' }))
  const [night = 0, ...onNight] = await luminance(await demo.open({ colorScheme: 'dark' }))
  expect(day).toBeGreaterThan(0.8)
  expect(night).toBeLessThan(0.1)
  for (const text of onDay) expect(contrast(day, text)).toBeGreaterThan(4.5)
  for (const text of onNight) expect(contrast(night, text)).toBeGreaterThan(4.5)
})

test('a policy without exceptions is kept', async () => {
  const response = await fetch(demo.server.url)
  const policy = response.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'self'")
  expect(policy).not.toMatch(/unsafe|\*|data:/)
  const page = await demo.open()
  const inline = await page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter(
        (element) =>
          // A policy lets scripts set styles: what screen readers are told is where nobody sees it.
          element.matches('style, script:not([src]), [style]:not([data-l-said])') ||
          element.getAttributeNames().some((name) => name.startsWith('on')),
      )
      .map((element) => element.outerHTML),
  )
  expect(inline).toEqual([])
})

test('a reload starts anew, and every page has a state of its own', async () => {
  const page = await demo.open()
  await page.click('button[aria-label="One more"]')
  await shows(page, 'output', '4')
  const other = await demo.open()
  expect(await other.innerText('output')).toBe('3')
  await other.click('button[aria-label="One less"]')
  await shows(other, 'output', '2')
  await shows(page, 'output', '4')
  await page.reload()
  await live(page)
  expect(await page.innerText('output')).toBe('3')
  await page.click('button[aria-label="One more"]')
  await shows(page, 'output', '4')
})

test('a click made before the page is live counts', async () => {
  const page = await demo.open()
  // As soon as the client has taken the counter up, which is before it has joined.
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      const button = document.querySelector<HTMLButtonElement>('[data-l-state=joining] button[aria-label="One more"]')
      if (!button) return
      observer.disconnect()
      button.click()
    }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-l-state'] })
  })
  await page.reload()
  await shows(page, 'output', '4')
})
