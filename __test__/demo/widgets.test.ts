/** A chart that the server feeds and an editor that asks the server: libraries of npm, in hooks. */

import { eachBrowser, type Page } from '../browsers/index'
import { Gallery, inLightAndDark, isForEveryone, isForPhones } from './gallery'

const gallery = new Gallery('/widgets')

/** What the browser does not let the page do: the policy of the demo holds for the libraries, too. */
const violationsOf = (page: Page): Promise<string[]> => page.evaluate(() => window.violations)

async function ready(page: Page): Promise<void> {
  await page.until(() => {
    const editor = document.querySelector('.code')?.shadowRoot?.querySelector('.cm-content')
    return document.querySelector('.chart canvas') !== null && editor instanceof HTMLElement
  })
  await page.evaluate(() => {
    window.violations = []
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      window.violations.push(`${violatedDirective} ${blockedURI}`)
    })
  })
}

const inEditor = (page: Page, selector: string): Promise<string> =>
  page.evaluate(
    (where) => document.querySelector('.code')?.shadowRoot?.querySelector(where)?.textContent ?? '',
    selector,
  )

/** Puts the caret at the end of the text. */
async function goToEnd(page: Page): Promise<void> {
  await page.evaluate(() =>
    document.querySelector('.code')?.shadowRoot?.querySelector<HTMLElement>('.cm-content')?.focus(),
  )
  await page.press('Control+End')
}

eachBrowser('the chart shows each point that the server measures, also after it was away', async (page) => {
  const proxy = await gallery.openSlowly(page)
  await ready(page)
  const shown = (): Promise<number> =>
    page.evaluate(
      () => (JSON.parse(document.querySelector<HTMLElement>('.chart')?.dataset['points'] ?? '[]') as number[]).length,
    )
  const first = await shown()
  await page.until((first) => {
    const { points = '[]', shown } = (document.querySelector('.chart') as HTMLElement).dataset
    const all = JSON.parse(points) as number[]
    return all.length > first + 2 && String(all.at(-1)) === shown
  }, first)
  // Something is painted.
  expect(
    await page.evaluate(() => {
      const canvas = document.querySelector('canvas') as HTMLCanvasElement
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
        0,
        0,
        canvas.width,
        canvas.height,
      )
      return data.some((byte) => byte > 0)
    }),
  ).toBe(true)
  proxy.open = false
  proxy.cut()
  await page.until(() => document.querySelector('.chart.away') !== null)
  proxy.open = true
  await page.until(() => document.querySelector('.chart:not(.away)') !== null)
  await page.click('#pause')
  await page.until(() => document.querySelector('#pause[aria-pressed=true]') !== null)
  expect(await page.evaluate(() => document.querySelectorAll('canvas').length)).toBe(1)
  expect(await page.evaluate(() => document.querySelector<HTMLElement>('.chart')?.dataset['shown'])).toBe(
    await page.text('#now'),
  )
  expect(await violationsOf(page)).toEqual([])
})

eachBrowser('the editor asks the server what is wrong, and saves what is not', async (page) => {
  await gallery.openSlowly(page)
  await ready(page)
  expect(await inEditor(page, '.cm-content')).toContain('"port": 3000')
  await goToEnd(page)
  await page.keys('x')
  await page.until(() => document.querySelector('.code')?.shadowRoot?.querySelector('.cm-lint-marker-error') !== null)
  await page.press('Control+s')
  await page.shows('.status', 'Not saved: 1 to mend.')
  await page.press('Backspace')
  await page.keys(' ')
  await page.until(() => document.querySelector('.code')?.shadowRoot?.querySelector('.cm-lint-marker-error') === null)
  await page.click('#save')
  await page.shows('.status', 'Saved as version 2.')
  await page.shows('#version', '2')
  await page.shows('#length', '38')
  // What is typed is the browser's until it is saved.
  await goToEnd(page)
  await page.keys('lost')
  await page.shows('#version', '2')
  expect(await inEditor(page, '.cm-content')).toContain('lost')
  await page.click('#restore')
  await page.until(
    () => !document.querySelector('.code')?.shadowRoot?.querySelector('.cm-content')?.textContent.includes('lost'),
  )
  expect(await violationsOf(page)).toEqual([])
})

eachBrowser('what is typed and asked while the server is away is not lost', async (page) => {
  const proxy = await gallery.openSlowly(page)
  await ready(page)
  proxy.open = false
  proxy.cut()
  await page.until(() => document.querySelector('[data-l-state=offline]') !== null)
  await goToEnd(page)
  await page.keys('  ')
  await page.click('#save')
  await page.shows('.status', 'Saving …')
  proxy.open = true
  await page.shows('.status', 'Saved as version 2.')
  await page.shows('#length', '39')
})

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await ready(page)
  await page.click('#pause')
  await isForEveryone(page)
  await isForPhones(page)
})
