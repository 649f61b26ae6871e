import type { Page } from 'playwright-core'
import { Proxy } from '../support/proxy'
import { Demo, shows } from './demo'

const demo = new Demo()

const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allInnerTexts()

describe('counter', () => {
  const MORE = 'button[aria-label="One more"]'

  test('counts up and down', async () => {
    const page = await demo.open()
    await page.click(MORE)
    await page.click(MORE)
    await shows(page, 'output', '5')
    await page.click('button[aria-label="One less"]')
    await shows(page, 'output', '4')
  })

  test('counts every click of a fast hand', async () => {
    const page = await demo.open()
    await page.evaluate((selector) => {
      for (let count = 0; count < 50; count++) document.querySelector<HTMLButtonElement>(selector)?.click()
    }, MORE)
    await shows(page, 'output', '53')
  })
})

describe('search', () => {
  const NOTE = '.note[role=status]'

  test('finds while the user types, and leaves the field to the user', async () => {
    const page = await demo.open()
    const field = page.getByLabel('Find a country')
    const [all] = /\d+$/.exec(await page.locator('#query ~ p').first().innerText()) ?? []
    expect(Number(all)).toBeGreaterThan(200)
    await field.pressSequentially('SAO to')
    await shows(page, `#query ~ ${NOTE}`, `1 of ${all}`)
    expect(await texts(page, '.results b')).toEqual(['São Tomé and Príncipe'])
    expect(await texts(page, '.results mark')).toEqual(['São To', 'São To'])
    expect(await field.inputValue()).toBe('SAO to')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.type('X')
    await shows(page, `#query ~ ${NOTE}`, `0 of ${all}`)
    await page.getByText('Nothing of that name.').waitFor()
    expect(await field.inputValue()).toBe('SAO tXo')
    await field.fill('')
    await shows(page, `#query ~ ${NOTE}`, `${all} of ${all}`)
    expect(await page.locator('.results li').count()).toBe(8)
  })

  test('puts first what begins with it, and finds capitals', async () => {
    const page = await demo.open()
    await page.fill('#query', 'ger')
    await page.waitForFunction(() => document.querySelector('.results b')?.textContent === 'Germany')
    await page.fill('#query', 'reyk')
    await page.waitForFunction(() => document.querySelector('.results b')?.textContent === 'Iceland')
    expect(await texts(page, '.results mark')).toEqual(['Reyk'])
  })

  test('takes what is typed as text', async () => {
    const page = await demo.open()
    await page.fill('#query', '<img src=x onerror=alert(1)>"')
    await page.getByText('Nothing of that name.').waitFor()
    expect(await page.inputValue('#query')).toBe('<img src=x onerror=alert(1)>"')
    expect(await page.locator('img').count()).toBe(0)
  })
})

