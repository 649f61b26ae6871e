/** `autofocus` on what a patch brings: it gets the focus, unless the user types elsewhere. */

import { each, html, raw, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  shown: string[]
  isOn: boolean
  log: string[]
}

type Shown = (props: Props) => ReturnType<typeof html> | string

const moduleOf = (shown: Shown): LiveModule<Props> => ({
  props: { shown: [], isOn: false, log: [] },
  handle: {
    more: (props) => ({ ...props, shown: [...props.shown, `r${props.shown.length}`], isOn: true }),
    less: (props) => ({ ...props, shown: [], isOn: false }),
    focused: (props) => ({ ...props, log: [...props.log, 'focused'] }),
  },
  render: (props) => html`<button id="more" @click="more">more</button><button id="less" @click="less">less</button>
    <form @submit="more"><input id="other" name="a" @input="${props.log.length === 0 ? 'more' : 'focused'}"><input id="quiet"><input id="box" type="checkbox" @change="more"><button></button></form>
    ${shown(props)}<output>${props.shown.length}</output><pre>${props.log.join()}</pre>`,
})

const SHAPES: Record<string, Shown> = {
  'a field that is there now': ({ isOn }) => (isOn ? html`<p><input id="new" autofocus></p>` : ''),
  'with slots': ({ isOn, log }) =>
    isOn ? html`<textarea id="new" class="${log.length}" ?autofocus="${true}"></textarea>` : '',
  'an attribute that is set': ({ isOn }) => html`<input id="new" ?autofocus="${isOn}">`,
  'behind one that cannot have it': ({ isOn }) =>
    isOn ? html`<input autofocus disabled><input hidden autofocus><input id="new" autofocus><input autofocus>` : '',
  'the first of rows': ({ isOn }) =>
    html`<ul>${each(
      isOn ? ['new', 'x', 'y'] : [],
      (one) => one,
      (one) => html`<li><input id="${one}" autofocus></li>`,
    )}</ul>`,
  'in HTML': ({ isOn }) => html`<div>${raw(isOn ? '<i>x</i><input id="new" autofocus>' : '')}</div>`,
  'in a dialog': ({ isOn }) =>
    html`<dialog ?open="${isOn}"><button>x</button><input id="new" ?autofocus="${isOn}"></dialog>`,
  'what is no field': ({ isOn }) => (isOn ? html`<section id="new" tabindex="-1" autofocus>x</section>` : ''),
  'what is editable': ({ isOn }) => (isOn ? html`<div id="new" contenteditable autofocus>x</div>` : ''),
}

const focused = async (page: Page): Promise<string> => {
  await page.settled()
  return page.evaluate(() => document.activeElement?.id ?? '')
}

for (const [name, shown] of Object.entries(SHAPES))
  eachBrowser(`what a patch brings gets the focus: ${name}`, async (page) => {
    const { url } = await livePage(moduleOf(shown))
    await page.goto(url)
    await page.settled()
    await page.click('#more')
    await page.shows('output', '1')
    expect(await focused(page)).toBe('new')
    // A second time, which browsers do not do by themselves.
    await page.evaluate(() => document.querySelector<HTMLElement>('#less')?.click())
    await page.shows('output', '0')
    await page.evaluate(() => {
      const { activeElement } = document
      if (activeElement instanceof HTMLElement) activeElement.blur()
    })
    await page.click('#more')
    await page.shows('output', '1')
    expect(await focused(page)).toBe('new')
  })

eachBrowser('who types elsewhere keeps the focus', async (page) => {
  const { url } = await livePage(moduleOf(SHAPES['a field that is there now'] as Shown))
  await page.goto(url)
  await page.settled()
  await page.type('#other', 'a')
  await page.shows('output', '1')
  expect(await focused(page)).toBe('other')
  await page.keys('bc')
  expect(await page.property('#other', 'value')).toBe('abc')
  // From outside of the fields' form: the user has gone on to another field before the answer.
  await page.evaluate(() => document.querySelector<HTMLElement>('#less')?.click())
  await page.shows('output', '0')
  await page.focus('#quiet')
  await page.evaluate(() => document.querySelector<HTMLElement>('#more')?.click())
  await page.shows('output', '1')
  expect(await focused(page)).toBe('quiet')
})

eachBrowser('who has sent a form, or ticked a box, does not type', async (page) => {
  const { url } = await livePage(moduleOf(SHAPES['a field that is there now'] as Shown))
  await page.goto(url)
  await page.settled()
  await page.focus('#quiet')
  await page.keys('abc')
  await page.press('Enter')
  await page.shows('output', '1')
  expect(await focused(page)).toBe('new')
  await page.evaluate(() => document.querySelector<HTMLElement>('#less')?.click())
  await page.shows('output', '0')
  await page.click('#box')
  await page.shows('output', '1')
  expect(await focused(page)).toBe('new')
})

eachBrowser('a patch that brings nothing with autofocus moves no focus', async (page) => {
  const { url } = await livePage(
    moduleOf(({ log }) => html`<input id="new" autofocus class="${log.length}" @focus="focused">`),
  )
  await page.goto(url)
  await page.settled()
  await page.focus('#box')
  await page.click('#more')
  await page.shows('output', '1')
  expect(await focused(page)).not.toBe('new')
})

eachBrowser('handlers hear of the focus', async (page) => {
  const { url } = await livePage(
    moduleOf(({ isOn }) => (isOn ? html`<input id="new" autofocus @focus="focused">` : '')),
  )
  await page.goto(url)
  await page.settled()
  await page.click('#more')
  await page.shows('pre', 'focused')
})
