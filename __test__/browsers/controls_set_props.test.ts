/** Controls with `data-l-model` set props without a handler, and what is typed into them stays. */

import { html, type LiveModule } from 'loom-live'
import { z } from 'zod'
import { eachBrowser, type Page } from './index'
import { createGate } from './gate'
import { livePage } from './live'

const PROPS = {
  name: 'Ann',
  lazy: '',
  trimmed: '',
  slow: '',
  age: 7,
  day: '',
  news: false,
  tags: ['b'],
  size: 's',
  country: 'ch',
  more: [] as string[],
  note: '',
  text: 'start',
  color: '#000000',
  level: 3,
  errors: {} as Record<string, string[]>,
  said: 0,
}

type Props = typeof PROPS

const settings: LiveModule<Props> = {
  props: PROPS,
  model: {
    name: 'string',
    lazy: 'string',
    trimmed: 'string',
    slow: 'string',
    age: 'number',
    day: 'date',
    news: 'boolean',
    tags: 'string[]',
    size: 'string',
    country: 'string',
    more: 'string[]',
    note: 'string',
    text: 'string',
    color: 'color',
    level: 'number',
  },
  handle: {
    // So that an answer comes while somebody types.
    say: (props) => ({ ...props, said: props.said + 1 }),
    rename: (props) => ({ ...props, name: 'server' }),
  },
  render: (props) => html`
    <input id="name" data-l-model="name" value="${props.name}">
    <input id="lazy" data-l-model="lazy" data-l-model-lazy value="${props.lazy}">
    <input id="trimmed" data-l-model="trimmed" data-l-model-trim value="${props.trimmed}">
    <input id="slow" data-l-model="slow" data-l-debounce="60000" value="${props.slow}">
    <input id="age" type="number" data-l-model="age" value="${String(props.age)}">
    <input id="day" type="date" data-l-model="day" value="${props.day}">
    <input id="news" type="checkbox" data-l-model="news" ?checked=${props.news}>
    ${['a', 'b', 'c'].map((tag) => html`<input id="tag-${tag}" type="checkbox" value="${tag}" data-l-model="tags" ?checked=${props.tags.includes(tag)}>`)}
    ${['s', 'm'].map((size) => html`<input id="size-${size}" type="radio" name="size" value="${size}" data-l-model="size" ?checked=${props.size === size}>`)}
    <select id="country" data-l-model="country">
      ${['ch', 'at'].map((one) => html`<option value="${one}" ?selected=${props.country === one}>${one}</option>`)}
    </select>
    <select id="more" multiple data-l-model="more">
      ${['x', 'y', 'z'].map((one) => html`<option value="${one}" ?selected=${props.more.includes(one)}>${one}</option>`)}
    </select>
    <textarea id="note" data-l-model="note">${props.note}</textarea>
    <div id="text" contenteditable data-l-model="text">${props.text}</div>
    <input id="color" type="color" data-l-model="color" value="${props.color}">
    <input id="level" type="range" min="0" max="9" data-l-model="level" value="${String(props.level)}">
    <button id="say" @click="say">say</button><button id="rename" @click="rename">rename</button>
    <output>${JSON.stringify(props)}</output>
    <p id="wrong">${(props.errors['age'] ?? []).join()}</p>`,
}

const propsOf = async (page: Page): Promise<Props> => JSON.parse(await page.text('output')) as Props

/** Until the props on the server are these. */
async function sets(page: Page, expected: Partial<Props>): Promise<void> {
  for (const [name, value] of Object.entries(expected)) {
    await page.until(
      (name: string, value: string) => {
        const props = JSON.parse(document.querySelector('output')?.textContent ?? '{}') as Record<string, unknown>
        return JSON.stringify(props[name]) === value
      },
      name,
      JSON.stringify(value),
    )
  }
  await page.settled()
}

async function open(page: Page): Promise<void> {
  const { url } = await livePage(settings)
  await page.goto(url)
  await page.settled()
}

const valueOf = (page: Page, selector: string): Promise<string> =>
  page.evaluate((selector: string) => (document.querySelector(selector) as HTMLInputElement).value, selector)

/** As a control of the browser's own does, which a test cannot use in each browser. */
const choose = (page: Page, selector: string, value: string): Promise<void> =>
  page.evaluate(
    (selector: string, value: string) => {
      const field = document.querySelector(selector) as HTMLInputElement
      field.value = value
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }))
    },
    selector,
    value,
  )

