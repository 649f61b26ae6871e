import type { Page } from 'playwright-core'
import { Proxy } from '../support/proxy'
import { Demo, live, shows } from './demo'

const demo = new Demo()

/** What connections that were refused or broke leave in the console. */
const broken = /WebSocket connection to|ERR_/

const FIELD = '.chat-card .add input'

async function say(page: Page, text: string): Promise<void> {
  await page.fill(FIELD, text)
  await page.press(FIELD, 'Enter')
}

async function rename(page: Page, name: string): Promise<void> {
  await page.fill('#chat-name', name)
  await page.press('#chat-name', 'Enter')
  await live(page)
}

const messages = (page: Page): Promise<string[]> => page.locator('.log li').allInnerTexts()

/** Waits until the window shows these as its newest messages. */
async function ends(page: Page, texts: string[]): Promise<void> {
  await page.waitForFunction((wanted) => {
    const shown = [...document.querySelectorAll('.log li')].slice(-wanted.length)
    return JSON.stringify(shown.map((item) => item.textContent)) === JSON.stringify(wanted)
  }, texts)
}

test('what is said in one window is shown in both, under the window’s name', async () => {
  const [ann, ben] = [await demo.open(), await demo.open()]
  await rename(ann, 'Ann')
  await rename(ben, 'Ben')
  await say(ann, 'Is <b>anybody</b> there?')
  await ends(ben, ['Ann Is <b>anybody</b> there?'])
  await say(ben, 'I am')
  const said = ['Ann Is <b>anybody</b> there?', 'Ben I am']
  await Promise.all([ends(ann, said), ends(ben, said)])
  expect(await ann.locator('.log .mine').last().innerText()).toBe(said[0])
  expect(await ben.locator('.log .mine').last().innerText()).toBe(said[1])
  expect(await ann.inputValue(FIELD)).toBe('')
})

test('who comes later has what was said before, in the first paint', async () => {
  const ann = await demo.open()
  await rename(ann, 'Ann')
  await say(ann, 'said before')
  await ends(ann, ['Ann said before'])
  expect(await (await fetch(demo.server.url)).text()).toContain('said before')
  const late = await demo.open()
  expect(await messages(late)).toEqual(await messages(ann))
})

test('a window that was offline for some seconds has all messages, once and in order', async () => {
  const proxy = await Proxy.to(demo.server.port)
  const [ann, ben] = [await demo.open(), await demo.openAt(proxy.url)]
  await rename(ann, 'Ann')
  await rename(ben, 'Ben')
  proxy.open = false
  proxy.cut()
  await ben.waitForSelector('[data-l-state=offline]')
  for (let number = 1; number <= 8; number++) {
    await say(ann, `while Ben is away: ${number}`)
    await ends(ann, [`Ann while Ben is away: ${number}`])
    await ann.waitForTimeout(400)
  }
  // What is said offline waits in the window.
  await say(ben, 'from offline')
  proxy.open = true
  await live(ben)
  const expected = [...Array.from({ length: 8 }, (_, at) => `Ann while Ben is away: ${at + 1}`), 'Ben from offline']
  await Promise.all([ends(ann, expected), ends(ben, expected)])
  expect(await messages(ben)).toEqual(await messages(ann))
  expect(new Set((await messages(ben)).slice(-9)).size).toBe(9)
  demo.forgiveProblems(broken)
})

test('a window keeps what it showed when the server is started again, which has forgotten it', async () => {
  const [ann, ben] = [await demo.open(), await demo.open()]
  await rename(ann, 'Ann')
  await say(ann, 'before the restart')
  await ends(ben, ['Ann before the restart'])
  await demo.server.stop('SIGTERM')
  await ann.waitForSelector('[data-l-state=offline]')
  await ben.waitForSelector('[data-l-state=offline]')
  demo.server = await Demo.startServer(demo.server.port)
  await Promise.all([live(ann), live(ben)])
  await say(ann, 'after the restart')
  const said = ['Ann before the restart', 'Ann after the restart']
  await Promise.all([ends(ann, said), ends(ben, said)])
  expect(await messages(await demo.open())).toEqual(['Ann after the restart'])
  demo.forgiveProblems(broken)
})

