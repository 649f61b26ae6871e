/** What a form does while it is sent and when the answer is there. */

import { html, type Handler, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { createGate } from './gate'
import { livePage } from './live'

interface Props {
  log: string[]
  tone: string
}

type Shown = (props: Props) => ReturnType<typeof html>

const gate = createGate()
afterEach(() => gate.open())

const write: Handler<Props> = async (props, { form }) => {
  await gate.passed()
  return { ...props, log: [...props.log, JSON.stringify(form)] }
}

const moduleOf = (shown: Shown): LiveModule<Props> => ({
  props: { log: [], tone: 'a' },
  handle: {
    save: write,
    async fail() {
      await gate.passed()
      throw new Error('no')
    },
    async refuse(props, _, ctx) {
      await gate.passed()
      ctx.keepForm()
      return { ...props, tone: 'refused' }
    },
    paint: (props) => ({ ...props, tone: `${props.tone}b` }),
    cancel: (props) => ({ ...props, log: [...props.log, 'cancelled'] }),
  },
  render: (props) => html`${shown(props)}<pre>${props.log.join('\n')}</pre><p>${props.tone}</p>`,
})

const log = async (page: Page): Promise<unknown[]> => {
  await page.settled()
  return (await page.text('pre'))
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line))
}

async function open(page: Page, shown: Shown): Promise<string[]> {
  const { url, requests } = await livePage(moduleOf(shown))
  await page.goto(url)
  await page.settled()
  return requests
}

/** Of all that has an id: what of it rests. */
const resting = (page: Page): Promise<string> =>
  page.evaluate(() =>
    Array.from(document.querySelectorAll('[id]'))
      .filter((one) => one.hasAttribute('disabled') || one.hasAttribute('readonly'))
      .map((one) => `${one.id}:${one.hasAttribute('disabled') ? 'd' : ''}${one.hasAttribute('readonly') ? 'r' : ''}`)
      .join(' '),
  )

eachBrowser('the button that was pressed is sent, with its name and its value', async (page) => {
  const requests = await open(
    page,
    () => html`<form id="f" @submit="save"><input name="a" value="1">
        <button id="one" name="do" value="draft">Save</button><button id="two" name="do" value="publish">Publish</button>
        <input id="three" type="submit" name="do" value="Send"><button id="four" name="empty">x</button><button id="five" value="nameless">x</button></form>
      <button id="out" form="f" name="do" value="outside">Outside</button>`,
  )
  for (const id of ['one', 'two', 'three', 'four', 'five', 'out']) {
    await page.click(`#${id}`)
    await page.settled()
  }
  // Enter presses the first one.
  await page.focus('[name=a]')
  await page.press('Enter')
  await page.settled()
  // As scripts press one.
  await page.evaluate(() => document.querySelector('form')?.requestSubmit(document.querySelector<HTMLElement>('#two')))
  await page.settled()
  // Without a button there is none.
  await page.evaluate(() => document.querySelector('form')?.requestSubmit())
  expect(await log(page)).toEqual([
    { a: '1', do: 'draft' },
    { a: '1', do: 'publish' },
    { a: '1', do: 'Send' },
    { a: '1', empty: '' },
    { a: '1' },
    { a: '1', do: 'outside' },
    { a: '1', do: 'draft' },
    { a: '1', do: 'publish' },
    { a: '1' },
  ])
  expect(requests).toEqual(['GET /'])
})

eachBrowser('two submits in flight are both handled, in order; the same one twice is one', async (page) => {
  await open(
    page,
    () => html`<form @submit="save"><input name="a" value="1"><button id="one" name="do" value="draft">Save</button>
      <button id="two" name="do" value="publish">Publish</button></form>`,
  )
  gate.close()
  for (const id of ['one', 'two', 'two', 'one', 'one']) await page.click(`#${id}`)
  gate.open()
  expect(await log(page)).toEqual([
    { a: '1', do: 'draft' },
    { a: '1', do: 'publish' },
    { a: '1', do: 'draft' },
  ])
})

const ALL: Shown = ({
  tone,
}) => html`<form id="f" class="${tone}" @submit="save" data-l-disable><fieldset id="set"><input id="text" name="text">
    <textarea id="area" name="area"></textarea></fieldset><input id="number" type="number" name="number"><input id="date" type="date" name="date">
    <input id="box" type="checkbox" name="box"><input id="radio" type="radio" name="radio"><select id="select" name="select"><option>1<option>2</select>
    <input id="range" type="range" name="range"><input id="file" type="file" name="file">
    <input id="fixed" name="fixed" value="f" readonly="readonly"><input id="off" name="off" disabled="disabled">
    <button id="save">Save</button><button id="reset" type="reset">Reset</button>
    <button id="cancel" type="button" @click="cancel">Cancel</button><button id="free" data-l-disable="false" name="x">x</button></form>
  <button id="out" form="f">Save</button><input id="beside" name="beside"><button id="paint" @click="paint">paint</button>`

const AT_REST = 'fixed:r off:d'
const SENT = 'text:r area:r number:r date:r box:d radio:d select:d range:d file:d fixed:r off:d save:d reset:d out:d'

eachBrowser('a form with data-l-disable rests while it is sent, and is as it was then', async (page) => {
  await open(page, ALL)
  const before = await page.evaluate(() => document.querySelector('form')?.outerHTML)
  expect(await resting(page)).toBe(AT_REST)
  gate.close()
  await page.type('#text', 'abc')
  await page.press('Enter')
  await page.until(() => document.querySelector('#save')?.hasAttribute('disabled'))
  expect(await resting(page)).toBe(SENT)
  // The caret is where it was, and typing does nothing.
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('text')
  await page.keys('xyz')
  await page.press('Enter')
  expect(await page.property('#text', 'value')).toBe('abc')
  gate.open()
  expect(await log(page)).toEqual([
    { text: 'abc', area: '', number: '', date: '', select: '1', range: '50', fixed: 'f' },
  ])
  expect(await resting(page)).toBe(AT_REST)
  expect(await page.evaluate(() => document.querySelector('form')?.outerHTML)).toBe(before)
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('text')
})

