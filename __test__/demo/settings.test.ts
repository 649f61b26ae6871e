/** Somebody sets things up: each control is saved as it is changed, on good and bad days. */

import { eachBrowser, type Page } from '../browsers/index'
import { count, focused, Gallery, inLightAndDark, isForEveryone, isForPhones, messages, tabTo } from './gallery'

const gallery = new Gallery('/settings')

/** What the server has, as the page shows it beside the controls. */
const savedIn = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('.preview dl > div')].map((row) => [
        row.querySelector('dt')?.textContent ?? '',
        row.querySelector('dd')?.textContent ?? '',
      ]),
    ),
  )

/** Waits until the server has this. */
async function saved(page: Page, name: string, value: string): Promise<void> {
  await page.until(
    (name, value) =>
      [...document.querySelectorAll('.preview dl > div')].some(
        (row) => row.querySelector('dt')?.textContent === name && row.querySelector('dd')?.textContent === value,
      ),
    name,
    value,
  )
}

/** As a picker of the browser's does, which a test cannot use in each browser. */
const pick = (page: Page, selector: string, value: string): Promise<void> =>
  page.evaluate(
    (selector, value) => {
      const field = document.querySelector(selector) as HTMLInputElement
      field.value = value
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }))
    },
    selector,
    value,
  )

const START = {
  'Name': 'Ada Lovelace',
  'E-mail': 'ada@example.org',
  'About': '–',
  'Signature': 'Kind regards',
  'Birthday': '–',
  'Language': 'en',
  'Theme': 'system',
  'Colour': '#0f766e',
  'Size': '20',
  'Volume': '40',
  'Mails': 'yes',
  'Topics': 'news',
  'Reminders': '7',
  'Days': 'mon',
  'Time': '08:00',
  'Away': '–',
  'Week': '–',
  'Month': '–',
}

eachBrowser('every control is saved as it is changed, and by itself', async (page) => {
  await gallery.open(page)
  expect(await savedIn(page)).toEqual(START)
  await page.type('#name', ' Byron')
  await saved(page, 'Name', 'Ada Lovelace Byron')
  await page.type('#about', 'First line')
  await saved(page, 'About', 'First line')
  await page.focus('#signature')
  await page.press('Home')
  await page.keys('With ')
  await saved(page, 'Signature', 'With Kind regards')
  await page.focus('#language')
  await page.select('#language', 'fr')
  await page.click('#theme-dark')
  await page.click('#mails')
  await page.click('#topics-tips')
  await page.click('#topics-news')
  await page.click('#reminders-30')
  await page.focus('#days')
  await page.select('#days', 'wed', 'sun')
  for (const [selector, value] of [
    ['#color', '#ff8000'],
    ['#size', '31'],
    ['#volume', '75'],
    ['#birthday', '1815-12-10'],
    ['#time', '17:30'],
    ['#away', '2026-07-01T09:00'],
    ['#week', '2026-W30'],
    ['#month', '2026-08'],
  ] as const)
    await pick(page, selector, value)
  await saved(page, 'Month', '2026-08')
  await saved(page, 'Volume', '75')
  expect(await savedIn(page)).toEqual({
    'Name': 'Ada Lovelace Byron',
    'E-mail': 'ada@example.org',
    'About': 'First line',
    'Signature': 'With Kind regards',
    'Birthday': '1815-12-10',
    'Language': 'fr',
    'Theme': 'dark',
    'Colour': '#ff8000',
    'Size': '31',
    'Volume': '75',
    'Mails': 'no',
    'Topics': 'tips',
    'Reminders': '7, 30',
    'Days': 'wed, sun',
    'Time': '17:30',
    'Away': '2026-07-01T09:00',
    'Week': '2026-W30',
    'Month': '2026-08',
  })
})