describe('to-do list', () => {
  const titles = (page: Page): Promise<string[]> =>
    page.locator('.todos span input').evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value))
  const left = (page: Page, text: string): Promise<void> => shows(page, '.todos + .note', text)
  const title = (page: Page, row: number) => page.getByLabel('Title', { exact: true }).nth(row)

  test('adds, one after the other', async () => {
    const page = await demo.open()
    await page.click('.todo-card .add input')
    await page.keyboard.type('Buy <b>milk</b> & "eggs"')
    await page.keyboard.press('Enter')
    await left(page, '2 of 3 left')
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('.todo-card .add input')?.value === '')
    // The field still has the focus.
    await page.keyboard.type('Feed the cat')
    await page.click('.todo-card .add button')
    await left(page, '3 of 4 left')
    expect((await titles(page)).slice(2)).toEqual(['Buy <b>milk</b> & "eggs"', 'Feed the cat'])
  })

  test('adds nothing without a title', async () => {
    const page = await demo.open()
    await page.fill('.todo-card .add input', '   ')
    await page.press('.todo-card .add input', 'Enter')
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('.todo-card .add input')?.value === '')
    await left(page, '1 of 2 left')
  })

  test('ticks off and on again', async () => {
    const page = await demo.open()
    const boxes = page.getByLabel('Done')
    await boxes.nth(1).check()
    await left(page, '0 of 2 left')
    await boxes.nth(0).uncheck()
    await left(page, '1 of 2 left')
    expect(await Promise.all([boxes.nth(0).isChecked(), boxes.nth(1).isChecked()])).toEqual([false, true])
  })

  test('renames at Enter, and when the field is left', async () => {
    const page = await demo.open()
    await title(page, 0).fill('Read it twice')
    await page.keyboard.press('Enter')
    await page.locator('.todos button[aria-label="Remove Read it twice"]').waitFor()
    // From one title straight into the next: each goes where it belongs.
    await title(page, 1).fill('Second')
    await title(page, 0).fill('First')
    await page.keyboard.press('Tab')
    await page.locator('.todos button[aria-label="Remove First"]').waitFor()
    await page.locator('.todos button[aria-label="Remove Second"]').waitFor()
    expect(await titles(page)).toEqual(['First', 'Second'])
  })

  test('removes by the button, and by emptying the title', async () => {
    const page = await demo.open()
    await page.click('.todos li:nth-child(1) button')
    await left(page, '1 of 1 left')
    expect(await titles(page)).toEqual(['Click this text and change it'])
    await title(page, 0).fill('')
    await page.keyboard.press('Enter')
    await left(page, '0 of 0 left')
    await page.fill('.todo-card .add input', 'Start again')
    await page.press('.todo-card .add input', 'Enter')
    await left(page, '1 of 1 left')
  })
})

describe('table', () => {
  const ticks = async (page: Page): Promise<number> =>
    parseInt((await page.innerText('.bar .note span:last-child')).slice(5))
  const ticked = (page: Page, count: number): Promise<unknown> =>
    page.waitForFunction(
      (least) => parseInt(document.querySelector('.bar .note span:last-child')?.textContent.slice(5) ?? '') >= least,
      count,
    )
  const prices = (page: Page): Promise<string[]> =>
    page.locator('td:nth-child(2)').evaluateAll((cells) => cells.map((cell) => cell.textContent))

  test('stands still while it is paused, and has the newest prices when it goes on', async () => {
    const page = await demo.open()
    await page.click('text=Pause')
    await page.getByText('Go on').waitFor()
    const [at, before] = [await ticks(page), await prices(page)]
    expect(before.length).toBe(1000)
    await page.waitForTimeout(1000)
    expect([await ticks(page), await prices(page)]).toEqual([at, before])
    await page.click('text=Go on')
    await ticked(page, at + 4)
    const changed = (await prices(page)).filter((price, index) => price !== before[index]).length
    expect(changed).toBeGreaterThan(200)
  })

  test('is still paused after the connection was gone', async () => {
    const proxy = await Proxy.to(demo.server.port)
    const page = await demo.openAt(proxy.url)
    await page.click('text=Pause')
    await page.getByText('Go on').waitFor()
    const at = await ticks(page)
    proxy.cut()
    await page.click('button[aria-label="One more"]')
    await shows(page, 'output', '4')
    await page.waitForTimeout(600)
    expect(await ticks(page)).toBe(at)
    // It is everybody's table.
    await page.click('text=Go on')
    await ticked(page, at + 1)
    demo.forgiveProblems(/WebSocket connection to|ERR_/)
  })

  test('keeps its scroll position, and holds up nobody', async () => {
    const page = await demo.open()
    const scroll = page.getByRole('region', { name: 'Prices', exact: true })
    await scroll.evaluate((element) => (element.scrollTop = 4000))
    const before = await ticks(page)
    await page.click('button[aria-label="One more"]')
    await shows(page, 'output', '4')
    await page.locator('#query').pressSequentially('portugal')
    await page.waitForFunction(() => document.querySelector('.results b')?.textContent === 'Portugal')
    await ticked(page, before + 4)
    expect(await scroll.evaluate((element) => element.scrollTop)).toBe(4000)
    expect(await page.inputValue('#query')).toBe('portugal')
  })
})
