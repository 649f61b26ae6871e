/** Files that a user has chosen stay chosen, whatever the server changes around them. */

import { each, html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  step: number
  order: string[]
}

const tested: LiveModule<Props> = {
  props: { step: 0, order: ['a', 'b', 'c'] },
  handle: {
    more: ({ step, order }) => ({ step: step + 1, order: ['c', `new${step}`, ...order.filter((one) => one !== 'c')] }),
    fail: () => {
      throw new Error('no')
    },
  },
  render: ({ step, order }) => html`<button id="more" @click="more">more</button><output>${step}</output>
    <form id="f" class="${step}" @submit="fail" data-l-disable><label>File ${step}<input id="one" type="file" name="one" class="c${step}" accept=".a${step}" ?multiple="${step % 2 === 1}" ?required="${step > 1}"></label>
      ${step ? html`<p>before ${step}</p>` : ''}<input id="two" type="file" name="two"><button id="send">Send</button></form>
    <ul>${each(
      order,
      (key) => key,
      (key) => html`<li><input class="row" id="row-${key}" type="file">${key}</li>`,
    )}</ul>`,
}

const choose = (page: Page, selector: string, name: string) =>
  page.evaluate(
    (where, what) => {
      const field = document.querySelector(where) as HTMLInputElement
      const list = new DataTransfer()
      list.items.add(new File(['x'], what))
      field.files = list.files
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }))
    },
    selector,
    name,
  )

const chosen = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(() => {
    const fields = document.querySelectorAll<HTMLInputElement>('[type=file]')
    const held = Array.from(fields, ({ id, files }) => [id, files?.[0]?.name ?? ''] as const)
    return Object.fromEntries(held.filter(([, name]) => name))
  })

eachBrowser('a file input keeps its choice over patches, moves, failures and a new join', async (page) => {
  const { url } = await livePage(tested, { options: NOT_PARKED })
  await page.goto(url)
  await page.settled()
  const held = { one: 'one.txt', two: 'two.txt', 'row-a': 'a.txt', 'row-c': 'c.txt' }
  for (const [id, name] of Object.entries(held)) await choose(page, `#${id}`, name)
  expect(await chosen(page)).toEqual(held)
  for (const step of ['1', '2', '3']) {
    await page.click('#more')
    await page.shows('output', step)
    expect(await chosen(page)).toEqual(held)
  }
  await page.click('#send')
  await page.settled()
  expect(await chosen(page)).toEqual(held)
  await rejoin(page)
  await page.settled()
  expect(await chosen(page)).toEqual(held)
})

eachBrowser('a submit that the server has taken empties it, unless it is kept', async (page) => {
  const { url } = await livePage({
    props: { step: 0 },
    handle: { save: ({ step }) => ({ step: step + 1 }) },
    render: ({ step }) =>
      html`<form @submit="save"><input id="one" type="file" name="one"><input id="two" type="file" name="two" data-l-keep><button>x</button></form><output>${step}</output>`,
  })
  await page.goto(url)
  await page.settled()
  await choose(page, '#one', 'one.txt')
  await choose(page, '#two', 'two.txt')
  await page.click('button')
  await page.shows('output', '1')
  await page.settled()
  expect(await chosen(page)).toEqual({ two: 'two.txt' })
  expect(await page.evaluate(() => document.querySelector('[data-l-dirty]'))).toBe(null)
})
