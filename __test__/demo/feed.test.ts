/** A feed without an end: by wheel, by keyboard, on a slow network. */

import { eachBrowser, type Page } from '../browsers/index'
import { Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/feed')

/** The numbers of the first and the last entry in the page. */
const shown = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const numbers = [...document.querySelectorAll('article')].map((one) => Number(one.getAttribute('aria-posinset')))
    return [numbers[0] as number, numbers.at(-1) as number, numbers.length]
  })

const begins = (page: Page, number: number): Promise<unknown> =>
  page.until((number) => document.querySelector('article')?.getAttribute('aria-posinset') === String(number), number)

eachBrowser('the wheel goes down and up again, with 200 ms of latency', async (page) => {
  await gallery.openSlowly(page)
  expect(await shown(page)).toEqual([1, 60, 60])
  for (const first of [31, 61, 91]) {
    await page.evaluate(() => document.querySelector('article:last-of-type')?.scrollIntoView({ block: 'end' }))
    await begins(page, first)
    expect(await shown(page)).toEqual([first, first + 59, 60])
  }
  for (const first of [61, 31, 1]) {
    await page.evaluate(() => document.querySelector('article')?.scrollIntoView())
    await begins(page, first)
  }
  expect(await page.text('.more button')).toBe('Later entries')
})

eachBrowser('by keyboard alone: Tab goes from entry to entry, and further ones are there in time', async (page) => {
  await gallery.open(page)
  await tabTo(page, 'article[aria-posinset="1"]')
  for (let number = 1; number < 57; number++) await page.press('Tab')
  await page.until(() => document.activeElement?.getAttribute('aria-posinset') === '57')
  await begins(page, 31)
  for (let number = 57; number < 75; number++) await page.press('Tab')
  await page.until(() => document.activeElement?.getAttribute('aria-posinset') === '75')
  await page.evaluate(() => document.querySelector<HTMLElement>('#first')?.focus())
  await page.press('Enter')
  await begins(page, 1)
  await page.until(() => document.activeElement?.getAttribute('aria-posinset') === '1')
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await page.evaluate(() => document.querySelector('article:last-of-type')?.scrollIntoView({ block: 'end' }))
  await begins(page, 31)
  await isForEveryone(page)
  await isForPhones(page)
})
