/** `openPage`: what a user does, and what a test finds in the page. The page is the real client's, the component a real actor's. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLoom, each, html, live, type LiveRequest, Refusal } from 'loom-live'
import { openPage } from 'loom-live/testing'
import { afterAll, expect, test } from '@jest/globals'

const silent = { error: () => undefined, warn: () => undefined }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })

afterAll(() => loom.close())

const counter = loom.register('counter', {
  props: { count: 0 },
  handle: {
    add: (props) => ({ count: props.count + 1 }),
    later: async (props) => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return { count: props.count + 10 }
    },
    fail: () => {
      throw new RangeError('too far')
    },
    refuse: () => {
      throw new Refusal('Not you')
    },
    push: (props, _, ctx) => {
      ctx.push('said', { count: props.count })
      ctx.push('other', 1)
    },
    leave: (_, __, ctx) => {
      ctx.redirect('/done?by=counter')
    },
  },
  render: ({ count }) => html`
    <button data-l-click="add">Add</button>
    <button data-l-click="later">Later</button>
    <button data-l-click="fail">Fail</button>
    <button data-l-click="refuse">Refuse</button>
    <button data-l-click="push">Push</button>
    <button data-l-click="leave" ?disabled=${count > 90}>Leave</button>
    <output>${count}</output>
  `,
})

test('a click is answered by the handler, and the page shows what comes of it', async () => {
  const page = await openPage(loom, counter, { count: 5 })
  expect(page.text('output')).toBe('5')
  await page.click('button', { text: 'Add' })
  await page.click('button', { text: /^Lat/ })
  expect(page.text('output')).toBe('16')
  expect(await page.props()).toEqual({ count: 16 })
  expect(page.has('output', { text: '16' })).toBe(true)
  expect(page.has('output', { text: '5' })).toBe(false)
  await page.close()
})

test('what a handler throws is what the test gets, and the state is that of before', async () => {
  await using page = await openPage(loom, counter)
  await page.click('button', { text: 'Add' })
  await expect(page.click('button', { text: 'Fail' })).rejects.toThrow(RangeError)
  await expect(page.click('button', { text: 'Fail' })).rejects.toThrow('too far')
  await expect(page.click('button', { text: 'Refuse' })).rejects.toThrow('Not you')
  await page.click('button', { text: 'Add' })
  expect(await page.props()).toEqual({ count: 2 })
})

test('pushes and redirects are there', async () => {
  await using page = await openPage(loom, counter, { count: 3 }, { request: { url: '/start?x=1' } })
  expect(page.url).toBe('/start?x=1')
  await page.click('button', { text: 'Push' })
  expect(page.pushed()).toEqual([
    { name: 'said', data: { count: 3 } },
    { name: 'other', data: 1 },
  ])
  expect(page.pushed('said')).toEqual([{ count: 3 }])
  await page.click('button', { text: 'Leave' })
  expect(page.url).toBe('/done?by=counter')
})

test('two pages have two states, and go at the same time', async () => {
  const pages = await Promise.all([1, 2, 3].map((count) => openPage(loom, counter, { count })))
  await Promise.all(pages.map((page) => page.click('button', { text: 'Add' })))
  expect(pages.map((page) => page.text('output'))).toEqual(['2', '3', '4'])
  for (const page of pages) await page.close()
})

test('a page that is left ends its component', async () => {
  const page = await openPage(loom, counter)
  const { connections } = loom.stats()
  expect(connections).toBeGreaterThan(0)
  await page.close()
  for (let tries = 0; loom.stats().connections >= connections && tries < 1000; tries++)
    await new Promise((resolve) => setTimeout(resolve, 5))
  expect(loom.stats().connections).toBe(connections - 1)
})

const form = loom.register('form', {
  props: { log: [] as string[], saved: {} as Record<string, unknown> },
  handle: {
    typed: (props, { value = '' }) => ({ ...props, log: [...props.log, `typed ${value}`] }),
    changed: (props, { value = '', checked }) => ({
      ...props,
      log: [...props.log, `changed ${value} ${checked ?? ''}`.trim()],
    }),
    key: (props, { key = '' }) => ({ ...props, log: [...props.log, `key ${key}`] }),
    save: (props, { form: fields }) => ({ ...props, saved: { ...fields } }),
  },
  render: ({ log }) => html`
    <form data-l-submit="save">
      <input name="title" data-l-input="typed" data-l-debounce="300" required>
      <textarea name="text"></textarea>
      <input type="checkbox" name="done" data-l-change="changed" value="yes">
      <input type="checkbox" name="tags" value="a">
      <input type="checkbox" name="tags" value="b">
      <input type="radio" name="size" value="s"><input type="radio" name="size" value="m">
      <select name="colour" data-l-change="changed"><option value="r">Red</option><option value="g">Green</option></select>
      <select name="many" multiple><option>1</option><option>2</option><option>3</option></select>
      <input name="off" disabled>
      <button name="how" value="now">Save</button>
    </form>
    <input id="search" data-l-keydown="key">
    <ul>${each(
      log.map((text, at) => ({ text, at })),
      ({ at }) => at,
      ({ text }) => html`<li>${text}</li>`,
    )}</ul>
  `,
})

test('fields are filled as a user fills them, without the wait of a debounce', async () => {
  await using page = await openPage(loom, form)
  await page.fill('[name=title]', 'Milk')
  await page.fill('[name=done]', true)
  await page.fill('select[name=colour]', 'g')
  await page.press('Enter', '#search')
  expect(page.html('ul')).toBe(
    ['<li>typed Milk</li>', '<li>changed yes true</li>', '<li>changed g</li>', '<li>key Enter</li>'].join('\n'),
  )
})

test('a form is sent with what its fields hold', async () => {
  await using page = await openPage(loom, form)
  await page.submit('form', {
    title: 'Milk',
    text: 'two\nlines',
    done: true,
    tags: ['b'],
    size: 'm',
    colour: 'g',
    many: ['1', '3'],
  })
  const { saved } = await page.props()
  expect(saved).toMatchObject({ title: 'Milk', done: 'yes', size: 'm', colour: 'g', how: 'now' })
  await page.fill('form', { title: 'Bread', tags: ['a', 'b'] })
  await page.submit()
  expect((await page.props()).saved).toMatchObject({ title: 'Bread' })
})

test('the button that is clicked sends its form with its own value', async () => {
  const buttons = loom.register('buttons', {
    props: { how: '' },
    handle: {
      save: (_, { form: fields }, ctx) => {
        ctx.title(`Saved: ${String(fields?.['how'])}`)
        return { how: String(fields?.['how']) }
      },
    },
    render: ({ how }) => html`
      <form data-l-submit="save">
        <button name="how" value="now">Now</button><button name="how" value="later">Later</button>
      </form>
      <output>${how}</output>
    `,
  })
  await using page = await openPage(loom, buttons)
  await page.click('button', { text: 'Later' })
  expect([page.text('output'), page.window.document.title]).toEqual(['later', 'Saved: later'])
  await page.submit()
  expect([page.text('output'), page.window.document.title]).toEqual(['now', 'Saved: now'])
})

test('a browser sends no form that is not valid', async () => {
  await using page = await openPage(loom, form)
  await expect(page.submit()).rejects.toThrow(/a browser does not send the form, because <input name="title"/)
  await expect(page.fill('[name=off]', 'x')).rejects.toThrow('is disabled, and nobody can fill it')
  await expect(page.fill('select[name=colour]', 'b')).rejects.toThrow('has no option "b"; there are "r", "g"')
  expect((await page.props()).saved).toEqual({})
})

/** Whom middleware has found. */
const userOf = ({ request }: { request: LiveRequest }): string | undefined =>
  (request['user'] as { id: string } | undefined)?.id

