/** Somebody edits an order in a dialog: as users do, on good and bad days. */

import { setTimeout as pause } from 'node:timers/promises'
import { eachBrowser, type Page } from '../browsers/index'
import { count, focused, Gallery, inLightAndDark, isForEveryone, isForPhones, messages, tabTo } from './gallery'

const gallery = new Gallery('/orders')

const rowOf = (page: Page, id: number): Promise<string> =>
  page.evaluate(
    (id) => [...document.querySelectorAll(`#order-${id} > *`)].map((cell) => cell.textContent.trim()).join(' | '),
    id,
  )

const isClosed = (page: Page): Promise<boolean> =>
  page.until(() => !document.querySelector('dialog')?.open && !document.querySelector('dialog form'))

const isOpen = (page: Page, id: number): Promise<boolean> =>
  page.until((title) => {
    const dialog = document.querySelector('dialog')
    return dialog?.matches(':modal') && dialog.querySelector('h3')?.textContent === title
  }, `Order ${id}`) as Promise<boolean>

const edit = (id: number): string => `#order-${id} button`

/** Opens the dialog by keyboard. */
async function open(page: Page, id: number): Promise<void> {
  await tabTo(page, edit(id))
  await page.press('Enter')
  await isOpen(page, id)
  await focused(page, '#save-customer')
}

const says = (page: Page, text: string): Promise<boolean> =>
  page.until((text) => document.querySelector('[role=status]')?.textContent.includes(text), text) as Promise<boolean>

/** How often an order was saved: said if it was more than once. */
const saves = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => /(\d+) changes/.exec(document.querySelector('[role=status]')?.textContent ?? '')?.[1])

eachBrowser('by keyboard alone: the dialog has the focus, and the row has it again', async (page) => {
  await gallery.open(page)
  await open(page, 1003)
  // Nothing behind the dialog can be reached.
  const inside: boolean[] = []
  for (let tabs = 0; tabs < 8; tabs++) {
    await page.press('Tab')
    inside.push(
      await page.evaluate(
        () => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
      ),
    )
  }
  expect(inside).not.toContain(false)
  await page.focus('#save-customer')
  await page.press('End')
  await page.keys(' II')
  await page.press('Enter')
  await isClosed(page)
  await focused(page, edit(1003))
  expect(await rowOf(page, 1003)).toBe('1003 | Grace Hopper II | 1 item | – | new | Edit')
  await says(page, '6 of 8 are to be shipped. Order 1003 is saved.')
  // The others are what they were.
  expect(await rowOf(page, 1004)).toBe('1004 | Alan Turing | 7 items | – | new | Edit')
})

eachBrowser('Escape and Cancel close it, change nothing, and leave nothing behind', async (page) => {
  await gallery.open(page)
  await open(page, 1002)
  await page.keys('half a name')
  await page.press('Escape')
  await isClosed(page)
  await focused(page, edit(1002))
  await page.settled()
  expect(await rowOf(page, 1002)).toBe('1002 | Charles Babbage | 12 items | 5 Mar | packed | Edit')
  // What was typed is gone, in the same order and in another one.
  await open(page, 1002)
  expect(await page.property('#save-customer', 'value')).toBe('Charles Babbage')
  await page.keys('half a name')
  await tabTo(page, 'dialog [formmethod]')
  await page.press('Enter')
  await isClosed(page)
  await focused(page, edit(1002))
  await open(page, 1004)
  expect(await page.property('#save-customer', 'value')).toBe('Alan Turing')
  expect(await messages(page)).toEqual({})
  await page.press('Escape')
  await isClosed(page)
  expect(await page.text('[role=status]')).toBe('6 of 8 are to be shipped.')
})

eachBrowser('errors stand beside the fields that were left; what is not valid is not saved', async (page) => {
  await gallery.open(page)
  await page.click(edit(1003))
  await isOpen(page, 1003)
  await page.focus('#save-items')
  await page.press('End')
  await page.press('Backspace')
  await page.keys('0')
  await page.settled()
  expect(await messages(page)).toEqual({})
  await page.press('Shift+Tab')
  await page.shows('#save-items-error', 'One at least.')
  expect(Object.keys(await messages(page))).toEqual(['save-items'])
  // A rule of two fields, which says so beside one of them.
  await page.focus('#save-state')
  await page.select('#save-state', 'shipped')
  await page.settled()
  await page.focus('#save-customer')
  await page.press('Enter')
  await page.shows('#save-ships-error', 'What is shipped has a date.')
  await focused(page, '#save-items')
  await isOpen(page, 1003)
  expect(await rowOf(page, 1003)).toBe('1003 | Grace Hopper | 1 item | – | new | Edit')
  await page.press('End')
  await page.press('Backspace')
  await page.keys('2')
  await page.select('#save-state', 'packed')
  await count(page, '.loom-error', 0)
  await page.press('Enter')
  await isClosed(page)
  expect(await rowOf(page, 1003)).toBe('1003 | Grace Hopper | 2 items | – | packed | Edit')
})

