/** What is editable is a field: what the user made of it stays until the server, having seen that, says another. */

import { each, html, raw, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  text: string
  count: number
}

const SHAPES: Record<string, (text: string) => ReturnType<typeof html>> = {
  'a slot': (text) => html`<div id="e" contenteditable>${text}</div>`,
  'static text': () => html`<div id="e" contenteditable="true">start</div>`,
  'text around a slot': (text) => html`<p id="e" contenteditable="plaintext-only">${text}<b></b></p>`,
  'HTML': (text) => html`<div id="e" contenteditable>${raw(`<b>${text}</b>`)}</div>`,
  'in HTML': (text) => html`<section>${raw(`<div id="e" contenteditable>${text}</div>`)}</section>`,
  'a list': (text) =>
    html`<ul id="e" contenteditable>${each(
      [text],
      (one) => one,
      (one) => html`<li>${one}</li>`,
    )}</ul>`,
  'a row': (text) =>
    html`<ul>${each(
      ['a', 'b'],
      (one) => one,
      (one) => html`<li data-id="${one}"><span id="${one === 'a' ? 'e' : 'f'}" contenteditable>${text}</span></li>`,
      [text],
    )}</ul>`,
  'a slot that says so': (text) => html`<div id="e" contenteditable="${'true'}">${text}</div>`,
}

const editor = (shape: (text: string) => ReturnType<typeof html>): LiveModule<Props> => ({
  props: { text: 'start', count: 0 },
  handle: {
    count: ({ text, count }) => ({ text, count: count + 1 }),
    say: ({ count }) => ({ text: 'server', count: count + 1 }),
  },
  render: ({ text, count }) => html`<output>${count}</output>${shape(text)}
    <button id="count" @click="count">count</button><button id="say" @click="say">say</button>`,
})

/** Behind what is there. */
async function edit(page: Page, text: string): Promise<void> {
  await page.evaluate(() => {
    const element = document.querySelector('#e') as HTMLElement
    element.focus()
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
    let last: Node = element
    while (texts.nextNode()) if ((texts.currentNode as Text).data) last = texts.currentNode
    getSelection()?.collapse(last, last === element ? 0 : (last as Text).length)
  })
  await page.keys(text)
}

/** A space at an end is one that does not break. */
const text = async (page: Page) => (await page.text('#e')).replace(/\s/g, ' ')

for (const [name, shape] of Object.entries(SHAPES))
  eachBrowser(`what was edited stays at a new join: ${name}`, async (page) => {
    const { url } = await livePage(editor(shape), { options: NOT_PARKED })
    await page.goto(url)
    await page.settled()
    await edit(page, ' mine')
    expect(await text(page)).toBe('start mine')
    await page.click('#count')
    await page.shows('output', '1')
    expect(await text(page)).toBe('start mine')
    await rejoin(page)
    await page.settled()
    expect(await text(page)).toBe('start mine')
    await page.click('#count')
    await page.shows('output', '2')
    await rejoin(page)
    await page.settled()
    expect(await text(page)).toBe('start mine')
    // The server has seen it, and says another.
    if (name === 'static text') return
    await page.click('#say')
    await page.shows('output', '3')
    expect(await text(page)).toBe('server')
    await rejoin(page)
    await page.settled()
    expect(await text(page)).toBe('server')
    // And again.
    await edit(page, '!')
    await page.click('#count')
    await page.shows('output', '4')
    await rejoin(page)
    await page.settled()
    expect(await text(page)).toBe('server!')
  })

eachBrowser('an answer to what was before does not take away what is being edited', async (page) => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const { url } = await livePage<Props>({
    props: { text: 'start', count: 0 },
    handle: {
      say: async ({ count }) => {
        await held
        return { text: 'server', count: count + 1 }
      },
      count: ({ text, count }) => ({ text, count: count + 1 }),
    },
    render: ({ text, count }) => html`<output>${count}</output><div id="e" contenteditable>${text}</div>
      <button id="count" @click="count">count</button><button id="say" @click="say">say</button>`,
  })
  await page.goto(url)
  await page.settled()
  await page.click('#say')
  await edit(page, ' mine')
  release()
  await page.shows('output', '1')
  await page.settled()
  expect(await text(page)).toBe('start mine')
  // An answer to something since has seen it, and repeats it.
  await page.click('#count')
  await page.shows('output', '2')
  await page.until(() => document.querySelector('#e')?.textContent === 'server')
})

eachBrowser('all of it can be deleted, and split into lines', async (page) => {
  const { url } = await livePage(editor(SHAPES['a slot'] as (text: string) => ReturnType<typeof html>), {
    options: NOT_PARKED,
  })
  await page.goto(url)
  await page.settled()
  await edit(page, 'x')
  for (let key = 0; key < 'startx'.length; key++) await page.press('Backspace')
  expect(await text(page)).toBe('')
  await page.click('#count')
  await page.shows('output', '1')
  await rejoin(page)
  await page.settled()
  expect(await text(page)).toBe('')
  await edit(page, 'one')
  await page.press('Enter')
  await page.keys('two')
  const before = await page.property('#e', 'innerHTML')
  await page.click('#count')
  await page.shows('output', '2')
  await rejoin(page)
  await page.settled()
  expect(await page.property('#e', 'innerHTML')).toBe(before)
  await page.click('#say')
  await page.shows('output', '3')
  expect(await page.property('#e', 'innerHTML')).toBe('server')
})

eachBrowser('what was edited before the page was live stays', async (page) => {
  const { url } = await livePage(editor(SHAPES['a slot'] as (text: string) => ReturnType<typeof html>), {
    around: (component) =>
      // The client has begun by then, and nothing can have come from the server before the next task.
      `${component}<script>addEventListener('DOMContentLoaded', () => {
        const element = document.querySelector('#e')
        if (document.querySelector('[data-l-state=live]')) throw new Error('too late')
        element.firstChild.data = 'early'
        element.dispatchEvent(new InputEvent('input', { bubbles: true }))
      })</script>`,
  })
  await page.goto(url)
  await page.settled()
  expect(await text(page)).toBe('early')
})
