/** Who types at a control with `data-l-model` is faster than the server: no answer takes away what was typed since. */

import { html, type LiveModule, type Model } from 'loom-live'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  name: string
  note: string
  text: string
  age: number
  rare: string
  soon: string
  short: string
  brief: string
  news: boolean
  said: number
  errors: Record<string, string[]>
}

const FIRST: Props = {
  name: '',
  note: '',
  text: '',
  age: 7,
  rare: '',
  soon: '',
  short: '',
  brief: '',
  news: false,
  said: 0,
  errors: {},
}

/** Answers that wait until the test lets them go, one after the other. */
class Answers {
  private readonly waiting: (() => void)[] = []

  wait(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Lets the oldest one go, which may be still on its way here. */
  async letGo(): Promise<void> {
    const go = await until('an event to wait for its answer', () => this.waiting.shift())
    go()
  }

  get count(): number {
    return this.waiting.length
  }
}

/** `make`: what the server makes of a text. */
function slowModule(answers: Answers, make: (text: string) => string): LiveModule<Props> {
  const slowSchema = (isRight: (text: string) => boolean = () => true) => ({
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value: unknown) => {
        await answers.wait()
        return isRight(String(value)) ? { value: make(String(value)) } : { issues: [{ message: 'wrong' }] }
      },
    },
  })
  const slow = slowSchema()
  const short = slowSchema((text) => text.length < 3)
  return {
    props: FIRST,
    model: {
      ...{ name: slow, note: slow, text: slow, short, brief: short },
      ...{ age: 'number', rare: 'string', soon: 'string', news: 'boolean' },
    } as Model<Props>,
    handle: {
      off: (props) => ({ ...props, news: false, short: 'ab', said: props.said + 1 }),
      say: (props) => ({ ...props, said: props.said + 1 }),
      lines: (props) => ({ ...props, text: 'x\ny', said: props.said + 1 }),
    },
    render: (props) => html`
      <input id="name" data-l-model="name" value="${props.name}">
      <textarea id="note" data-l-model="note">${props.note}</textarea>
      <div id="text" contenteditable data-l-model="text" style="white-space: pre-wrap">${props.text}</div>
      <input id="age" type="number" step="any" data-l-model="age" value="${String(props.age)}">
      <input id="rare" data-l-model="rare" data-l-throttle="60000" value="${props.rare}">
      <input id="soon" data-l-model="soon" data-l-throttle="200" value="${props.soon}">
      <input id="short" data-l-model="short" value="${props.short}">
      <div id="brief" contenteditable data-l-model="brief">${props.brief}</div>
      <input id="news" type="checkbox" value="yes" data-l-model="news" ?checked=${props.news}>
      <button id="off" @click="off">off</button><button id="say" @click="say">say</button><button id="lines" @click="lines">lines</button>
      <output>${JSON.stringify(props)}</output>`,
  }
}

async function open(page: Page, make = (text: string): string => text): Promise<Answers> {
  const answers = new Answers()
  const { url } = await livePage(slowModule(answers, make))
  await page.goto(url)
  await page.settled()
  return answers
}

/** Waits until the page shows that this prop is so. */
async function shows<Name extends keyof Props>(page: Page, name: Name, value: Props[Name]): Promise<void> {
  await page.until(
    (name: string, value: string) => {
      const props = JSON.parse(document.querySelector('output')?.textContent ?? '{}') as Record<string, unknown>
      return JSON.stringify(props[name]) === value
    },
    name,
    JSON.stringify(value),
  )
}

/** What stands in the control. */
const held = (page: Page, selector: string): Promise<string> =>
  page.evaluate((where: string) => {
    const element = document.querySelector(where) as HTMLInputElement & HTMLElement
    return typeof element.value === 'string' ? element.value : element.innerText.replace(/\n$/, '')
  }, selector)

/** As a program does that clicks while the user is elsewhere: the focus stays. */
const clickFromAfar = (page: Page, selector: string): Promise<void> =>
  page.evaluate((where: string) => (document.querySelector(where) as HTMLElement).click(), selector)

