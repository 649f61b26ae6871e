/** What a patch brings, or changes, is what a page that is loaded afresh shows. */

import { html, raw, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  isOn: boolean
  n: number
}

/** What elements are, beside their attributes. */
const stateOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const names =
      'type value valueAsNumber min max step checked indeterminate multiple size selectedIndex selected disabled open muted defaultMuted volume autoplay controls position low high optimum files length hidden'.split(
        ' ',
      )
    return Array.from(document.querySelectorAll<HTMLElement>('#made *'), (element) => {
      const properties = element as unknown as Record<string, unknown>
      const state = names.map((name) => {
        const value = properties[name]
        return value === undefined || typeof value === 'object' ? '' : `${name}=${value as string}`
      })
      return [element.localName, ...state.filter(Boolean)].join(' ')
    })
  })

const v = (n: number, low: unknown, high: unknown) => (n ? high : low)

/** By their names; `n` is 0, and later 1. */
const templates: Record<string, (n: number) => ReturnType<typeof html>> = {
  'a range': (n) => html`<input type="range" value="${v(n, 300, 450)}" min="${v(n, 0, 100)}" max="${v(n, 500, 900)}">`,
  'a range whose bounds change': (n) => html`<input type="range" value="300" max="${v(n, 200, 500)}">`,
  'a range whose bounds narrow and widen': (n) =>
    html`<input type="range" value="-20" min="${v(n, 0, -50)}" step="${v(n, 7, 1)}" max="200">`,
  'a range whose type comes late': (n) => html`<input value="${v(n, 300, 301)}" max="${500}" type="${'range'}">`,
  'a type that changes': (n) => html`<input value="300" max="500" type="${v(n, 'text', 'range')}">`,
  'a type that changes to a number': (n) => html`<input value="3x" type="${v(n, 'number', 'text')}">`,
  'a number': (n) => html`<input type="number" value="${v(n, 300, 4)}" min="${v(n, 0, 1)}" max="${500}" step="${0.5}">`,
  'a colour': (n) => html`<input value="${v(n, '#ff0000', '#00ff00')}" type="${'color'}">`,
  'addresses': (n) => html`<input type="email" value="${v(n, ' a@b , c@d ', 'e@f , g@h')}" ?multiple="${n === 0}">`,
  'a date': (n) => html`<input value="${v(n, '2026-01-02', '2026-03-04')}" type="${v(n, 'date', 'month')}">`,
  'a box': (n) => html`<input type="${v(n, 'checkbox', 'radio')}" ?checked="${true}" name="x" value="1">`,
  'radio buttons': (n) =>
    html`<input type="radio" ?checked="${n === 0}" name="${v(n, 'a', 'b')}"><input type="radio" ?checked="${n === 1}" name="${v(n, 'a', 'b')}"><input type="radio" checked name="${v(n, 'c', 'd')}">`,
  'a select with many': (n) =>
    html`<select ?multiple="${n === 0}"><option selected>1</option><option>2</option><option selected>3</option></select>`,
  'a select with many, later': (n) =>
    html`<select ?multiple="${n === 1}"><option ?selected="${true}">1</option><option>2</option><option ?selected="${true}">3</option></select>`,
  'a select of a size': (n) => html`<select size="${v(n, 4, 1)}"><option>1</option><option>2</option></select>`,
  'a select whose first is disabled': (n) =>
    html`<select><option ?disabled="${true}">1</option><option>${n}</option></select>`,
  'options of slots': (n) =>
    html`<select>${[1, 2, 3].map((one) => html`<option value="${one}" ?selected="${one === 2 + n}">${one}</option>`)}</select>`,
  'progress': (n) => html`<progress value="${v(n, 300, 200)}" max="${v(n, 500, 250)}"></progress>`,
  'a meter': (n) =>
    html`<meter value="${v(n, 300, 20)}" min="${v(n, 100, 10)}" low="${v(n, 200, 15)}" high="${v(n, 400, 22)}" max="${v(n, 500, 25)}" optimum="${v(n, 300, 20)}"></meter>`,
  'a video': (n) => html`<video ?muted="${n === 0}" ?controls="${n === 1}" volume="0.3"></video>`,
  'a sound': (n) => html`<audio controls ?muted="${n === 1}"></audio>`,
  'a silent video': (n) =>
    html`<video muted class="${n}"></video><audio muted></audio><div>${raw('<video muted></video>')}</div>`,
  'a silent video without slots': () => html`<video muted></video>`,
  'details': (n) => html`<details ?open="${n === 0}"><summary>s</summary>x</details>`,
  'a dialog': (n) => html`<dialog ?open="${n === 0}">x</dialog>`,
  'a text': (n) =>
    html`<textarea rows="2">${v(n, 'one', 'two')}</textarea><input value="${v(n, 'a', 'b')}" maxlength="1">`,
  'a hidden one': (n) =>
    html`<input type="hidden" value="${v(n, 'a', 'b')}"><input type="submit" value="${v(n, 'a', 'b')}"><input type="image" value="${n}" alt="x"><output>${n}</output>`,
}

