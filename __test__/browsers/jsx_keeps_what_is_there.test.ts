/** Pages in JSX: what comes and goes beside an element leaves it alone, and rows are moved by their keys. */

import type { LiveModule, Tree } from 'loom-live'
import { run } from '../jsx/modes'
import { eachBrowser } from './index'
import { livePage } from './live'

interface Props {
  error: string
  rows: number[]
  sent: string
}

const SOURCE = `
const Field = ({ name, children }) => <label class="field">{name} <input name={name} aria-label={name} />{children}</label>
export const render = ({ error, rows, sent }) => (
  <main>
    <form onSubmit="send" data-l-keep>
      {error && <p role="alert">{error}</p>}
      <Field name="text">{error && <em>{error}</em>}</Field>
      <button id="go">Send</button>
    </form>
    <ul>{rows.map((row) => <li key={row} id={'row' + row}><input aria-label={'Row ' + row} /> {row}</li>)}</ul>
    <button id="turn" onClick="turn">Turn</button>
    <svg viewBox="0 0 10 10" width="10">{rows.map((row) => <circle key={row} r={row} />)}</svg>
    <table>{rows.length > 2 && <tr><td>many</td></tr>}</table>
    <input id="keys" aria-label="Keys" on={{ 'keydown.enter': 'more' }} />
    <output>{sent}</output>
  </main>
)`

const moduleOf = (mode: string): LiveModule<Props> => ({
  props: { error: '', rows: [1, 2], sent: '' },
  handle: {
    send: (props, { form }) => ({ ...props, error: props.error === '' ? 'wrong' : '', sent: String(form?.['text']) }),
    turn: (props) => ({ ...props, rows: [...props.rows].reverse() }),
    more: (props) => ({ ...props, rows: [...props.rows, props.rows.length + 1] }),
  },
  render: run<{ render: (props: Props) => Tree }>(mode, SOURCE).render,
})

for (const mode of ['swc', 'the compile step and swc']) {
  eachBrowser(`what is typed stays while errors come and go: ${mode}`, async (page) => {
    const { url, log } = await livePage(moduleOf(mode))
    await page.goto(url)
    await page.settled()
    await page.evaluate(() => {
      Object.assign(window, { before: document.querySelector('[name=text]') })
    })
    await page.type('[name=text]', 'abc')
    await page.click('#go')
    await page.shows('[role=alert]', 'wrong')
    await page.shows('em', 'wrong')
    await page.shows('output', 'abc')
    await page.click('#go')
    await page.until(() => document.querySelector('[role=alert]') === null)
    const kept = await page.evaluate(() => {
      const { before } = window as unknown as { before: HTMLInputElement }
      return [before === document.querySelector('[name=text]'), before.value]
    })
    expect(kept).toEqual([true, 'abc'])
    expect(log.all).toBe('')
  })

  eachBrowser(`rows are moved by their keys, with what is typed in them: ${mode}`, async (page) => {
    const { url, log } = await livePage(moduleOf(mode))
    await page.goto(url)
    await page.settled()
    await page.type('#row1 input', 'one')
    await page.click('#turn')
    await page.until(() => document.querySelector('li')?.id === 'row2')
    const typed = await page.evaluate(() =>
      [...document.querySelectorAll('li input')].map((one) => (one as HTMLInputElement).value),
    )
    expect(typed).toEqual(['', 'one'])
    await page.focus('#keys')
    await page.press('Enter')
    await page.until(() => document.querySelector('td') !== null)
    const made = await page.evaluate(() => [
      [...document.querySelectorAll('circle')].every((one) => one instanceof SVGCircleElement),
      document.querySelectorAll('circle').length,
      document.querySelector('td')?.closest('tbody') !== null,
    ])
    expect(made).toEqual([true, 3, true])
    expect(log.all).toBe('')
  })
}
