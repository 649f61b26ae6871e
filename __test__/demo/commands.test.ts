/** A menu, a dialog and a like button, which do what they can by themselves. */

import { eachBrowser } from '../browsers/index'
import { focused, Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/commands')

eachBrowser('by keyboard alone, also while the server is away', async (page) => {
  await gallery.open(page)
  await gallery.kill(page)
  await tabTo(page, '#more-button')
  await page.press('Enter')
  await page.until(() => document.querySelector('#more:not([hidden])') !== null)
  expect(await page.evaluate(() => document.querySelector('#more-button')?.getAttribute('aria-expanded'))).toBe('true')
  await tabTo(page, '#ask')
  await page.press('Enter')
  await page.until(() => document.querySelector('#about:modal') !== null)
  await tabTo(page, '#close')
  await page.press('Enter')
  await page.until(() => document.querySelector('#about:not([open])') !== null)
  await focused(page, '#more-button')
  await gallery.startAgain(page)
})

eachBrowser('a like shows at once, and is what the server says in the end', async (page) => {
  const proxy = await gallery.openSlowly(page)
  const pressed = (): Promise<string | null | undefined> =>
    page.evaluate(() => document.querySelector('#like')?.getAttribute('aria-pressed'))
  // In one task of the page: no answer can have come.
  const atOnce = await page.evaluate(() => {
    const like = document.querySelector<HTMLElement>('#like')
    like?.click()
    return [like?.getAttribute('aria-pressed'), document.querySelector('#likes')?.textContent]
  })
  expect(atOnce).toEqual(['true', '41 likes'])
  await page.shows('#likes', '42 likes')
  expect(await pressed()).toBe('true')
  // Cut off and back again.
  await page.click('#like')
  expect(await pressed()).toBe('false')
  proxy.cut()
  await page.shows('#likes', '41 likes')
  await page.settled()
  expect(await pressed()).toBe('false')
})

eachBrowser('what is deleted is said on the page that comes next, once', async (page) => {
  await gallery.open(page)
  await page.click('#more-button')
  await page.click('#remove')
  await page.shows('[data-l-flash] [role=status] span', 'The post is deleted.')
  expect(await page.evaluate(() => location.pathname)).toBe('/orders')
  await isForEveryone(page)
  await isForPhones(page)
  await page.click('[data-l-dismiss]')
  await page.until(() => document.querySelector('[data-l-kind]') === null)
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await page.click('#more-button')
  await page.until(() => document.querySelector('#more:not([hidden])') !== null)
  await isForPhones(page)
  await page.click('#ask')
  await isForPhones(page)
})
