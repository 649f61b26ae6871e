import type { Page } from 'playwright-core'
import { container, Harness, htmlOf, Live, plain, tree, until, type Tree } from './harness'

const harness = new Harness()

/** The file for fields waits until the test lets it go. */
function holdFields(): (isThere?: boolean) => void {
  let letGo: (isThere: boolean) => void = () => undefined
  harness.server.letFields = new Promise((resolve) => (letGo = resolve))
  return (isThere = true) => letGo(isThere)
}

const asked = () => until('a request for the file', () => harness.server.fieldsAsked.length > 0)

const form = tree(
  ['<p>', '</p><form data-l-submit="save"><input name="name" data-l-input="typed" value="', '"></form>'],
  'x',
  '',
)

/** A page with this form, whose file waits. */
async function late() {
  const letGo = holdFields()
  const page = await harness.open(container(htmlOf(form)))
  await asked()
  return { letGo, page }
}

/** Joined, with events of which the server has not heard yet. */
async function joins(page: Page, content: Tree): Promise<Live> {
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  const live = new Live(page, harness.server, wire, id)
  live.joined(content)
  return live
}

test('a page without fields loads the client only', async () => {
  const live = await harness.live(plain('<button data-l-click="go" value="7">Go</button><a href="#">&lt;form</a>'))
  await live.page.click('button')
  expect(await live.event()).toMatchObject({ handler: 'go', vars: { v: '7' } })
  expect(harness.server.fieldsAsked).toEqual([])
})

test.each([
  '<form></form>',
  '<input>',
  '<textarea></textarea>',
  '<select></select>',
  '<p contenteditable></p>',
  '<x-field></x-field>',
])('a page with %s loads the file for fields, once', async (html) => {
  const live = await harness.live(tree([`${html}<i>`, '</i>'], '1'))
  live.patch({ 0: '2' })
  await live.settled()
  expect(await live.text('i')).toBe('2')
  expect(harness.server.fieldsAsked).toHaveLength(1)
})

test.each<[string, Parameters<typeof plain>[0] | { h: string }]>([
  ['a template', '<b></b><input value="1"><select><option>a<option selected>b</select>'],
  ['HTML', { h: '<b></b><input value="1"><select><option>a<option selected>b</select>' }],
])('the first field may come with %s; what follows waits', async (_, brought) => {
  const content = tree(['<p>', '</p><div>', '</div>'], '1', '')
  const live = await harness.live(content)
  const letGo = holdFields()
  live.patch({ 1: typeof brought === 'string' ? plain(brought) : brought })
  live.patch({ 0: '2' })
  await asked()
  expect(await live.html()).toBe(htmlOf(content))
  letGo()
  await live.settled()
  expect(await live.text('p')).toBe('2')
  expect(await live.page.inputValue('input')).toBe('1')
  expect(await live.page.inputValue('select')).toBe('b')
  await live.page.fill('input', 'mine')
  live.patch({ 1: plain('<b>2</b><input value="1">') })
  await live.settled()
  expect(harness.server.fieldsAsked).toHaveLength(1)
})

test('what a script puts into a component counts as well', async () => {
  const live = await harness.live(plain('<div data-l-input="typed"></div>'))
  await live.page.evaluate(() => document.querySelector('div div')?.append(document.createElement('input')))
  await live.page.fill('input', 'a')
  expect(await live.event()).toMatchObject({ handler: 'typed', vars: { v: 'a' } })
})

test('what is typed and sent before the file is there is handled once, in order', async () => {
  const { letGo, page } = await late()
  await page.fill('input', 'first')
  await page.press('input', 'Enter')
  await page.fill('input', 'second')
  await page.press('input', 'Enter')
  expect(page.url()).toBe(harness.server.url)
  const live = await joins(page, form)
  letGo()
  const events = [await live.event(), await live.event(), await live.event(), await live.event()]
  expect(events.map((event) => event.handler)).toEqual(['typed', 'save', 'typed', 'save'])
  expect(events[0]?.vars).toEqual({ v: 'first', f: 'name=first' })
  expect(events[1]?.vars?.v).toBe('name=first')
  expect(events[2]?.vars).toEqual({ v: 'second', f: 'name=second' })
  expect(events[3]?.vars?.v).toBe('name=second')
  await page.fill('input', 'third')
  expect(await live.event()).toMatchObject({ handler: 'typed', vars: { v: 'third' } })
})

