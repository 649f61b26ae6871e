/** A basket, once in `html` and once in JSX: somebody does the same with both, and both show the same. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileJsx } from 'loom-live/jsx-compiler'
import { eachBrowser, type Page } from '../browsers/index'
import { count, focused, Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const gallery = new Gallery('/basket')

/** What both show, without their ids. */
async function shown(page: Page): Promise<[string, string]> {
  return page.evaluate((): [string, string] => {
    const of = (name: string): string =>
      (document.querySelector(`[data-l-live=basket-${name}]`)?.innerHTML ?? '')
        .replaceAll(new RegExp(`(id|describedby)="${name}`, 'g'), '$1="')
        .replace(/>\s+/g, '>')
        .replace(/\s+</g, '<')
    return [of('html'), of('jsx')]
  })
}

async function same(page: Page): Promise<string> {
  const [inHtml, inJsx] = await shown(page)
  expect(inJsx).toBe(inHtml)
  return inJsx
}

const BASKETS = ['html', 'jsx']
const of = (name: string, selector: string): string => `[data-l-live=basket-${name}] ${selector}`

eachBrowser('the same clicks have the same effect', async (page) => {
  await gallery.open(page)
  expect(await same(page)).toContain('Salt &amp; pepper')
  for (const name of BASKETS) {
    await page.type(of(name, 'input'), '<Eggs>')
    await page.press('Enter')
    await count(page, of(name, '.line'), 3)
    await page.click(of(name, '.line:last-child button[aria-label$=more]'))
    await page.shows(of(name, '.line:last-child output'), '2')
    await page.click(of(name, 'button[aria-label="Remove Bread"]'))
    await count(page, of(name, '.line'), 2)
  }
  expect(await same(page)).toContain('<span class="name">&lt;Eggs&gt;</span>')
})

eachBrowser('by keyboard alone; an error comes and goes, and the field keeps the focus', async (page) => {
  await gallery.open(page)
  for (const name of BASKETS) {
    await tabTo(page, `#${name}`)
    await page.press('Enter')
    await page.shows(`#${name}-error`, 'Say what it is.')
    await focused(page, `#${name}`)
    await page.keys('Tea')
    await page.press('Enter')
    await count(page, `#${name}-error`, 0)
    await count(page, of(name, '.line'), 3)
    await focused(page, `#${name}`)
  }
  await same(page)
})

eachBrowser('over a slow network, and after the server has gone', async (page) => {
  await gallery.openSlowly(page)
  for (const name of BASKETS) await page.click(of(name, 'button[aria-label="One Bread more"]'))
  for (const name of BASKETS) await page.shows(of(name, '.line output'), '2')
  await gallery.open(page)
  for (const name of BASKETS) await page.click(of(name, 'button[aria-label="One Bread more"]'))
  await page.settled()
  for (const name of BASKETS) await page.shows(of(name, '.line output'), '2')
  await gallery.kill(page)
  for (const name of BASKETS) await page.click(of(name, 'button[aria-label="One Bread more"]'))
  await gallery.startAgain(page)
  for (const name of BASKETS) await page.shows(of(name, '.line output'), '3')
  await same(page)
})

inLightAndDark('everybody can use it', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await page.focus('#jsx')
  await page.press('Enter')
  await page.shows('#jsx-error', 'Say what it is.')
  await isForEveryone(page)
})

eachBrowser('on a telephone', async (page) => {
  await gallery.open(page)
  await isForPhones(page)
})

test('the JSX becomes a template', () => {
  const source = readFileSync(join(__dirname, '../../examples/demo/basket_jsx.jsx'), 'utf8')
  const { code = '' } = compileJsx(source, { filename: 'basket_jsx.jsx' }) ?? {}
  expect(code).toMatch(/_template`<li class="line"><span class="name">\$\{\s*name\}<\/span>/)
})
