/** What a test that fails is told: what was looked for, what nearly fits, and what the page shows. */

import { Server } from 'node:http'
import { createLoom, html } from 'loom-live'
import { openPage } from 'loom-live/testing'
import { afterAll, expect, test } from '@jest/globals'

const silent = { error: () => undefined, warn: () => undefined }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })

afterAll(() => loom.close())

const list = loom.register('list', {
  props: { items: ['Milk', 'Bread'] },
  handle: { add: () => undefined },
  render: ({ items }) => html`
    <button class="main" data-l-click="add">Add an item</button>
    <button disabled>Remove</button>
    <ul>${items.map((item) => html`<li>${item}</li>`)}</ul>
  `,
})

const said = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  )

test('no element fits: those that nearly fit come first, then the page', async () => {
  await using page = await openPage(loom, list)
  expect(await said(page.click('button', { text: 'Add item' }))).toBe(
    `click("button"): no element fits "button" with the text "Add item".
What nearly fits:
  <button class="main" data-l-click="add">Add an item
  <button disabled>Remove
The page shows:
  <button class="main" data-l-click="add">Add an item</button>
  <button disabled>Remove</button>
  <ul>
    <li>Milk</li>
    <li>Bread</li>
  </ul>`,
  )
  expect(() => page.text('li.done')).toThrow(/text: no element fits "li.done"\.\nWhat nearly fits:\n {2}<li>Milk\n/)
})

test('several elements fit', async () => {
  await using page = await openPage(loom, list)
  expect(await said(page.click('li'))).toMatch(
    /^click\("li"\): 2 elements fit "li", and it is not clear which one is meant\./,
  )
})

test('what nobody can click, and what is no selector', async () => {
  await using page = await openPage(loom, list)
  expect(await said(page.click('button', { text: 'Remove' }))).toMatch(
    '<button disabled> is disabled, and nobody can click it',
  )
  expect(await said(page.click('button:['))).toMatch('"button:[" is no CSS selector')
  expect(await said(page.click('li', { txt: 'Milk' } as never))).toMatch('did you mean "text"')
})

test('what is waited for in vain', async () => {
  await using page = await openPage(loom, list, {}, { timeout: 30 })
  expect(await said(page.waitFor('li', { text: 'Butter' }))).toMatch(
    /^waitFor, after 30 ms: no element fits "li" with the text "Butter"\.\nWhat nearly fits:\n/,
  )
  expect(await said(page.waitFor(() => false))).toMatch(
    'waitFor, after 30 ms: the function has returned only undefined, null or false',
  )
})

test('a handler may take longer than the test waits', async () => {
  const slow = loom.register('slow', {
    props: { count: 0 },
    handle: {
      add: async (props) => {
        await new Promise((resolve) => void setTimeout(resolve, 1_200))
        return { count: props.count + 1 }
      },
    },
    render: ({ count }) => html`<button data-l-click="add">Add</button><output>${count}</output>`,
  })
  await using page = await openPage(loom, slow, {}, { timeout: 30 })
  await page.click('button')
  expect(page.text('output')).toBe('1')
})

test('a page that does not settle, and for how long it was waited for', async () => {
  // The server of the pages is made with the first one. No connection reaches it.
  const { emit } = Server.prototype
  Server.prototype.emit = function (event: string, ...given: unknown[]) {
    return event === 'connection' || Boolean(Reflect.apply(emit, this, [event, ...given]))
  }
  const deaf = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })
  try {
    const { name } = deaf.register('deaf', { props: {}, handle: {}, render: () => html`<p>Hello</p>` })
    expect(await said(openPage(deaf, name, {}, { timeout: 30 }))).toMatch(
      'The page has not settled within 1000 ms: deaf waits for its answer',
    )
  } finally {
    Server.prototype.emit = emit
    await deaf.close()
  }
})

test('what is no loom, and what is no module', async () => {
  expect(await said(openPage({} as never, list))).toMatch('Expected a loom, which is what createLoom gives')
  expect(await said(openPage(loom, 'lst'))).toMatch('did you mean "list"')
  expect(await said(openPage(loom, list, {}, { reqest: {} } as never))).toMatch('did you mean "request"')
})

test('a call that waits for a handler ends with the loom', async () => {
  const ended = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })
  const never = ended.register('never', {
    props: {},
    handle: { wait: () => new Promise<void>(() => undefined) },
    render: () => html`<button data-l-click="wait">Wait</button>`,
  })
  await using page = await openPage(ended, never)
  const clicked = said(page.click('button'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await ended.close({ timeout: 0 })
  expect(await clicked).toBe('the loom has been closed')
})
