/** Somebody signs up: as users do, on good and bad days. */

import { eachBrowser, type Page } from '../browsers/index'
import { count, focused, Gallery, inLightAndDark, isForEveryone, isForPhones, messages, tabTo } from './gallery'

const gallery = new Gallery('/signup')

/** Of each test its own: the server knows the addresses of all tests. */
let addresses = 0
const newAddress = (): string => `ada${++addresses}@example.org`

/** Fills the form in by keyboard alone, up to the button. */
async function fillIn(page: Page, email: string): Promise<void> {
  await tabTo(page, '#save-name')
  await page.keys('Ada')
  await page.press('Tab')
  await page.keys(email)
  await page.press('Tab')
  await secrets(page)
}

/** From the password on. */
async function secrets(page: Page): Promise<void> {
  await page.keys('correct horse')
  await page.press('Tab')
  await page.keys('correct horse')
  await page.press('Tab')
  await page.press('Space')
  await page.press('Tab')
  await page.press('Space')
  await focused(page, '#save-terms')
}

const isWelcome = (page: Page, accounts: string): Promise<void> =>
  page.shows('.welcome .note', `${accounts} made on this page.`)

const value = (page: Page, id: string): Promise<unknown> => page.property(`#save-${id}`, 'value')

eachBrowser('by keyboard alone; each field that is left says what is wrong, and no other', async (page) => {
  await gallery.open(page)
  await tabTo(page, '#save-name')
  await page.keys('A')
  await page.settled()
  // Half typed, and not left.
  expect(await messages(page)).toEqual({})
  await page.press('Tab')
  await page.shows('#save-name-error', 'Two letters at least.')
  await page.keys('ada@exam')
  await page.settled()
  expect(await messages(page)).toEqual({ 'save-name': 'Two letters at least.' })
  await page.press('Tab')
  await page.shows('#save-email-error', 'This is no e-mail address.')
  await page.keys('short')
  await page.press('Tab')
  await page.shows('#save-password-error', 'Ten characters at least.')
  // It goes while it is mended, before the field is left again.
  await page.press('Shift+Tab')
  await page.press('End')
  await page.keys(' was long')
  await count(page, '#save-password-error', 0)
  await page.press('Tab')
  await page.keys('short was lang')
  await page.press('Tab')
  await page.shows('#save-again-error', 'The passwords differ.')
  expect(Object.keys(await messages(page))).toEqual(['save-name', 'save-email', 'save-again'])
  // Sent as it is, it says all, and the first of the fields has the focus.
  await page.press('Enter')
  await page.shows('#save-terms-error', 'Please agree to the terms.')
  await focused(page, '#save-name')
  expect(Object.keys(await messages(page))).toEqual([
    'save-name',
    'save-email',
    'save-again',
    'save-plan',
    'save-terms',
  ])
  await page.press('End')
  await page.keys('da')
  await page.press('Tab')
  await page.press('End')
  await page.keys(`ple${++addresses}.org`)
  await page.press('Tab')
  await page.press('Tab')
  await page.press('Backspace')
  await page.press('Shift+Tab')
  await page.press('Tab')
  await page.press('End')
  await page.keys('short was long')
  await page.press('Tab')
  await page.press('Space')
  await page.press('Tab')
  await page.press('Space')
  await count(page, '.loom-error', 0)
  await page.press('Enter')
  await isWelcome(page, '1 account was')
  await page.shows('#welcome', 'Welcome, Ada!')
  await focused(page, '#welcome')
  await page.press('Tab')
  await page.press('Enter')
  await page.until(() => document.querySelector('#save') !== null)
  expect([await value(page, 'name'), await value(page, 'password')]).toEqual(['', ''])
})

eachBrowser('an address that somebody has is said beside it, and all that was typed stays', async (page) => {
  const email = newAddress()
  await gallery.open(page)
  await fillIn(page, email)
  await page.press('Enter')
  await isWelcome(page, '1 account was')
  await page.click('.welcome button')
  await page.until(() => document.querySelector('#save') !== null)
  await page.focus('#save-name')
  await fillIn(page, email)
  await page.press('Enter')
  await page.shows('#save-email-error', 'Somebody has this address already.')
  await focused(page, '#save-email')
  expect(await value(page, 'password')).toBe('correct horse')
  await page.press('Home')
  await page.keys('x')
  await page.press('Enter')
  await isWelcome(page, '2 accounts were')
})

