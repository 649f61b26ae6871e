/** A board of cards, which are moved with the mouse and by keyboard; the library is in a hook. */

import { eachBrowser, type Page } from '../browsers/index'
import { focused, Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/board')

/** The cards of each column, by their numbers. */
const cards = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('[data-column]')].map((list) =>
      [...list.querySelectorAll<HTMLElement>('[data-card]')].map(({ dataset }) => dataset['card']).join(),
    ),
  )

async function becomes(page: Page, wanted: string[]): Promise<void> {
  await page.until(
    (all) =>
      JSON.stringify(
        [...document.querySelectorAll('[data-column]')].map((list) =>
          [...list.querySelectorAll<HTMLElement>('[data-card]')].map(({ dataset }) => dataset['card']).join(),
        ),
      ) === all,
    JSON.stringify(wanted),
  )
}

/** The library's script comes beside the client's. */
const ready = (page: Page): Promise<boolean> =>
  page.until(() => Object.keys(document.querySelector('[data-column]') ?? {}).some((key) => key.startsWith('Sortable')))

eachBrowser('cards are dragged to another column and within one, and stay where they were dropped', async (page) => {
  const proxy = await gallery.openSlowly(page)
  await ready(page)
  await page.drag('[data-card="2"] span', '[data-card="4"] span')
  const dropped = await cards(page)
  // The answer is on its way: the card stays, and is one.
  expect(dropped[0]).toBe('1,3')
  expect([...(dropped[1] ?? '').split(',')].sort()).toEqual(['2', '4'])
  await page.until(() => document.querySelector('.said')?.textContent.startsWith('Buy bread: Doing'))
  expect(await cards(page)).toEqual(dropped)
  await page.drag('[data-card="1"] span', '[data-card="3"] .steps')
  await page.shows('.said', 'Write the docs: To do, 2 of 2')
  expect(await cards(page)).toEqual(['3,1', dropped[1], '5'])
  // The page that comes back shows what the server has.
  proxy.cut()
  await page.settled()
  expect(await cards(page)).toEqual(['3,1', dropped[1], '5'])
})

eachBrowser('by keyboard alone; the focus goes with the card', async (page) => {
  await gallery.open(page)
  await ready(page)
  await tabTo(page, '[data-card="1"] [data-by="right"]')
  await page.press('Enter')
  await becomes(page, ['2,3', '1,4', '5'])
  await focused(page, '[data-card="1"] [data-by="right"]')
  await page.press('Enter')
  await becomes(page, ['2,3', '4', '1,5'])
  // There is no further column.
  await focused(page, '[data-card="1"] [data-by="left"]')
  await tabTo(page, '[data-card="1"] [data-by="down"]')
  await page.press('Enter')
  await becomes(page, ['2,3', '4', '5,1'])
  await page.shows('.said', 'Write the docs: Done, 2 of 2')
})

eachBrowser('a card that cannot be moved goes back', async (page) => {
  await gallery.open(page)
  await ready(page)
  await page.evaluate(() =>
    (document.querySelector<HTMLElement>('[data-column=doing]') as HTMLElement).setAttribute('data-column', 'away'),
  )
  await page.drag('[data-card="2"] span', '[data-card="4"] span')
  await becomes(page, ['1,2,3', '4', '5'])
})

eachBrowser('pages with hooks are reached by links, and left by them', async (page) => {
  await gallery.open(page)
  await ready(page)
  await page.until(() => (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await page.evaluate(() => {
    const errors: string[] = []
    Object.assign(window, { errors })
    console.error = (...given: unknown[]) => void errors.push(given.map(String).join(' '))
  })
  for (let round = 0; round < 2; round++) {
    await page.click('nav a[href="/widgets"]')
    await page.until(() => document.querySelector('.chart canvas') !== null)
    await page.until(
      () => document.querySelector('.code')?.shadowRoot?.querySelector('.cm-content') instanceof HTMLElement,
    )
    await page.click('nav a[href="/board"]')
    await ready(page)
    await page.settled()
  }
  await page.drag('[data-card="2"] span', '[data-card="4"] span')
  await page.until(() => document.querySelector('.said')?.textContent.startsWith('Buy bread: Doing'))
  // The page was never loaded anew.
  expect(await page.evaluate(() => (window as unknown as { errors: string[] }).errors)).toEqual([])
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await ready(page)
  await isForEveryone(page)
  await isForPhones(page)
})
