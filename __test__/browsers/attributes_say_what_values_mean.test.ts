/** Attributes whose value is `false`, `true`, nothing or a text: in the first paint, in patches, in lists, at a join. */

import { each, html, type Tree } from 'loom-live'
import { eachBrowser } from './index'
import { livePage } from './live'

type Value = boolean | string | number | null

/** What the attributes are for each value; null: not there. */
const EXPECTED: readonly (readonly [Value, Record<string, string | null>])[] = [
  [
    false,
    {
      'hidden': null,
      'disabled': null,
      'download': null,
      'popover': null,
      'contenteditable': 'false',
      'draggable': 'false',
      'spellcheck': 'false',
      'translate': 'no',
      'aria-expanded': 'false',
      'aria-label': null,
      'data-x': 'false',
      'title': '',
    },
  ],
  [
    true,
    {
      'hidden': '',
      'disabled': '',
      'download': '',
      'popover': '',
      'contenteditable': 'true',
      'draggable': 'true',
      'spellcheck': 'true',
      'translate': 'yes',
      'aria-expanded': 'true',
      'data-x': 'true',
      'title': 'true',
    },
  ],
  [
    null,
    {
      'hidden': null,
      'disabled': null,
      'download': null,
      'popover': null,
      'contenteditable': null,
      'draggable': null,
      'spellcheck': null,
      'translate': null,
      'aria-expanded': null,
      'aria-label': null,
      'data-x': '',
      'title': '',
    },
  ],
  [
    'a "b" & <c>',
    {
      'hidden': 'a "b" & <c>',
      'disabled': '',
      'download': 'a "b" & <c>',
      'contenteditable': 'a "b" & <c>',
      'aria-expanded': 'a "b" & <c>',
      'aria-label': 'a "b" & <c>',
      'data-x': 'a "b" & <c>',
      'title': 'a "b" & <c>',
    },
  ],
  [0, { 'disabled': null, 'hidden': '0', 'aria-label': '0', 'data-x': '0', 'title': '0' }],
]

function all(value: Value): Tree {
  return html`<button hidden="${value}" disabled=${value} download='${value}' popover="${value}" contenteditable="${value}"
    draggable="${value}" spellcheck=${value} translate="${value}" aria-expanded=${value} aria-label="${value}"
    data-x="${value}" title="${value}">x</button>`
}

const values = {
  props: { at: 0, rows: [{ id: 1, value: false as Value }] },
  handle: {
    next: (props: { at: number; rows: { id: number; value: Value }[] }) => {
      const at = (props.at + 1) % EXPECTED.length
      const value = (EXPECTED[at] as (typeof EXPECTED)[number])[0]
      return { at, rows: [{ id: 1, value }, ...(at > 1 ? [{ id: 2, value }] : [])] }
    },
  },
  render: ({ at, rows }: { at: number; rows: { id: number; value: Value }[] }) =>
    html`<i id="next" @click="next">next</i><p>${at}</p><div id="one">${all((EXPECTED[at] as (typeof EXPECTED)[number])[0])}</div>
      <div id="rows">${each(
        rows,
        (row) => row.id,
        (row) => all(row.value),
      )}</div>`,
}

eachBrowser('each kind of attribute says what its value means', async (page) => {
  const { url } = await livePage(values)
  await page.goto(url)
  await page.settled()
  for (let round = 0; round < 2; round++) {
    for (const [at, [, expected]] of EXPECTED.entries()) {
      await page.shows('p', String(at))
      const shown = await page.evaluate(
        (names) =>
          [...document.querySelectorAll('#one button, #rows button')].map((button) =>
            Object.fromEntries(names.map((name) => [name, button.getAttribute(name)])),
          ),
        Object.keys(expected),
      )
      expect(shown).toEqual(Array(at > 1 ? 3 : 2).fill(expected))
      await page.click('#next')
      await page.settled()
    }
  }
})

eachBrowser('what is off can be used: an editor, a disclosure, a hidden part', async (page) => {
  const { url, log } = await livePage({
    props: { on: false },
    handle: { toggle: ({ on }) => ({ on: !on }) },
    render: ({ on }) => html`<button id="toggle" aria-expanded=${on} @click="toggle">${on ? 'on' : 'off'}</button>
      <div id="editor" contenteditable="${on}">text</div><p id="part" hidden="${!on}">part</p>
      <button id="save" disabled="${!on}">save</button><div data-l-ignore="${on}"><b @click="toggle">b</b></div>`,
  })
  await page.goto(url)
  await page.settled()
  const seen = () =>
    page.evaluate(() => [
      (document.querySelector('#editor') as HTMLElement).isContentEditable,
      (document.querySelector('#part') as HTMLElement).checkVisibility?.() ?? null,
      (document.querySelector('#save') as HTMLButtonElement).disabled,
      document.querySelector('#toggle')?.ariaExpanded ??
        document.querySelector('#toggle')?.getAttribute('aria-expanded'),
    ])
  expect(await seen()).toEqual([false, false, true, 'false'])
  await page.click('b')
  await page.shows('#toggle', 'on')
  expect(await seen()).toEqual([true, true, false, 'true'])
  // Now it is ignored.
  await page.click('b')
  await page.settled()
  await page.click('#toggle')
  await page.shows('#toggle', 'off')
  expect(await seen()).toEqual([false, false, true, 'false'])
  expect(log.warnings).toEqual([])
})
