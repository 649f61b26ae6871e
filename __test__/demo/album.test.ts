import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { eachBrowser, type Page as AnyPage } from '../browsers/index'
import { Proxy } from '../support/proxy'
import { Demo } from './demo'
import { count, Gallery, inLightAndDark, isForEveryone, isForPhones, tabTo } from './gallery'

const demo = new Demo()

/** What has arrived stays when the server is killed. */
const folder = mkdtempSync(join(tmpdir(), 'loom-live-album-test-'))
const gallery = new Gallery('/album', { ALBUM: folder })
afterAll(() => rmSync(folder, { recursive: true }))

/** A picture that the browser draws. */
async function picture(page: Page): Promise<Buffer> {
  const drawn = await page.evaluate(() => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 40
    const context = canvas.getContext('2d')
    if (context) {
      context.fillStyle = 'teal'
      context.fillRect(0, 0, 40, 40)
    }
    return canvas.toDataURL('image/png').split(',')[1] ?? ''
  })
  return Buffer.from(drawn, 'base64')
}

/** A page with the album, live, at this server or through what stands before it. */
async function album(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await demo.blank(options)
  await page.goto(`${url}/album`)
  await page.locator('[data-l-live=album][data-l-state=live]').waitFor()
  return page
}

const files = (page: Page) => page.locator('#pictures')
const shown = (page: Page, count: number) =>
  page.waitForFunction((many) => document.querySelectorAll('.pictures img').length === many, count)

test.each([
  ['light', 1100],
  ['dark', 360],
] as const)('pictures are sent, shown and removed; axe finds nothing (%s, %i pixels)', async (colorScheme, width) => {
  const page = await album(demo.server.url, { colorScheme, viewport: { width, height: 740 } })
  const buffer = await picture(page)
  await files(page).setInputFiles([
    { name: 'one.png', mimeType: 'image/png', buffer },
    { name: 'a name that is far too long for any phone, without an end in sight.png', mimeType: 'image/png', buffer },
    { name: 'none.png', mimeType: 'image/png', buffer: Buffer.from('no picture') },
  ])
  await shown(page, 2)
  await page.getByText('is no picture that is taken here').waitFor()
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLImageElement>('.pictures img')].every((one) => one.naturalWidth === 40),
  )
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
  // As a script element, which the page's policy forbids, it would not run.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => window.axe.run())
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
  // By keyboard alone: what has failed is put away, and a picture removed.
  await page.getByRole('button', { name: 'Cancel none.png' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.querySelectorAll('.coming li').length === 0)
  await page.getByRole('button', { name: 'Remove one.png' }).focus()
  await page.keyboard.press('Enter')
  await shown(page, 1)
  // The browser writes of the request that was refused.
  demo.forgiveProblems(/^415|status of 415/)
})

test('a cut in the middle: the picture arrives whole', async () => {
  const proxy = await Proxy.to(demo.server.port)
  const page = await album(proxy.url)
  const small = (await picture(page)).toString('base64')
  await page.evaluate((small) => {
    const bytes = Uint8Array.from(atob(small), (one) => one.charCodeAt(0))
    const data = new DataTransfer()
    data.items.add(new File([bytes, new Uint8Array(30_000_000)], 'large.png', { type: 'image/png' }))
    const input = document.querySelector('#pictures') as HTMLInputElement
    input.files = data.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  }, small)
  await page.waitForFunction(
    () => (document.querySelector('progress')?.value ?? 0) > 0 || document.querySelector('.pictures img'),
  )
  proxy.cut()
  await shown(page, 1)
  // The browser writes of what was cut, and, if the whole picture had arrived by then, of the answer that says so (409).
  demo.forgiveProblems(/ERR_|WebSocket|^409|status of 409/)
})

/** Chooses pictures that the browser draws, of so many bytes or more, as the browser tells the page of a choice. */
async function choose(page: AnyPage, ...pictures: { name: string; bytes?: number }[]): Promise<void> {
  await page.evaluate((pictures) => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 40
    const drawn = atob(canvas.toDataURL('image/png').split(',')[1] ?? '')
    const data = new DataTransfer()
    for (const { name, bytes = 0 } of pictures) {
      // What follows a picture's end is no part of it.
      const parts = [Uint8Array.from(drawn, (one) => one.charCodeAt(0)), new Uint8Array(bytes)]
      data.items.add(new File(parts, name, { type: 'image/png' }))
    }
    const input = document.querySelector('#pictures') as HTMLInputElement
    input.files = data.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  }, pictures)
}

/** Waits until these are shown, each whole. */
async function showsWhole(page: AnyPage, ...names: string[]): Promise<void> {
  await page.until((names) => {
    const shown = [...document.querySelectorAll<HTMLImageElement>('.pictures img')]
    return (
      shown.map(({ alt }) => alt).join() === names &&
      shown.every(({ complete, naturalWidth }) => complete && naturalWidth === 40)
    )
  }, names.join())
}

/** Waits until some of it has arrived, and not all. */
const isUnderWay = (page: AnyPage, name: string): Promise<boolean> =>
  page.until((name) => {
    const bar = document.querySelector<HTMLProgressElement>(`progress[aria-label="${name}"]`)
    return bar !== null && bar.value > 0 && bar.value < bar.max
  }, name)

eachBrowser('over a slow network: bars, a preview, and a cancel by keyboard; the others arrive', async (page) => {
  await gallery.openSlowly(page)
  await choose(page, { name: 'one.png' }, { name: 'large.png', bytes: 40_000_000 }, { name: 'two.png' })
  // The preview is there before the picture has been sent.
  await page.until(() => (document.querySelector<HTMLImageElement>('.coming img')?.naturalWidth ?? 0) === 40)
  await tabTo(page, '[aria-label="Cancel large.png"]')
  await page.press('Enter')
  await count(page, '.coming li', 0)
  await page.until(() => document.querySelectorAll('.pictures img').length === 2)
  expect(
    await page.evaluate(() =>
      [...document.querySelectorAll<HTMLImageElement>('.pictures img')].map(({ alt }) => alt).sort(),
    ),
  ).toEqual(['one.png', 'two.png'])
  // Impatiently: it is removed once, and the other one stays.
  await tabTo(page, '[aria-label="Remove one.png"]')
  await page.press('Enter')
  await page.press('Enter')
  await showsWhole(page, 'two.png')
})

eachBrowser(
  'while the server is killed and started again: pictures stay, and one under way arrives whole',
  async (page) => {
    await gallery.open(page)
    await choose(page, { name: 'one.png' })
    await showsWhole(page, 'one.png')
    await choose(page, { name: 'two.png' })
    await showsWhole(page, 'one.png', 'two.png')
    await gallery.kill(page)
    // Removed while there is no server: once.
    await page.focus('[aria-label="Remove one.png"]')
    await page.press('Enter')
    await page.press('Enter')
    await gallery.startAgain(page)
    await showsWhole(page, 'two.png')
    await choose(page, { name: 'large.png', bytes: 45_000_000 })
    await isUnderWay(page, 'large.png')
    await gallery.kill(page)
    await gallery.startAgain(page)
    await showsWhole(page, 'two.png', 'large.png')
    await count(page, '.coming li', 0)
  },
)

inLightAndDark('is for everyone, also on a narrow screen', async (page) => {
  await gallery.open(page)
  await isForEveryone(page)
  await choose(
    page,
    { name: 'a name that is far too long for any telephone, without an end in sight.png' },
    { name: 'two.png' },
  )
  await page.until(() => document.querySelectorAll('.pictures img').length === 2)
  await isForPhones(page)
})