test('the last fifty messages are kept, in the window and for who comes later', async () => {
  const ann = await demo.open()
  await rename(ann, 'Ann')
  for (let number = 1; number <= 55; number++) {
    await say(ann, `number ${number}`)
    await ends(ann, [`Ann number ${number}`])
  }
  const last = Array.from({ length: 50 }, (_, at) => `Ann number ${at + 6}`)
  expect(await messages(ann)).toEqual(last)
  expect(await messages(await demo.open())).toEqual(last)
})

/** Whom the window shows as being here. */
const people = (page: Page): Promise<string[]> => page.locator('.people li').allInnerTexts()

/** Waits until these are among those who are here, and those others are not. */
async function here(page: Page, those: string[], others: string[] = []): Promise<void> {
  await page.waitForFunction(
    ([those, others]) => {
      const shown = [...document.querySelectorAll('.people li')].map((item) => item.textContent)
      return those.every((name) => shown.includes(name)) && !others.some((name) => shown.includes(name))
    },
    [those, others] as const,
  )
}

test('who is here is shown in each window, and who has left is gone after a while', async () => {
  const [ann, ben] = [await demo.open(), await demo.open()]
  await rename(ann, 'Ann')
  await rename(ben, 'Ben')
  await Promise.all([here(ann, ['Ann (you)', 'Ben']), here(ben, ['Ann', 'Ben (you)'])])
  await rename(ben, 'Benny')
  await here(ann, ['Ann (you)', 'Benny'], ['Ben'])
  // Whoever comes sees them before anything is live.
  const first = await (await fetch(demo.server.url)).text()
  expect(first).toMatch(/<ul class="people"[^>]*>[^]*Ann[^]*Benny[^]*<\/ul>/)
  await ben.goto('about:blank')
  await here(ann, ['Ann (you)'], ['Benny'])
  expect(await people(ann)).toContain('Ann (you)')
})

test('a window that is offline for a moment stays in the others, and one that is killed does not', async () => {
  const proxy = await Proxy.to(demo.server.port)
  const [ann, ben] = [await demo.open(), await demo.openAt(proxy.url)]
  await rename(ann, 'Ann')
  await rename(ben, 'Ben')
  await here(ann, ['Ann (you)', 'Ben'])
  await ann.evaluate(() => {
    const names = (): string[] => [...document.querySelectorAll('.people li')].map((item) => item.textContent)
    const list = document.querySelector('.people') as Element
    const watch = new MutationObserver(() => {
      if (!names().includes('Ben')) document.documentElement.dataset['left'] = 'Ben'
    })
    watch.observe(list, { childList: true, characterData: true, subtree: true })
  })
  // The client is back sooner than a driver that looks now and then sees.
  const wasOffline = ben.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const list = document.querySelector('[data-l-live]') as Element
        new MutationObserver(() => {
          if (list.getAttribute('data-l-state') === 'offline') resolve()
        }).observe(list, { attributeFilter: ['data-l-state'] })
      }),
  )
  await ben.evaluate(() => undefined)
  proxy.cut()
  await wasOffline
  await live(ben)
  // What is told of somebody else afterwards shows that nothing was told of Ben.
  const cleo = await demo.open()
  await rename(cleo, 'Cleo')
  await here(ann, ['Ann (you)', 'Ben', 'Cleo'])
  expect(await ann.evaluate(() => document.documentElement.dataset['left'])).toBeUndefined()
  proxy.open = false
  proxy.cut()
  await here(ann, ['Ann (you)', 'Cleo'], ['Ben'])
  demo.forgiveProblems(broken)
})

test('who types is shown to the others, until they stop or send', async () => {
  const [ann, ben] = [await demo.open(), await demo.open()]
  await rename(ann, 'Ann')
  await rename(ben, 'Ben')
  await ann.locator(FIELD).pressSequentially('I wonder')
  await shows(ben, '.typing', 'Ann is typing …')
  expect(await ann.innerText('.typing')).toBe('')
  // She does not go on: a timer ends it.
  await shows(ben, '.typing', '')
  await ann.locator(FIELD).pressSequentially(' whether')
  await shows(ben, '.typing', 'Ann is typing …')
  await ann.press(FIELD, 'Enter')
  await ends(ben, ['Ann I wonder whether'])
  expect(await ben.innerText('.typing')).toBe('')
})
