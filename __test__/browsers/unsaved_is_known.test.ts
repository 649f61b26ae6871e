/** `data-l-dirty` on a form and its container while the form holds what the server has not taken; a question before the page is left. */

import { html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { createGate } from './gate'
import { livePage } from './live'

interface Props {
  name: string
  sent: string[]
  shown: boolean
}

type Shown = (props: Props) => ReturnType<typeof html>

const gate = createGate()
afterEach(() => gate.open())

const moduleOf = (shown: Shown): LiveModule<Props> => ({
  props: { name: 'Ann', sent: [], shown: true },
  handle: {
    async save(props, { form }) {
      await gate.passed()
      return { ...props, name: String(form?.['name']), sent: [...props.sent, JSON.stringify(form)] }
    },
    fail: () => {
      throw new Error('no')
    },
    refuse: (props, _, ctx) => {
      ctx.keepForm()
      return { ...props, sent: [...props.sent, 'refused'] }
    },
    type: (props, { value }) => ({ ...props, name: value ?? '' }),
    hide: (props) => ({ ...props, shown: false }),
    away: (props, _, ctx) => {
      ctx.redirect('/away')
      return props
    },
  },
  render: (props) => html`${shown(props)}<pre>${props.sent.join('\n')}</pre>`,
})

async function open(page: Page, shown: Shown): Promise<string[]> {
  const { url, requests } = await livePage(moduleOf(shown))
  await page.goto(url)
  await page.settled()
  return requests
}

/** Which of the page's forms are dirty, and "+" if their container is. */
const dirty = (page: Page): Promise<string> =>
  page.evaluate(
    () =>
      Array.from(document.querySelectorAll('form'))
        .filter((form) => form.hasAttribute('data-l-dirty'))
        .map((form) => form.getAttribute('id'))
        .join() + (document.querySelector('[data-l-live]')?.hasAttribute('data-l-dirty') ? '+' : ''),
  )

/** Would the browser ask? */
const asks = (page: Page): Promise<boolean> =>
  page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })))

const FORM: Shown = ({ name }) =>
  html`<form id="f" @submit="save" data-l-confirm-leave><input id="name" name="name" value="${name}"><button>Save</button><button type="reset">Reset</button></form>`

eachBrowser('a form is dirty from what the user types until the server has taken it', async (page) => {
  await open(page, FORM)
  expect(await dirty(page)).toBe('')
  expect(await asks(page)).toBe(false)
  await page.type('#name', 'a')
  expect(await dirty(page)).toBe('f+')
  expect(await asks(page)).toBe(true)
  // Taken back by hand.
  await page.press('Backspace')
  expect(await dirty(page)).toBe('')
  expect(await asks(page)).toBe(false)
  await page.keys('b')
  gate.close()
  await page.press('Enter')
  await page.until(() => document.querySelector('form')?.getAttribute('aria-busy') === 'true')
  expect(await dirty(page)).toBe('f+')
  expect(await asks(page)).toBe(true)
  gate.open()
  await page.settled()
  expect(await page.property('#name', 'value')).toBe('Annb')
  expect(await dirty(page)).toBe('')
  expect(await asks(page)).toBe(false)
  await page.type('#name', 'c')
  expect(await dirty(page)).toBe('f+')
  await page.click('[type=reset]')
  await page.until(() => !document.querySelector('form')?.hasAttribute('data-l-dirty'))
  expect(await dirty(page)).toBe('')
  expect(await page.property('#name', 'value')).toBe('Annb')
})

eachBrowser('what the user types while the form is sent is not taken by that answer', async (page) => {
  await open(page, FORM)
  gate.close()
  await page.type('#name', 'a')
  await page.press('Enter')
  await page.keys('b')
  gate.open()
  await page.shows('pre', '{"name":"Anna"}')
  await page.settled()
  expect(await page.property('#name', 'value')).toBe('Annab')
  expect(await dirty(page)).toBe('f+')
  gate.close()
  // Two in flight: the first answer takes the first only.
  await page.press('Enter')
  await page.keys('c')
  await page.press('Enter')
  expect(await dirty(page)).toBe('f+')
  gate.open()
  await page.settled()
  expect(await page.text('pre')).toBe('{"name":"Anna"}\n{"name":"Annab"}\n{"name":"Annabc"}')
  expect(await dirty(page)).toBe('')
})

for (const how of ['fail', 'refuse'])
  eachBrowser(`a submit that did not succeed (${how}) leaves the form dirty`, async (page) => {
    await open(
      page,
      ({ sent }) => html`<form id="f" class="${sent.length}" @submit="${how}"><input name="name"></form>`,
    )
    await page.type('[name=name]', 'a')
    await page.press('Enter')
    await page.settled()
    expect(await dirty(page)).toBe('f+')
    // Nobody asked for the question.
    expect(await asks(page)).toBe(false)
  })