const moduleOf = (template: (n: number) => ReturnType<typeof html>, isOn: boolean, n = 0): LiveModule<Props> => ({
  props: { isOn, n },
  handle: {
    on: ({ n }) => ({ isOn: true, n }),
    off: ({ n }) => ({ isOn: false, n }),
    next: ({ isOn, n }) => ({ isOn, n: 1 - n }),
  },
  render: ({ isOn, n }) =>
    html`<button id="on" @click="on"></button><button id="off" @click="off"></button><button id="next" @click="next"></button><div id="made">${isOn ? template(n) : ''}</div>`,
})

eachBrowser(
  'what a patch brings and changes is as on a fresh page',
  async (page) => {
    const problems: unknown[] = []
    for (const [name, template] of Object.entries(templates)) {
      const fresh: string[][] = []
      for (const n of [0, 1]) {
        const { url } = await livePage(moduleOf(template, true, n))
        await page.goto(url)
        await page.settled()
        fresh.push(await stateOf(page))
      }
      const same = async (step: string, n: number) => {
        await page.settled()
        const now = await stateOf(page)
        if (JSON.stringify(now) !== JSON.stringify(fresh[n]))
          problems.push({ name, step, now: now.join('\n'), fresh: fresh[n]?.join('\n') })
      }
      const { url } = await livePage(moduleOf(template, false))
      await page.goto(url)
      await page.settled()
      // By scripts: what a patch brings may be in the way of the mouse.
      const click = (id: string) =>
        page.evaluate((what) => (document.querySelector(what) as HTMLElement).click(), `#${id}`)
      const click2 = async (id: string) => {
        const before = await page.evaluate(() => {
          const seen = window as unknown as { patches: number }
          seen.patches = 0
          addEventListener('loom:patch', () => seen.patches++, { once: true })
          return 0
        })
        await click(id)
        await page.until((count) => (window as unknown as { patches: number }).patches > count, before)
      }
      await click2('on')
      await same('brought', 0)
      await click2('next')
      await same('changed', 1)
      await click2('next')
      await same('changed back', 0)
      await click2('off')
      await click2('next')
      await click2('on')
      await same('brought again', 1)
    }
    expect(problems).toEqual([])
  },
  { timeout: 120_000 },
)

eachBrowser('what the user did to a field stays when its bounds change', async (page) => {
  const { url } = await livePage<Props>({
    props: { isOn: true, n: 0 },
    handle: { next: ({ n }) => ({ isOn: true, n: n + 1 }) },
    render: ({ n }) =>
      html`<input id="r" type="range" value="300" max="${200 + 100 * n}"><input id="t" type="${n % 2 ? 'text' : 'password'}" value="server"><select size="${1 + n}"><option>1</option><option>2</option></select><button @click="next">next</button><output>${n}</output>`,
  })
  await page.goto(url)
  await page.settled()
  expect(await page.property('#r', 'value')).toBe('200')
  await page.focus('#r')
  await page.press('ArrowLeft')
  await page.type('#t', 'typed')
  await page.select('select', '2')
  const moved = await page.property('#r', 'value')
  expect(moved).not.toBe('200')
  for (const n of ['1', '2', '3']) {
    await page.click('button')
    await page.shows('output', n)
    expect(await page.property('#r', 'value')).toBe(moved)
    expect(await page.property('#t', 'value')).toContain('typed')
    expect(await page.property('select', 'value')).toBe('2')
  }
})
