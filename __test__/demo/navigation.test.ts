/** From one page of the demo to another: as users do, by keyboard, on a slow network, and while the server is away. */

import { eachBrowser, type Page } from '../browsers/index'
import { Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/')

/** A page that was loaded anew has lost it. */
const mark = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.assign(window, { marked: true })
  })
const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in window)

const link = (path: string): string => `nav a[href="${path}"]`

const isAt = (page: Page, path: string): Promise<unknown> =>
  page.until(
    (path) =>
      location.pathname === path &&
      document.querySelector('nav [aria-current]')?.getAttribute('href') === path &&
      document.querySelectorAll('nav [aria-current]').length === 1,
    path,
  )

async function begin(page: Page): Promise<void> {
  await page.until(() => (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await mark(page)
}

eachBrowser('by keyboard alone, there and back', async (page) => {
  await gallery.open(page)
  await begin(page)
  await tabTo(page, link('/settings'))
  await page.press('Enter')
  await isAt(page, '/settings')
  await page.settled()
  // The next Tab begins at the top of the page.
  await tabTo(page, link('/orders'))
  await page.press('Enter')
  await isAt(page, '/orders')
  await page.settled()
  // The page has its own style sheets and scripts, as if it had been loaded.
  await page.click('#order-1003 button')
  await page.until(() => document.querySelector('dialog')?.matches(':modal') === true)
  await page.press('Escape')
  await page.until(() => document.querySelector('dialog')?.open !== true)
  await page.evaluate(() => {
    history.back()
  })
  await isAt(page, '/settings')
  await page.settled()
  await page.focus('#name')
  await page.press('End')
  await page.keys(' II')
  await page.until(
    () => document.querySelector('#name')?.closest('[data-l-live]')?.getAttribute('data-l-state') === 'live',
  )
  expect(await isMarked(page)).toBe(true)
})

eachBrowser('with 200 ms of latency a bar says that the page is on its way', async (page) => {
  await gallery.openSlowly(page)
  await begin(page)
  await page.evaluate(() => {
    new MutationObserver(() => {
      if (document.querySelector('.loom-progress')) Object.assign(window, { wasShown: true })
    }).observe(document.documentElement, { childList: true })
    document.querySelector<HTMLElement>('nav a[href="/signup"]')?.click()
  })
  await isAt(page, '/signup')
  expect(await page.evaluate(() => 'wasShown' in window)).toBe(true)
  expect(await isMarked(page)).toBe(true)
})

inLightAndDark('nothing is in the way of anybody', async (page) => {
  await gallery.open(page)
  await begin(page)
  await page.click(link('/settings'))
  await isAt(page, '/settings')
  await page.settled()
  await isForEveryone(page)
  await isForPhones(page)
})