for (const name of ['name', 'note', 'text'] as const)
  eachBrowser(`an answer to what was typed before leaves alone what was typed since: ${name}`, async (page) => {
    const answers = await open(page, (text) => text.toUpperCase())
    const where = `#${name}`
    await page.focus(where)
    await page.keys('abc')
    await answers.letGo()
    await shows(page, name, 'A')
    expect(await held(page, where)).toBe('abc')
    await answers.letGo()
    await shows(page, name, 'AB')
    expect(await held(page, where)).toBe('abc')
    // The last answer is on its way while the next key is pressed.
    await page.keys('d')
    await answers.letGo()
    await shows(page, name, 'ABC')
    expect(await held(page, where)).toBe('abcd')
    // The server has seen all of it, and says another text.
    await answers.letGo()
    await shows(page, name, 'ABCD')
    await page.settled()
    expect(await held(page, where)).toBe('ABCD')
    expect(answers.count).toBe(0)
  })

eachBrowser('a fast typist writes a sentence, each answer of which comes late', async (page) => {
  const answers = await open(page)
  const sentence = 'it is all here, with its  spaces '
  await page.focus('#name')
  for (const [at, letter] of [...sentence].entries()) {
    await page.keys(letter)
    // Always three behind.
    if (at >= 3) await answers.letGo()
    expect(await held(page, '#name')).toBe(sentence.slice(0, at + 1))
  }
  for (let rest = 0; rest < 3; rest++) await answers.letGo()
  await shows(page, 'name', sentence)
  await page.settled()
  expect(await held(page, '#name')).toBe(sentence)
})

const IS_WRONG: [name: 'short' | 'brief', late: number][] = [
  ['short', 0],
  ['short', 3],
  ['brief', 0],
  ['brief', 3],
]
for (const [name, late] of IS_WRONG)
  eachBrowser(`what the server does not let through stays as it was typed: ${name}, ${late} behind`, async (page) => {
    const answers = await open(page)
    const where = `#${name}`
    await page.focus(where)
    for (const [at, letter] of [...'abcd'].entries()) {
      await page.keys(letter)
      if (at < late) continue
      await answers.letGo()
    }
    for (let rest = 0; rest < late; rest++) await answers.letGo()
    await shows(page, 'errors', { [name]: ['wrong'] })
    await page.settled()
    await shows(page, name, 'ab')
    expect(await held(page, where)).toBe('abcd')
    // Nor does it go with what comes of something else.
    await clickFromAfar(page, '#say')
    await shows(page, 'said', 1)
    await page.settled()
    expect(await held(page, where)).toBe('abcd')
    await page.press('Backspace')
    await page.press('Backspace')
    await page.press('Backspace')
    for (let rest = 0; rest < 3; rest++) await answers.letGo()
    await shows(page, 'errors', {})
    await shows(page, name, 'a')
    await page.settled()
    expect(await held(page, where)).toBe('a')
  })

eachBrowser('a text that a handler gives back counts, also if it was typed before', async (page) => {
  const answers = await open(page)
  await page.focus('#short')
  for (const letter of 'ab') {
    await page.keys(letter)
    await answers.letGo()
  }
  await page.press('Backspace')
  await answers.letGo()
  await shows(page, 'short', 'a')
  await clickFromAfar(page, '#off')
  await shows(page, 'short', 'ab')
  await page.settled()
  expect(await held(page, '#short')).toBe('ab')
})

eachBrowser('a number field can be emptied', async (page) => {
  await open(page)
  await page.focus('#age')
  await page.press('End')
  for (const [key, text] of [
    ['1', '71'],
    ['Backspace', '7'],
    ['Backspace', ''],
  ] as const) {
    await page.press(key)
    await page.settled()
    expect(await held(page, '#age')).toBe(text)
  }
  await shows(page, 'errors', { age: ['Expected a number'] })
  await page.keys('42')
  await shows(page, 'age', 42)
  await page.settled()
  expect(await held(page, '#age')).toBe('42')
})

eachBrowser('a box that has the focus shows what the server says of it', async (page) => {
  await open(page)
  const isChecked = (): Promise<unknown> => page.property('#news', 'checked')
  await page.click('#news')
  await page.focus('#news')
  await shows(page, 'news', true)
  await page.settled()
  await clickFromAfar(page, '#off')
  await shows(page, 'news', false)
  await page.settled()
  expect(await isChecked()).toBe(false)
})

eachBrowser('a number that is half typed stays while answers come, and is sent when it is one', async (page) => {
  await open(page)
  const isUnread = (): Promise<boolean> =>
    page.evaluate(() => (document.querySelector('#age') as HTMLInputElement).validity.badInput)
  await page.focus('#age')
  await page.press('End')
  await page.keys('1e')
  await shows(page, 'age', 71)
  for (let said = 1; said <= 3; said++) {
    await clickFromAfar(page, '#say')
    await shows(page, 'said', said)
    await page.settled()
    expect(await isUnread()).toBe(true)
  }
  await page.keys('2')
  await shows(page, 'age', 7100)
  await page.settled()
  expect(await held(page, '#age')).toBe('71e2')
  for (let key = 0; key < 4; key++) await page.press('Backspace')
  await page.keys('-')
  await clickFromAfar(page, '#say')
  await shows(page, 'said', 4)
  await page.settled()
  expect(await isUnread()).toBe(true)
  await page.keys('.5')
  await shows(page, 'age', -0.5)
  await page.settled()
  expect(await held(page, '#age')).toMatch(/^-0?\.5$/)
})