eachBrowser(
  'by keyboard alone; a field that was left says what is wrong, and what is right stays saved',
  async (page) => {
    await gallery.open(page)
    await tabTo(page, '#name')
    // Tab has chosen the whole text.
    await page.keys('B')
    await page.settled()
    expect(await messages(page)).toEqual({})
    await saved(page, 'Name', 'Ada Lovelace')
    await page.press('Tab')
    await page.shows('#settings-name-error', 'Two letters at least.')
    expect(await page.property('#name', 'value')).toBe('B')
    await page.press('Shift+Tab')
    await page.press('End')
    await page.keys('o ')
    await count(page, '.loom-error', 0)
    await saved(page, 'Name', 'Bo')
    // The space is about to be followed by a second name.
    expect(await page.property('#name', 'value')).toBe('Bo ')
    await page.keys('Li')
    await saved(page, 'Name', 'Bo Li')
    // Saved when it is left, and not before.
    await page.press('Tab')
    await focused(page, '#email')
    await page.press('End')
    await page.keys('.uk')
    await page.settled()
    await saved(page, 'E-mail', 'ada@example.org')
    await page.press('Tab')
    await saved(page, 'E-mail', 'ada@example.org.uk')
    await tabTo(page, '#theme-system')
    await page.press('ArrowDown')
    await saved(page, 'Theme', 'light')
    await focused(page, '#theme-light')
    await tabTo(page, '#volume')
    await page.press('ArrowRight')
    await saved(page, 'Volume', '41')
    await tabTo(page, '#topics-offers')
    await page.press('Space')
    await saved(page, 'Topics', 'news, offers')
    await page.press('Space')
    await saved(page, 'Topics', 'news')
  },
)

eachBrowser('over a slow network what is typed is never overwritten, and the last choice counts', async (page) => {
  await gallery.openSlowly(page)
  await tabTo(page, '#name')
  await page.press('End')
  await page.keys(' and Charles')
  expect(await page.property('#name', 'value')).toBe('Ada Lovelace and Charles')
  // Impatiently: on, off and on again, before the first answer.
  for (let clicks = 0; clicks < 3; clicks++) await page.click('#mails')
  await page.click('#theme-light')
  await page.click('#theme-dark')
  await page.type('#about', 'one ')
  await page.keys('two')
  await saved(page, 'About', 'one two')
  await page.settled()
  expect(await savedIn(page)).toEqual({
    ...START,
    'Name': 'Ada Lovelace and Charles',
    'Mails': 'no',
    'Theme': 'dark',
    'About': 'one two',
  })
  expect(await page.property('#mails', 'checked')).toBe(false)
  expect(await page.property('#name', 'value')).toBe('Ada Lovelace and Charles')
})

eachBrowser('while the server is killed and started again: what was saved stays, and what was typed', async (page) => {
  await gallery.open(page)
  await tabTo(page, '#name')
  await page.press('End')
  await page.keys(' By')
  await saved(page, 'Name', 'Ada Lovelace By')
  await page.click('#topics-tips')
  await page.focus('#name')
  await gallery.kill(page)
  await page.keys('ron')
  await page.press('Tab')
  // Not yet left, so not sent.
  await page.press('End')
  await page.keys('.half')
  await page.evaluate(() => document.querySelector<HTMLInputElement>('#reminders-30')?.click())
  await gallery.startAgain(page)
  await saved(page, 'Reminders', '7, 30')
  expect(await savedIn(page)).toEqual({
    ...START,
    'Name': 'Ada Lovelace Byron',
    'Topics': 'news, tips',
    'Reminders': '7, 30',
  })
  await focused(page, '#email')
  expect(await page.property('#email', 'value')).toBe('ada@example.org.half')
  // Once more, with nothing under way.
  await gallery.kill(page)
  await gallery.startAgain(page)
  expect((await savedIn(page))['Name']).toBe('Ada Lovelace Byron')
  await page.press('Tab')
  await saved(page, 'E-mail', 'ada@example.org.half')
})

eachBrowser('a number that is half typed is no error, and an empty one says so when it is left', async (page) => {
  await gallery.open(page)
  await page.focus('#size')
  await page.evaluate(() => document.querySelector<HTMLInputElement>('#size')?.select())
  await page.keys('3')
  await page.settled()
  expect(await messages(page)).toEqual({})
  await saved(page, 'Size', '20')
  await page.keys('0')
  await saved(page, 'Size', '30')
  await page.press('Backspace')
  await page.press('Backspace')
  await page.press('Tab')
  await page.until(() => document.querySelector('#settings-size-error') !== null)
  await saved(page, 'Size', '30')
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await page.focus('#name')
  await page.evaluate(() => document.querySelector<HTMLInputElement>('#name')?.select())
  await page.keys('W'.repeat(61))
  await page.press('Tab')
  await page.shows('#settings-name-error', 'Sixty letters at most.')
  await page.type('#about', 'far'.repeat(60))
  await saved(page, 'About', 'far'.repeat(60))
  await isForPhones(page)
})
