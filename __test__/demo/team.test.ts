/** A page in tabs, with components in a component, as somebody uses it. */

import { eachBrowser, type Page } from '../browsers/index'
import { focused, Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/team')

const people = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('.members li')].map(
      (one) => `${one.querySelector('strong')?.textContent} ${one.querySelector('.thanks')?.textContent}`,
    ),
  )
const tab = (page: Page): Promise<string> =>
  page.evaluate(() => document.querySelector('.tabs [aria-current=page]')?.textContent ?? '')
const goTo = async (page: Page, name: string): Promise<void> => {
  await page.click(`.tabs a[href='?tab=${name}']`)
  await page.until(
    (wanted) => document.querySelector('.tabs [aria-current=page]')?.getAttribute('href') === `?tab=${wanted}`,
    name,
  )
}

eachBrowser('each person has a state of its own, which goes with its row', async (page) => {
  const proxy = await gallery.openSlowly(page)
  await page.click('[aria-label="Thank Grace"]')
  await page.until(() => document.querySelectorAll('.thanks')[1]?.textContent === '1 thanks')
  await page.click('[aria-label="Put first: Edsger"]')
  await page.until(() => document.querySelector('.members strong')?.textContent === 'Edsger')
  expect(await people(page)).toEqual(['Edsger 0 thanks', 'Ada 0 thanks', 'Grace 1 thanks'])
  proxy.cut()
  await page.click('[aria-label="Thank Grace"]')
  await page.until(() => document.querySelectorAll('.thanks')[2]?.textContent === '2 thanks')
})

eachBrowser('tabs have addresses, and by keyboard alone one comes to all of them', async (page) => {
  await gallery.open(page)
  await tabTo(page, ".tabs a[href='?tab=team']")
  await page.press('Enter')
  await page.until(() => document.querySelector('#name') !== null)
  expect(await page.evaluate(() => location.search)).toBe('?tab=team')
  await tabTo(page, '#name')
  await page.evaluate(() => (document.querySelector('#name') as HTMLInputElement).select())
  await page.keys('Editors')
  await page.press('Enter')
  await page.settled()
  await focused(page, '#name')
  await page.back()
  await page.until(() => document.querySelector('.members .of')?.textContent === 'Editors')
  expect(await tab(page)).toBe('People')
  await page.forward()
  await page.until(() => document.querySelector('#name') !== null)
  await page.reload()
  await page.settled()
  expect(await tab(page)).toBe('Team')
})

eachBrowser('the board is one for all, and a killed server takes neither it nor a person along', async (page) => {
  await gallery.open(page)
  await page.click('[aria-label="Thank Ada"]')
  await page.until(() => document.querySelector('.thanks')?.textContent === '1 thanks')
  await page.settled()
  await gallery.kill(page)
  await gallery.startAgain(page)
  await page.click('[aria-label="Thank Ada"]')
  await page.until(() => document.querySelector('.thanks')?.textContent === '2 thanks')
  await goTo(page, 'board')
  await page.settled()
  await page.type('#note', 'Tea at five')
  await page.press('Enter')
  await page.until(() => document.querySelector('.notes li:last-child')?.textContent === 'Tea at five')
  await goTo(page, 'people')
  await page.settled()
  await goTo(page, 'board')
  await page.until(() => document.querySelector('.notes li:last-child')?.textContent === 'Tea at five')
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await isForPhones(page)
  for (const name of ['board', 'team']) {
    await goTo(page, name)
    await page.settled()
    await isForEveryone(page)
    await isForPhones(page)
  }
})