eachBrowser('every kind of control sets its prop', async (page) => {
  await open(page)
  await page.type('#name', ' Lee')
  await sets(page, { name: 'Ann Lee' })
  await page.type('#note', 'some text')
  await sets(page, { note: 'some text' })
  await page.click('#news')
  await sets(page, { news: true })
  await page.click('#news')
  await sets(page, { news: false })
  await page.click('#tag-c')
  await sets(page, { tags: ['b', 'c'] })
  await page.click('#tag-b')
  await sets(page, { tags: ['c'] })
  await page.click('#size-m')
  await sets(page, { size: 'm' })
  for (const [selector, value] of [
    ['#country', 'at'],
    ['#day', '2026-03-01'],
    ['#color', '#ff8000'],
  ] as const) {
    await choose(page, selector, value)
    await sets(page, { [selector.slice(1)]: value })
  }
  await choose(page, '#level', '5')
  await sets(page, { level: 5 })
  await page.evaluate(() => {
    const select = document.querySelector('#more') as HTMLSelectElement
    for (const option of select.options) option.selected = option.value !== 'y'
    for (const type of ['input', 'change']) select.dispatchEvent(new Event(type, { bubbles: true }))
  })
  await sets(page, { more: ['x', 'z'] })
  expect((await propsOf(page)).errors).toEqual({})
})

eachBrowser('a half-typed number stays, and is an error once it is left', async (page) => {
  await open(page)
  await page.click('#age')
  await page.press('End')
  await page.keys('e')
  await page.click('#say')
  await sets(page, { said: 1, age: 7 })
  await page.until(() => document.querySelector('#wrong')?.textContent === 'Expected a number')
  await page.click('#age')
  await page.press('End')
  await page.keys('1')
  await sets(page, { age: 70 })
  await page.until(() => document.querySelector('#wrong')?.textContent === '')
})

eachBrowser('what is typed is not taken away by answers, and what the server says is shown', async (page) => {
  await open(page)
  await page.type('#name', ' and somebody with a long name')
  await sets(page, { name: 'Ann and somebody with a long name' })
  expect(await valueOf(page, '#name')).toBe('Ann and somebody with a long name')
  await page.click('#rename')
  await sets(page, { name: 'server' })
  expect(await valueOf(page, '#name')).toBe('server')
})

eachBrowser('lazy waits for the change, trim takes the spaces, debounce ends with the change', async (page) => {
  await open(page)
  await page.type('#lazy', 'abc')
  await page.type('#trimmed', ' a b ')
  await sets(page, { lazy: 'abc', trimmed: 'a b' })
  expect(await valueOf(page, '#trimmed')).toBe(' a b ')
  await page.type('#slow', 'xyz')
  await page.settled()
  expect(await valueOf(page, '#trimmed')).toBe('a b')
  expect((await propsOf(page)).slow).toBe('')
  await page.click('#name')
  await sets(page, { slow: 'xyz' })
})

eachBrowser('an edited text keeps its caret', async (page) => {
  await open(page)
  await page.evaluate(() => {
    const element = document.querySelector('#text') as HTMLElement
    element.focus()
    getSelection()?.collapse(element.firstChild, 2)
  })
  await page.keys('X')
  await sets(page, { text: 'stXart' })
  await page.keys('Y')
  await sets(page, { text: 'stXYart' })
})

eachBrowser('what is refused stays as it was typed, also if the answers are late', async (page) => {
  const gate = createGate()
  const long = z.string().refine(async (text) => (await gate.passed(), text.length > 1), 'too short')
  const { url } = await livePage({
    props: { name: 'Ann', text: 'Ann', errors: {} as Record<string, string[]> },
    model: { name: long, text: long },
    handle: {},
    render: ({ name, text, errors }) => html`
      <input id="name" data-l-model="name" value="${name}" data-l-validity="${errors['name']?.join()}">
      <div id="text" contenteditable data-l-model="text" data-l-validity="${errors['text']?.join()}">${text}</div>
      <output>${JSON.stringify({ name, text, errors })}</output>`,
  })
  await page.goto(url)
  await page.settled()
  // The answers to all but the last key say another text than that of the last key, about which nothing is said.
  await page.focus('#name')
  await page.press('End')
  gate.close()
  for (let times = 0; times < 2; times++) await page.press('Backspace')
  gate.open()
  await page.until(() => document.querySelector('output')?.textContent.includes('"name":"An"'))
  await page.settled()
  expect(await page.property('#name', 'value')).toBe('A')
  // It can be left, and says what is wrong.
  await page.press('Tab')
  await page.until(() => document.querySelector('output')?.textContent.includes('"errors":{"name":["too short"]}'))
  expect(await page.property('#name', 'value')).toBe('A')
  await page.focus('#text')
  await page.press('End')
  gate.close()
  for (let times = 0; times < 2; times++) await page.press('Backspace')
  gate.open()
  await page.until(() => document.querySelector('output')?.textContent.includes('"text":"An"'))
  await page.settled()
  expect(await page.text('#text')).toBe('A')
  // What is right is taken again.
  await page.keys('da')
  await page.until(() => document.querySelector('output')?.textContent.includes('"text":"Ada"'))
  await page.settled()
  expect(await page.text('#text')).toBe('Ada')
})
