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
  expect(events[1]?.vars?.v).toBe('name=first')
  expect(events[3]?.vars?.v).toBe('name=second')
  await page.fill('input', 'third')
  expect(await live.event()).toMatchObject({ handler: 'typed', vars: { v: 'third' } })
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
