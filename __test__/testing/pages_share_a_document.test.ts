/** Pages in the test's own document, as with the environments happy-dom and jsdom of the runners; and pages that are closed. */

import { createLoom, html } from 'loom-live'
import { hook } from 'loom-live/client'
import { openPage } from 'loom-live/testing'
import { afterAll, afterEach, expect, jest, test } from '@jest/globals'

// Jest cannot load happy-dom, which is an ES module.
const { JSDOM } = jest.requireActual<{
  JSDOM: new (html: string, options: object) => { window: { document: object } }
}>('jsdom')

const silent = { error: () => undefined, warn: () => undefined }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })
const all = globalThis as { document?: unknown }

afterEach(() => {
  delete all.document
})

afterAll(() => loom.close())

const failing = loom.register('failing', {
  props: { count: 0 },
  handle: {
    add: ({ count }) => ({ count: count + 1 }),
    nothing: () => {
      throw undefined
    },
  },
  render: ({ count }) => html`
    <button data-l-click="add">Add</button><button data-l-click="nothing">Nothing</button>
    <b data-l-hook="failing" data-count="${count}"></b>`,
})

hook('failing', {
  updated() {
    if (this.el.dataset['count'] === '2') throw new RangeError('two is too many')
  },
})

const said = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  )

test('what a hook throws is told, also after another page of the document was opened and closed', async () => {
  all.document = new JSDOM('<!doctype html>', { url: 'http://localhost/', pretendToBeVisual: true }).window.document
  await using page = await openPage(loom, failing)
  const other = await openPage(loom, failing)
  expect(other.window).toBe(page.window)
  await other.close()
  await page.click('button', { text: 'Add' })
  expect(await said(page.click('button', { text: 'Add' }))).toContain('two is too many')
})

test('a handler that throws what is no error fails the test as well', async () => {
  await using page = await openPage(loom, failing)
  expect(await said(page.click('button', { text: 'Nothing' }))).toBe('undefined')
})

test('nothing is done to a page that was closed', async () => {
  const page = await openPage(loom, failing)
  await page.close()
  expect(await said(page.click('button', { text: 'Add' }))).toBe('click("button"): the page has been closed')
  expect(await said(page.navigate('/elsewhere'))).toBe('navigate: the page has been closed')
})