test('an event before the file is there says what fields held then', async () => {
  const content = tree(
    [
      '<form data-l-change="form"><input type="checkbox" name="box" value="b" data-l-change="box">' +
        '<select multiple name="many" data-l-change="many"><option>a<option>b</select>' +
        '<input type="radio" name="one" value="x" data-l-change="one"><input name="text" data-l-keyup="key"></form>' +
        '<textarea form="far" data-l-input="area"></textarea><form id="far"></form><x-field data-l-input="own"></x-field><i>',
      '</i>',
    ],
    '1',
  )
  const letGo = holdFields()
  const page = await harness.open(container(htmlOf(content)))
  await asked()
  await page.check('[name=box]')
  await page.uncheck('[name=box]')
  await page.selectOption('select', ['a', 'b'])
  await page.selectOption('select', ['b'])
  await page.check('[name=one]')
  await page.press('[name=text]', 'k')
  await page.press('[name=text]', 'l')
  await page.fill('textarea', 'first')
  await page.fill('textarea', 'second')
  await page.evaluate(() => {
    const field = document.querySelector('x-field') as Element & { value?: string }
    for (const value of ['1', '2']) {
      field.value = value
      field.dispatchEvent(new Event('input', { bubbles: true }))
    }
  })
  const live = await joins(page, content)
  letGo()
  const said: unknown[] = []
  for (let count = 0; count < 12; count++) {
    const { handler, vars } = await live.event()
    said.push([handler, vars])
  }
  expect(said).toEqual([
    ['box', { v: 'b', c: true, f: 'box=b&text=' }],
    ['box', { v: 'b', c: false, f: 'text=' }],
    ['many', { v: 'a', m: ['a', 'b'], f: 'many=a&many=b&text=' }],
    ['many', { v: 'b', m: ['b'], f: 'many=b&text=' }],
    ['one', { v: 'x', c: true, f: 'many=b&one=x&text=' }],
    ['key', { v: 'k', k: 'k' }],
    ['key', { v: 'kl', k: 'l' }],
    ['form', { v: 'kl', f: 'many=b&one=x&text=kl' }],
    ['area', { v: 'first', f: '' }],
    ['area', { v: 'second', f: '' }],
    ['own', { v: '1' }],
    ['own', { v: '2' }],
  ])
})

test('what is good for one event has one, also while the file for fields is on its way', async () => {
  const content = tree(
    [
      '<button data-l-on-click.once="go">Go</button><form data-l-on-submit.once="send"><input name="a"></form>' +
        '<b data-l-click="end">b</b><i>',
      '</i>',
    ],
    '1',
  )
  const letGo = holdFields()
  const page = await harness.open(container(htmlOf(content)))
  await asked()
  // The file for bindings is there when this is heard of.
  await page.waitForFunction(() =>
    performance.getEntriesByType('resource').some(({ name }) => name.includes('/bindings.')),
  )
  for (let count = 0; count < 3; count++) {
    await page.click('button')
    await page.press('input', 'Enter')
  }
  await page.click('b')
  const live = await joins(page, content)
  letGo()
  const said = [await live.event(), await live.event(), await live.event()]
  expect(said.map(({ handler }) => handler)).toEqual(['go', 'send', 'end'])
  expect(page.url()).toBe(harness.server.url)
})

const state = (page: Page) => page.getAttribute('[data-l-live]', 'data-l-state')

/** What the page was told. */
const seen = (page: Page, wanted: string) =>
  page.evaluate(
    (wanted) =>
      (window as unknown as { seen: { name: string; detail: { reason?: string; events?: unknown[] } }[] }).seen
        .filter(({ name }) => name === wanted)
        .map(({ detail }) => detail),
    wanted,
  )