const mine = loom.register('mine', {
  props: { name: '' },
  mount: (_, ctx) => ({ name: userOf(ctx) ?? 'nobody' }),
  handle: {
    who: (_, __, ctx) => ({
      name: `${userOf(ctx) ?? 'nobody'} by ${String(ctx.request.headers['accept-language'])}`,
    }),
  },
  render: ({ name }) => html`<button data-l-click="who">${name}</button>`,
})

test('the request is that of the page and of its connection', async () => {
  const request = { user: { id: 'ada' }, headers: { 'Accept-Language': 'de' } }
  await using page = await openPage(loom, mine, {}, { request })
  expect(page.text('button')).toBe('ada')
  await page.click('button')
  expect(page.text('button')).toBe('ada by de')
})

const secret = loom.register('secret', {
  props: {},
  authorize: (ctx) => userOf(ctx) === 'ada',
  handle: {},
  render: () => html`<p>Secret</p>`,
})

test('who may not join opens no page', async () => {
  await using page = await openPage(loom, secret, {}, { request: { user: { id: 'ada' } } })
  expect(page.text()).toBe('Secret')
  await expect(openPage(loom, secret, {}, { request: { user: { id: 'bob' } } })).rejects.toThrow(/not allowed/i)
})

const row = loom.register('row', {
  props: { id: 0, clicks: 0 },
  handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
  render: ({ id, clicks }) => html`<button data-l-click="click">${id}: ${clicks}</button>`,
})