eachBrowser('over a slow network, impatiently: one account, and nothing that was typed is lost', async (page) => {
  await gallery.openSlowly(page)
  await fillIn(page, newAddress())
  // What is typed runs ahead of the answers.
  expect([await value(page, 'name'), await value(page, 'password')]).toEqual(['Ada', 'correct horse'])
  await page.press('Enter')
  // The form rests while it is sent, which the browser begins when it has taken the key.
  await page.until(() => document.querySelector<HTMLInputElement>('#save-name')?.readOnly)
  await page.press('Enter')
  await page.evaluate(() => {
    for (let times = 0; times < 3; times++) document.querySelector<HTMLButtonElement>('#save .main')?.click()
  })
  await isWelcome(page, '1 account was')
  await page.settled()
  await isWelcome(page, '1 account was')
})

eachBrowser('while the server is killed and started again: what was typed stays, and it counts once', async (page) => {
  await gallery.open(page)
  await tabTo(page, '#save-email')
  await page.keys('half@')
  await page.press('Shift+Tab')
  await page.shows('#save-email-error', 'This is no e-mail address.')
  await page.keys('A')
  await gallery.kill(page)
  await page.keys('da')
  await gallery.startAgain(page)
  expect([await value(page, 'name'), await value(page, 'email')]).toEqual(['Ada', 'half@'])
  expect(await messages(page)).toEqual({ 'save-email': 'This is no e-mail address.' })
  await focused(page, '#save-name')
  // On from where the user was.
  await page.press('Tab')
  await page.press('End')
  await page.keys(`example${++addresses}.org`)
  await count(page, '.loom-error', 0)
  await page.press('Tab')
  await secrets(page)
  await gallery.kill(page)
  await page.press('Enter')
  await page.press('Enter')
  await gallery.startAgain(page)
  await isWelcome(page, '1 account was')
  await gallery.kill(page)
  await gallery.startAgain(page)
  await isWelcome(page, '1 account was')
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await isForPhones(page)
  await page.focus('#save-name')
  await page.press('Enter')
  await page.shows('#save-terms-error', 'Please agree to the terms.')
  await isForPhones(page)
  await page.focus('#save-name')
  await fillIn(page, newAddress())
  await page.press('Enter')
  await isWelcome(page, '1 account was')
  await isForPhones(page)
})

test('without JavaScript the same form is checked when it is sent, and makes one account', async () => {
  const page = await gallery.openWithoutScript()
  const email = newAddress()
  await page.fill('#save-name', 'Ada')
  await page.fill('#save-email', 'half@')
  await page.fill('#save-password', 'correct horse')
  await page.fill('#save-again', 'correct horse')
  await page.check('#save-plan-team')
  await page.check('#save-terms')
  const [refused] = await Promise.all([page.waitForResponse(/signup/), page.click('.main')])
  expect(refused.status()).toBe(422)
  expect(await page.innerText('#save-email-error')).toBe('This is no e-mail address.')
  expect(await page.locator('.loom-error').count()).toBe(1)
  // What was typed and chosen is there again, but for the passwords, which no page says.
  expect(await page.inputValue('#save-email')).toBe('half@')
  expect(await page.isChecked('#save-plan-team')).toBe(true)
  expect(await page.isChecked('#save-terms')).toBe(true)
  expect(await page.content()).not.toContain('correct horse')
  await page.fill('#save-email', email)
  await page.fill('#save-password', 'correct horse')
  await page.fill('#save-again', 'correct horse')
  await page.click('.main')
  expect(await page.innerText('#welcome')).toBe('Welcome, Ada!')
  expect(await page.innerText('.welcome .note')).toBe('1 account was made on this page.')
  // Loaded again, the browser sends the same form once more: it is the same account.
  await page.reload()
  expect(await page.innerText('#welcome')).toBe('Welcome, Ada!')
  await page.click('.welcome button')
  await page.fill('#save-name', 'Ada')
  await page.fill('#save-email', email)
  await page.fill('#save-password', 'correct horse')
  await page.fill('#save-again', 'correct horse')
  await page.check('#save-plan-team')
  await page.check('#save-terms')
  await page.click('.main')
  expect(await page.innerText('#save-email-error')).toBe('Somebody has this address already.')
})
