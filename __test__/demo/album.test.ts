import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { Proxy } from '../support/proxy'
import { Demo } from './demo'

const demo = new Demo()

declare global {
  interface Window {
    axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
  }
}

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