eachBrowser('throttle sends the first at once, then the last of many, and at the change what is left', async (page) => {
  await open(page)
  await page.focus('#rare')
  await page.keys('abc')
  await clickFromAfar(page, '#say')
  await shows(page, 'said', 1)
  // What is sent takes what waits with it, so that events keep their order.
  await shows(page, 'rare', 'abc')
  await page.keys('def')
  await page.settled()
  await shows(page, 'rare', 'abc')
  expect(await held(page, '#rare')).toBe('abcdef')
  await page.focus('#name')
  await shows(page, 'rare', 'abcdef')
  await page.focus('#soon')
  await page.keys('xyz')
  // Nobody leaves it: the last one is sent when it may.
  await shows(page, 'soon', 'xyz')
})

/** What an input method does: what it proposes is in the field, and is not chosen yet. */
const propose = (page: Page, selector: string, text: string, type: string): Promise<void> =>
  page.evaluate(
    (where: string, what: string, kind: string) => {
      const field = document.querySelector(where) as HTMLInputElement & HTMLElement
      const isEnd = kind === 'compositionend'
      if (kind === 'compositionstart') field.dispatchEvent(new CompositionEvent(kind, { bubbles: true }))
      if (typeof field.value === 'string') field.value = what
      else field.textContent = what
      field.dispatchEvent(new InputEvent('input', { bubbles: true, isComposing: true }))
      if (isEnd) field.dispatchEvent(new CompositionEvent(kind, { bubbles: true, data: what }))
    },
    selector,
    text,
    type,
  )

for (const name of ['name', 'note', 'text'] as const)
  eachBrowser(`an input method is left alone by a slower answer, and what is chosen is sent: ${name}`, async (page) => {
    const answers = await open(page, (text) => text.toUpperCase())
    const where = `#${name}`
    await page.focus(where)
    await page.keys('a')
    await propose(page, where, 'aに', 'compositionstart')
    // Made since: its answer has seen all that was told.
    await clickFromAfar(page, '#say')
    await answers.letGo()
    await shows(page, name, 'A')
    await shows(page, 'said', 1)
    expect(await held(page, where)).toBe('aに')
    await propose(page, where, 'aにほ', 'input')
    await page.settled()
    expect(answers.count).toBe(0)
    expect(await held(page, where)).toBe('aにほ')
    await propose(page, where, 'a日本', 'compositionend')
    await answers.letGo()
    await shows(page, name, 'A日本')
    await page.settled()
    expect(await held(page, where)).toBe('A日本')
  })

eachBrowser('an edited text of several lines is sent with its lines, and stays as it was typed', async (page) => {
  const answers = await open(page)
  const markup = (): Promise<unknown> => page.property('#text', 'innerHTML')
  /** Types, and lets all answers go but the last. */
  const type = async (keys: readonly string[]): Promise<void> => {
    for (const [at, key] of keys.entries()) {
      await page.press(key)
      if (at < keys.length - 1) await answers.letGo()
    }
  }
  await page.focus('#text')
  await type(['o', 'n', 'e', 'Enter', 't', 'w', 'o', 'Enter', 'Enter', '3'])
  const before = await markup()
  await answers.letGo()
  await shows(page, 'text', 'one\ntwo\n\n3')
  await page.settled()
  expect(await markup()).toBe(before)
  // The caret is where it was.
  await type(['4'])
  await answers.letGo()
  await shows(page, 'text', 'one\ntwo\n\n34')
  await page.settled()
  // The server says other lines, and they can be edited.
  await page.click('#lines')
  await shows(page, 'text', 'x\ny')
  await page.settled()
  expect(await held(page, '#text')).toBe('x\ny')
  await page.evaluate(() => {
    const element = document.querySelector('#text') as HTMLElement
    element.focus()
    getSelection()?.selectAllChildren(element)
    getSelection()?.collapseToEnd()
  })
  await type(['z'])
  await answers.letGo()
  await shows(page, 'text', 'x\nyz')
})