eachBrowser('a field whose value follows what is typed is dirty as well', async (page) => {
  await open(
    page,
    ({ name }) =>
      html`<form id="f" @submit="save"><input id="name" name="name" value="${name}" @input="type"></form><output>${name}</output>`,
  )
  await page.type('#name', 'a')
  await page.shows('output', 'Anna')
  await page.settled()
  expect(await page.evaluate(() => document.querySelector('#name')?.getAttribute('value'))).toBe('Anna')
  expect(await dirty(page)).toBe('f+')
  await page.press('Backspace')
  await page.shows('output', 'Ann')
  await page.settled()
  expect(await dirty(page)).toBe('')
  await page.keys('e')
  await page.press('Enter')
  await page.settled()
  expect(await dirty(page)).toBe('')
})

eachBrowser('a form that keeps what it holds is clean when the server has taken that', async (page) => {
  await open(page, () => html`<form id="f" @submit="save" data-l-keep><input id="name" name="name"></form>`)
  await page.type('#name', 'a')
  await page.press('Enter')
  await page.settled()
  expect(await page.property('#name', 'value')).toBe('a')
  expect(await dirty(page)).toBe('')
  await page.keys('b')
  expect(await dirty(page)).toBe('f+')
  await page.press('Backspace')
  expect(await dirty(page)).toBe('')
})

eachBrowser('every kind of field can make a form dirty, and clean again', async (page) => {
  await open(
    page,
    () => html`<form id="f" @submit="save"><input id="box" type="checkbox" name="box" checked><input id="one" type="radio" name="r" checked><input id="two" type="radio" name="r">
      <select id="select" name="s"><option>1<option selected>2</select><select id="many" name="m" multiple><option selected>1<option>2</select>
      <textarea id="area" name="a">text</textarea><input id="number" type="number" name="n" value="10.0"><input id="file" type="file" name="file"></form>
      <form id="g" @submit="save"><input name="x"></form><input id="alone">`,
  )
  const both = async (make: () => Promise<void>, takeBack: () => Promise<void>) => {
    await make()
    expect(await dirty(page)).toBe('f+')
    await takeBack()
    expect(await dirty(page)).toBe('')
  }
  const again = (selector: string) => () => page.click(selector)
  await both(again('#box'), again('#box'))
  await both(again('#two'), again('#one'))
  await both(
    () => page.select('#select', '1'),
    () => page.select('#select', '2'),
  )
  await both(
    () => page.select('#many', '1', '2'),
    () => page.select('#many', '1'),
  )
  await both(
    () => page.type('#area', 'x'),
    () => page.press('Backspace'),
  )
  const fill = (text: string) =>
    page.evaluate((what) => {
      const field = document.querySelector('#number') as HTMLInputElement
      field.value = what
      field.dispatchEvent(new Event('input', { bubbles: true }))
    }, text)
  await both(
    () => fill('5'),
    () => fill('10.0'),
  )
  const choose = (names: string[]) =>
    page.evaluate((all) => {
      const field = document.querySelector('#file') as HTMLInputElement
      const list = new DataTransfer()
      for (const name of all) list.items.add(new File(['x'], name))
      field.files = list.files
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }))
    }, names)
  await both(
    () => choose(['a.txt']),
    () => choose([]),
  )
  // What is in no form is told at once; and one form says nothing of another.
  await page.type('#alone', 'x')
  expect(await dirty(page)).toBe('')
  await page.type('[name=x]', 'x')
  expect(await dirty(page)).toBe('g+')
})

eachBrowser('a form that the server takes away is no reason to ask', async (page) => {
  await open(
    page,
    ({ shown }) =>
      html`${shown ? html`<form id="f" @submit="save" data-l-confirm-leave><input name="name"></form>` : ''}<button @click="hide">hide</button>`,
  )
  await page.type('[name=name]', 'x')
  expect(await asks(page)).toBe(true)
  await page.click('button')
  await page.until(() => !document.querySelector('form'))
  await page.settled()
  expect(await dirty(page)).toBe('')
  expect(await asks(page)).toBe(false)
})

eachBrowser('the server may send the page elsewhere without a question', async (page) => {
  const requests = await open(
    page,
    () =>
      html`<form id="f" @submit="save" data-l-confirm-leave><input name="name"></form><button @click="away">away</button>`,
  )
  await page.type('[name=name]', 'x')
  expect(await asks(page)).toBe(true)
  await page.evaluate(() => {
    // It says what a browser that asks would have been told.
    addEventListener('beforeunload', (event) => sessionStorage.setItem('asked', String(event.defaultPrevented)))
  })
  await page.click('button')
  await page.until(() => location.pathname === '/away')
  await page.settled()
  expect(await page.evaluate(() => sessionStorage.getItem('asked'))).toBe('false')
  expect(requests).toEqual(['GET /', 'GET /away'])
})