for (const how of ['fail', 'refuse'])
  eachBrowser(`after a submit that did not succeed (${how}) a form is as the user left it`, async (page) => {
    await open(
      page,
      ({ tone }) => html`<form @submit="${how}" data-l-disable class="${tone}"><input id="text" name="text" value="old">
        <select id="select" name="s"><option>1<option>2</select><input id="box" type="checkbox" name="b"><button id="save">Save</button></form>`,
    )
    await page.type('#text', ' and new')
    await page.click('#box')
    await page.select('#select', '2')
    await page.evaluate(() => document.querySelector<HTMLInputElement>('#text')?.setSelectionRange(2, 5))
    await page.focus('#select')
    gate.close()
    await page.evaluate(() =>
      document.querySelector('form')?.requestSubmit(document.querySelector<HTMLElement>('#save')),
    )
    await page.until(() => document.querySelector('#save')?.hasAttribute('disabled'))
    gate.open()
    await page.settled()
    expect(await resting(page)).toBe('')
    expect(await page.property('#text', 'value')).toBe('old and new')
    expect(await page.property('#text', 'selectionEnd')).toBe(5)
    expect(await page.property('#box', 'checked')).toBe(true)
    expect(await page.property('#select', 'value')).toBe('2')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('select')
  })

eachBrowser('a form that is sent stays at rest over patches and a lost connection, until its answer', async (page) => {
  await open(page, ALL)
  gate.close()
  await page.click('#save')
  await page.until(() => document.querySelector('#save')?.hasAttribute('disabled'))
  await page.click('#paint')
  await page.click('#cancel')
  await page.evaluate(() => {
    dispatchEvent(new Event('offline'))
    dispatchEvent(new Event('online'))
  })
  await page.until(() => document.querySelector('[data-l-live]')?.getAttribute('data-l-state') === 'waiting')
  expect(await resting(page)).toBe(SENT)
  gate.open()
  await page.shows('p', 'ab')
  await page.settled()
  expect(await resting(page)).toBe(AT_REST)
  expect((await page.text('pre')).endsWith('cancelled')).toBe(true)
})

eachBrowser('a page that is loaded again while a form is sent has a form that can be used', async (page) => {
  await open(page, ALL)
  gate.close()
  await page.type('#text', 'abc')
  await page.click('#save')
  await page.until(() => document.querySelector('#save')?.hasAttribute('disabled'))
  await page.reload()
  await page.until(() => document.querySelector('[data-l-live]')?.getAttribute('data-l-state') === 'live')
  expect(
    await page.evaluate(() =>
      Array.from(document.querySelectorAll<HTMLInputElement>('[id]'))
        .filter((one) => one.disabled || one.readOnly)
        .map(({ id }) => id)
        .join(),
    ),
  ).toBe('fixed,off')
  gate.open()
})

eachBrowser('data-l-keep keeps what a form or one of its fields holds', async (page) => {
  await open(
    page,
    ({
      log: sent,
    }) => html`<form id="one" @submit="save"><input name="a" value="${sent.length}" data-l-keep><input name="b" value="${sent.length}"><button>x</button></form>
      <form id="two" @submit="save" data-l-keep><input name="c" value="0"><input name="d" type="checkbox"><select name="e"><option>1<option>2</select><button>x</button></form>`,
  )
  await page.type('[name=a]', 'x')
  await page.type('[name=b]', 'x')
  await page.click('#one button')
  await page.settled()
  // The server says something else of both, and has seen what the user did: the field shows that.
  expect(await page.property('[name=a]', 'value')).toBe('1')
  expect(await page.property('[name=b]', 'value')).toBe('1')
  await page.type('[name=c]', 'x')
  await page.click('[name=d]')
  await page.select('[name=e]', '2')
  await page.click('#two button')
  await page.settled()
  expect(await page.property('[name=c]', 'value')).toBe('0x')
  expect(await page.property('[name=d]', 'checked')).toBe(true)
  expect(await page.property('[name=e]', 'value')).toBe('2')
  expect((await log(page)).at(-1)).toEqual({ c: '0x', d: 'on', e: '2' })
})

eachBrowser('fields may be called as what a form has, while the form is sent', async (page) => {
  const names = ['submit', 'elements', 'method', 'action', 'id', 'nodeName', 'disabled', 'matches', 'contains']
  await open(
    page,
    () => html`<form @submit="save" data-l-disable data-l-confirm-leave data-l-recover>
      ${names.map((name) => html`<input class="field" name="${name}" value="1">`)}<button class="send" name="name" value="n">x</button></form>`,
  )
  gate.close()
  await page.type('[name=elements]', '2')
  await page.click('.send')
  await page.until(() => document.querySelector('.send')?.hasAttribute('disabled'))
  expect(await page.evaluate(() => document.querySelectorAll('.field[readonly]').length)).toBe(names.length)
  gate.open()
  expect(await log(page)).toEqual([
    { ...Object.fromEntries(names.map((name) => [name, name === 'elements' ? '12' : '1'])), name: 'n' },
  ])
  expect(await page.evaluate(() => document.querySelectorAll('[readonly],[disabled],[data-l-dirty]').length)).toBe(0)
})
