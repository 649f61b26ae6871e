/** A text that streams in: what is selected in it stays selected, and every character is right. */

import { each, html } from 'loom-live'
import { eachBrowser } from './index'
import { livePage } from './live'

const ANSWER =
  'Once upon a time <b>&amp;</b> "there" was a page: e\u0301, 👩‍👩‍👧, 🇩🇪, ⟦<script>⟧ & 😀😁, and it went on. '.repeat(4)

/** Pieces of a text as a model gives them: they may end in half a surrogate pair. */
const PIECE = 7

eachBrowser('a text streams in: a selection in it stays, and the text is right', async (page) => {
  const { url, log } = await livePage({
    props: { length: 120 },
    handle: {
      more: ({ length }) => ({ length: length + PIECE }),
    },
    render({ length }) {
      const text = ANSWER.slice(0, length)
      const cursor = length < ANSWER.length ? '▌' : ''
      const rows = [{ text }]
      return html`<p id="plain">${text}</p>
        <p id="cursor">${text + cursor}</p>
        <ul>
          ${each(
            rows,
            () => 1,
            (row) => html`<li id="row">${row.text}</li>`,
          )}
        </ul>
        <button @click="more">more</button>
        <output>${length}</output>`
    },
  })
  await page.goto(url)
  await page.settled()
  for (const id of ['plain', 'cursor', 'row']) {
    await page.evaluate((where) => {
      const text = document.getElementById(where)?.firstChild as Text
      getSelection()?.setBaseAndExtent(text, 5, text, 16)
      Object.assign(window, { text })
    }, id)
    for (let count = 0; count < 10; count++) await page.evaluate(() => document.querySelector('button')?.click())
    await page.settled()
    const kept = await page.evaluate((where) => {
      const { text } = window as unknown as { text: Text }
      const { anchorNode, anchorOffset, focusOffset } = getSelection() as Selection
      return {
        selected: String(getSelection()),
        isThere: anchorNode === text && document.getElementById(where)?.firstChild === text,
        offsets: [anchorOffset, focusOffset],
      }
    }, id)
    expect(kept).toEqual({ selected: 'upon a time', isThere: true, offsets: [5, 16] })
  }
  const length = Number(await page.text('output'))
  expect(length).toBe(120 + 30 * PIECE)
  // A half that has no other half yet is shown as U+FFFD.
  const shown = ANSWER.slice(0, length).replace(/[\ud800-\udbff]$/, '\ufffd')
  const texts = await page.evaluate(() =>
    ['plain', 'cursor', 'row'].map((id) => document.getElementById(id)?.textContent),
  )
  expect(texts).toEqual([shown, `${shown}▌`, shown])
  for (let count = length; count < ANSWER.length; count += PIECE) {
    await page.evaluate(() => document.querySelector('button')?.click())
  }
  await page.settled()
  const ends = await page.evaluate(() =>
    ['plain', 'cursor', 'row'].map((id) => document.getElementById(id)?.textContent),
  )
  expect(ends).toEqual([ANSWER, ANSWER, ANSWER])
  expect(log.all).toBe('')
})