const rows = loom.register('rows', {
  props: { ids: [1, 2] },
  handle: { more: ({ ids }) => ({ ids: [...ids, ids.length + 1] }) },
  render: ({ ids }) => html`
    <button data-l-click="more">More</button>
    ${each(
      ids,
      (id) => id,
      (id) => html`<div>${live(row, { id }, { key: String(id) })}</div>`,
    )}
  `,
})

test('nested components are there, each with its own state', async () => {
  await using page = await openPage(loom, rows)
  await page.click('button', { text: '2: 0' })
  await page.click('button', { text: 'More' })
  await page.click('button', { text: '3: 0' })
  await page.click('button', { text: '3: 1' })
  expect(page.has('button', { text: '1: 0' })).toBe(true)
  expect(page.has('button', { text: '2: 1' })).toBe(true)
  expect(page.has('button', { text: '3: 2' })).toBe(true)
  expect(await page.props()).toEqual({ ids: [1, 2, 3] })
})

const paged = loom.register('paged', {
  props: { page: 1 },
  params: (props, { searchParams }) => ({ ...props, page: Number(searchParams.get('page') ?? 1) }),
  handle: {
    next: (props, _, ctx) => {
      ctx.patch(`?page=${props.page + 1}`)
    },
  },
  render: ({ page }) =>
    html`<a href="?page=7" data-l-patch>Seven</a><button data-l-click="next">Next</button><p>${page}</p>`,
})

test('the address changes by a link, by a handler and by the test', async () => {
  await using page = await openPage(loom, paged, {}, { request: { url: '/list?page=3' } })
  expect(page.text('p')).toBe('3')
  await page.click('button')
  expect([page.text('p'), page.url]).toEqual(['4', '/list?page=4'])
  await page.click('a')
  expect([page.text('p'), page.url]).toEqual(['7', '/list?page=7'])
  await page.navigate('/list?page=9')
  expect([page.text('p'), page.url]).toEqual(['9', '/list?page=9'])
})

const room = loom.register('room', {
  props: { lines: [] as string[] },
  connected: (_, ctx) => ctx.subscribe('room', 'said'),
  handle: {
    say: (_, { value = '' }, ctx) => {
      ctx.publish('room', value)
    },
  },
  receive: { said: (props, { data }) => ({ lines: [...props.lines, String(data)] }) },
  render: ({ lines }) => html`<button data-l-click="say" data-l-value="hello">Say</button><p>${lines.join(', ')}</p>`,
})

test('what is published reaches all pages', async () => {
  await using one = await openPage(loom, room)
  await using two = await openPage(loom, room)
  await one.publish('room', 'from the test')
  await one.click('button')
  await two.settled()
  expect([one.text('p'), two.text('p')]).toEqual(['from the test, hello', 'from the test, hello'])
})

test('a page is waited for', async () => {
  await using page = await openPage(loom, counter)
  setTimeout(() => void page.click('button', { text: 'Add' }), 20)
  const output = await page.waitFor('output', { text: '1' })
  expect(output.textContent).toBe('1')
  expect(await page.waitFor(async () => (await page.props()).count)).toBe(1)
})

test('the HTML is fit for a snapshot', async () => {
  await using page = await openPage(loom, counter, { count: 95 })
  expect(page.html()).toBe(`<button data-l-click="add">Add</button>
<button data-l-click="later">Later</button>
<button data-l-click="fail">Fail</button>
<button data-l-click="refuse">Refuse</button>
<button data-l-click="push">Push</button>
<button data-l-click="leave" disabled>Leave</button>
<output>95</output>`)
})

test('development does not look for a browser that never came', async () => {
  const said: string[] = []
  const warned = createLoom({
    secret: 'a secret of at least thirty-two bytes',
    development: true,
    logger: { error: (text: string) => said.push(text), warn: (text: string) => said.push(text) },
  })
  const module = warned.register('shown', { props: {}, handle: {}, render: () => html`<p>here</p>` })
  const other = warned.register('other', { props: {}, handle: {}, render: () => html`<p>there</p>` })
  try {
    await using page = await openPage(warned, module)
    expect(page.text('p')).toBe('here')
    expect(await warned.mount(other)).toContain('there')
    // Without a page that joins, development warns after this time.
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    expect(said).toEqual([])
  } finally {
    await warned.close()
  }
})

test('a page that was closed takes no memory: its window is gone', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const windows: WeakRef<object>[] = []
  for (let count = 0; count < 20; count++) {
    const page = await openPage(loom, counter)
    await page.click('button', { text: 'Add' })
    windows.push(new WeakRef(page.window))
    await page.close()
  }
  // What waits in timers is gone a moment later.
  await new Promise((resolve) => setTimeout(resolve, 100))
  collect()
  const left = windows.filter((window) => window.deref() !== undefined)
  // The last one may still be in a register.
  expect(left.length).toBeLessThan(3)
})