test('while the file cannot be loaded the component shows an error, and it is tried again', async () => {
  const { letGo, page } = await late()
  const live = await joins(page, form)
  expect(await state(page)).toBe('joining')
  harness.server.letFields = Promise.resolve(false)
  letGo(false)
  await until('a second request', () => harness.server.fieldsAsked.length >= 2)
  expect(await state(page)).toBe('error')
  expect(await seen(page, 'loom:error')).toHaveLength(1)
  live.patch({ 0: 'patched' })
  await page.fill('input', 'mine')
  harness.server.letFields = undefined
  expect(await live.event()).toMatchObject({ handler: 'typed', vars: { v: 'mine' } })
  await page.waitForFunction(() => document.querySelector('p')?.textContent === 'patched')
  expect(await state(page)).toBe('waiting')
  expect(harness.server.wires).toHaveLength(1)
  expect(await seen(page, 'loom:error')).toHaveLength(1)
})

test('of events that are too many for the wait, the page is told', async () => {
  const letGo = holdFields()
  const content = tree(['<button data-l-click="go">Go</button><input><i>', '</i>'], '1')
  const page = await harness.open(container(htmlOf(content)))
  await asked()
  await page.evaluate(() => {
    for (let count = 0; count < 1200; count++) document.querySelector('button')?.click()
  })
  expect(await state(page)).toBe('error')
  expect(await seen(page, 'loom:error')).toHaveLength(1)
  expect((await seen(page, 'loom:lost'))[0]).toEqual({ reason: 'full', events: [{ handler: 'go', event: 'click' }] })
  const live = await joins(page, content)
  letGo()
  await live.settled()
  // A component keeps a hundred until it has joined.
  expect(await seen(page, 'loom:lost')).toHaveLength(1100)
  expect(await state(page)).toBe('waiting')
})

test('a page for which the server says too much meanwhile joins anew', async () => {
  const { letGo, page } = await late()
  const live = await joins(page, form)
  for (let count = 0; count < 1000; count++) live.patch({ 0: `${count}` })
  const again = await joins(page, { ...form, d: ['new', ''] })
  letGo()
  await again.settled()
  expect(await again.text('p')).toBe('new')
})

test('what was typed before the file was there stays, although the server has not seen it', async () => {
  const { letGo, page } = await late()
  await page.fill('input', 'mine')
  const live = await joins(page, { ...form, d: ['y', 'other'] })
  letGo()
  await live.settled()
  expect(await live.text('p')).toBe('y')
  expect(await page.inputValue('input')).toBe('mine')
})

test('what stands in an ignored element reaches out of it no earlier', async () => {
  const letGo = holdFields()
  const box = '<input type="checkbox" id="box" data-l-change="checked">'
  const theirs = '<div data-l-ignore><label for="box">no</label></div>'
  const page = await harness.open(container(box + theirs))
  await asked()
  await page.click('label')
  expect(await page.isChecked('#box')).toBe(false)
  letGo()
})

test('a file that cannot be loaded is told of once, and tried again with the next connection', async () => {
  const { letGo, page } = await late()
  const wire = await harness.server.connection()
  await wire.next('join')
  letGo(false)
  const told = () =>
    page.evaluate(() =>
      (window as unknown as { seen: { name: string; detail: { action?: string } }[] }).seen
        .filter(({ name }) => name === 'loom:error')
        .map(({ detail }) => detail.action),
    )
  await page.waitForFunction(() => (window as unknown as { seen: unknown[] }).seen.length > 0)
  await page.fill('input', 'mine')
  const lost = holdFields()
  wire.drop()
  await until('another request', () => harness.server.fieldsAsked.length === 2)
  lost(false)
  const second = await harness.server.connection()
  await second.next('join')
  harness.server.letFields = undefined
  second.drop()
  const live = await joins(page, form)
  expect(await live.event()).toMatchObject({ handler: 'typed', vars: { v: 'mine' } })
  expect(harness.server.fieldsAsked).toHaveLength(3)
  expect(await told()).toEqual(['reload'])
})