eachBrowser('over a slow network, impatiently: each change counts once', async (page) => {
  await gallery.openSlowly(page)
  await open(page, 1004)
  await page.press('End')
  await page.keys('!')
  await page.press('Enter')
  await page.press('Enter')
  await page.evaluate(() => {
    for (let times = 0; times < 3; times++) document.querySelector<HTMLButtonElement>('dialog .main')?.click()
  })
  await isClosed(page)
  await focused(page, edit(1004))
  expect(await rowOf(page, 1004)).toBe('1004 | Alan Turing! | 7 items | – | new | Edit')
  expect(await saves(page)).toBe(undefined)
  // Closed at once, and another one opened before the server has heard of it.
  await open(page, 1005)
  await page.keys('half')
  await page.press('Escape')
  await page.focus(edit(1006))
  await page.press('Enter')
  await isOpen(page, 1006)
  await page.settled()
  await isOpen(page, 1006)
  expect(await page.property('#save-customer', 'value')).toBe('Edsger Dijkstra')
  await page.press('End')
  await page.keys('!')
  await page.press('Enter')
  await isClosed(page)
  expect(await saves(page)).toBe('2')
  expect(await rowOf(page, 1005)).toBe('1005 | Katherine Johnson | 2 items | 6 Mar | packed | Edit')
})

eachBrowser('while the server is killed and started again: the dialog stays, and a save counts once', async (page) => {
  await gallery.open(page)
  await open(page, 1007)
  await page.press('End')
  // So many keys that a checkpoint has the open dialog.
  await page.keys(' and all her students half')
  await page.settled()
  await gallery.kill(page)
  await page.keys(' typed')
  await gallery.startAgain(page)
  await isOpen(page, 1007)
  await focused(page, '#save-customer')
  expect(await page.property('#save-customer', 'value')).toBe('Barbara Liskov and all her students half typed')
  await gallery.kill(page)
  await page.press('Enter')
  await page.press('Enter')
  await gallery.startAgain(page)
  await isClosed(page)
  await focused(page, edit(1007))
  expect(await rowOf(page, 1007)).toBe(
    '1007 | Barbara Liskov and all her students half typed | 4 items | – | new | Edit',
  )
  expect(await saves(page)).toBe(undefined)
  // Killed while it is being saved, whether it was saved by then or not.
  for (const wait of [0, 3]) {
    await open(page, 1008)
    await page.press('End')
    await page.keys('!')
    await page.settled()
    await page.press('Enter')
    await pause(wait)
    await gallery.kill(page)
    await gallery.startAgain(page)
    await isClosed(page)
  }
  expect(await rowOf(page, 1008)).toBe('1008 | Donald Knuth!! | 5 items | 9 Mar | packed | Edit')
  expect(await saves(page)).toBe('3')
  // An Edit that is clicked while there is no server opens the dialog when there is one.
  await gallery.kill(page)
  await page.focus(edit(1001))
  await page.press('Enter')
  await gallery.startAgain(page)
  await isOpen(page, 1001)
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await isForPhones(page)
  await page.focus(edit(1002))
  await page.press('Enter')
  await isOpen(page, 1002)
  await isForPhones(page)
  await page.press('End')
  await page.keys(' and all who have ever written to'.repeat(4))
  await page.press('Enter')
  await page.shows('#save-customer-error', 'Eighty letters at most.')
  await isForPhones(page)
  await page.evaluate(() => document.querySelector<HTMLInputElement>('#save-customer')?.select())
  await page.keys('W'.repeat(80))
  await page.press('Enter')
  await isClosed(page)
  await isForPhones(page)
})

test('without JavaScript the same form changes the same row', async () => {
  const page = await gallery.openWithoutScript()
  await page.click(edit(1002))
  expect(await page.innerText('dialog h3')).toBe('Order 1002')
  await page.fill('#save-items', '100')
  await page.click('dialog .main')
  expect(await page.innerText('#save-items-error')).toBe('Ninety-nine at most.')
  expect(await page.inputValue('#save-items')).toBe('100')
  await page.fill('#save-items', '13')
  await page.click('dialog .main')
  expect(await page.locator('dialog[open]').count()).toBe(0)
  expect(await page.innerText('#order-1002 .items')).toBe('13')
  await page.click(edit(1003))
  await page.click('dialog [formmethod]')
  expect(await page.locator('dialog').isVisible()).toBe(false)
})
