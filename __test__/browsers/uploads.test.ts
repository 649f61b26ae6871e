/** Files as users choose, drop and paste them, over a network that can be cut. */

import { eachBrowser, type Page } from './index'
import { Proxy } from '../support/proxy'
import { type Handed, UploadSite, type UploadsSettings } from '../support/uploads'
import { until } from '../support/until'

interface Made {
  name: string
  type?: string
  size: number
}

/** Chooses files in the input, drops them on the element, or pastes them there, as a browser tells a page of it. */
async function give(page: Page, how: 'choose' | 'drop' | 'paste', selector: string, ...files: Made[]): Promise<void> {
  await page.evaluate(
    (how, selector, files) => {
      const data = new DataTransfer()
      for (const { name, type = 'text/plain', size } of files) {
        const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        const start = new Uint8Array(type === 'image/png' ? png : [])
        data.items.add(new File([start, new Uint8Array(size - start.length).fill(120)], name, { type }))
      }
      const element = document.querySelector(selector) as HTMLInputElement
      if (how === 'choose') {
        element.files = data.files
        element.dispatchEvent(new Event('change', { bubbles: true }))
        return
      }
      const event = new Event(how, { bubbles: true, cancelable: true })
      Object.defineProperty(event, how === 'drop' ? 'dataTransfer' : 'clipboardData', { value: data })
      element.dispatchEvent(event)
    },
    how,
    selector,
    files,
  )
}

const handed = async (site: UploadSite): Promise<Handed[]> => (await site.state()).handed

async function open(page: Page, settings?: UploadsSettings): Promise<UploadSite> {
  const site = await UploadSite.start(settings)
  await page.goto(site.url)
  await page.settled()
  return site
}

eachBrowser('several files go side by side, by choice, drop and paste; the input keeps its choice', async (page) => {
  const site = await open(page)
  await give(
    page,
    'choose',
    '#photo',
    { name: 'a.txt', size: 300_000 },
    { name: 'b.txt', size: 1 },
    { name: 'c.txt', size: 0 },
  )
  await page.until(() => document.querySelectorAll('#files li').length === 3)
  expect(await page.evaluate(() => (document.querySelector('#photo') as HTMLInputElement).files?.length)).toBe(3)
  await give(page, 'drop', '#zone b, #zone', { name: 'dropped.txt', size: 10 })
  await page.until(() => document.querySelectorAll('#files li').length === 4)
  await give(page, 'paste', '#zone', { name: 'pasted.txt', size: 10 })
  await page.until(() => document.querySelectorAll('#files li').length === 5)
  await page.until(() => document.querySelectorAll('#under li').length === 0)
  const sizes = Object.fromEntries((await handed(site)).map(({ name, bytes }) => [name, bytes]))
  expect(sizes).toEqual({ 'a.txt': 300_000, 'b.txt': 1, 'c.txt': 0, 'dropped.txt': 10, 'pasted.txt': 10 })
})

eachBrowser(
  'what breaks the rules is refused in the page, and on the server what the page cannot know',
  async (page) => {
    const site = await open(page)
    await give(
      page,
      'choose',
      '#photo',
      { name: 'a.exe', type: 'a/b', size: 1 },
      { name: 'large.txt', size: 4_000_001 },
    )
    await page.until(
      () => [...document.querySelectorAll('#under i')].map((one) => one.textContent).join() === 'type,large',
    )
    // Chosen again, the old ones go. The bytes are not those of an image, which only the server sees.
    await page.evaluate(() => {
      const data = new DataTransfer()
      data.items.add(new File(['no image'], 'fake.png', { type: 'image/png' }))
      const input = document.querySelector('#photo') as HTMLInputElement
      input.files = data.files
      input.dispatchEvent(new Event('change', { bubbles: true }))
    })
    await page.until(() => [...document.querySelectorAll('#under i')].map((one) => one.textContent).join() === 'type')
    expect(await page.text('#under b')).toBe('fake.png')
    // More than four at a time.
    await give(page, 'choose', '#photo', ...'abcdef'.split('').map((name) => ({ name: `${name}.txt`, size: 5 })))
    await page.until(() => document.querySelectorAll('#files li').length === 4)
    await page.until(
      () => [...document.querySelectorAll('#under i')].map((one) => one.textContent).join() === 'many,many',
    )
    expect((await handed(site)).length).toBe(4)
    // What has failed can be put away.
    await page.click('#under button')
    await page.until(() => document.querySelectorAll('#under li').length === 1)
  },
)

eachBrowser('a place for dropping is marked while files are over it, and over what is in it', async (page) => {
  await open(page)
  await page.evaluate(() => {
    document.querySelector('#zone')?.append(document.createElement('b'))
  })
  const drag = (
    type: string,
    selector: string,
    kind: 'file' | 'text' = 'file',
    to: string | null = null,
  ): Promise<boolean> =>
    page.evaluate(
      (type, selector, kind, to) => {
        const data = new DataTransfer()
        if (kind === 'file') data.items.add(new File(['x'], 'a.txt', { type: 'text/plain' }))
        else data.setData('text/plain', 'x')
        const event = new Event(type, { bubbles: true, cancelable: true })
        Object.defineProperty(event, 'dataTransfer', { value: data })
        Object.defineProperty(event, 'relatedTarget', { value: to && document.querySelector(to) })
        document.querySelector(selector)?.dispatchEvent(event)
        return document.querySelector('#zone')?.hasAttribute('data-l-over') ?? false
      },
      type,
      selector,
      kind,
      to,
    )
  expect(await drag('dragover', '#zone', 'text')).toBe(false)
  expect(await drag('dragover', '#zone')).toBe(true)
  expect(await drag('dragleave', '#zone', 'file', '#zone b')).toBe(true)
  expect(await drag('dragover', '#zone b')).toBe(true)
  // Out of the window.
  expect(await drag('dragleave', '#zone b')).toBe(false)
  expect(await drag('dragover', '#zone')).toBe(true)
  expect(await drag('dragover', '#click')).toBe(false)
})

eachBrowser('after too many files, and after one that was refused, others go', async (page) => {
  const site = await open(page)
  await give(page, 'choose', '#photo', ...'abcde'.split('').map((name) => ({ name: `${name}.txt`, size: 3_000_000 })))
  // Four at a time may be under way.
  await page.until(() => document.querySelectorAll('#files li').length === 4)
  await give(page, 'drop', '#zone', { name: 'no.exe', type: 'a/b', size: 1 })
  await give(page, 'drop', '#zone', { name: 'yes.txt', size: 10 })
  await page.until(() => document.querySelectorAll('#files li').length === 5)
  expect((await handed(site)).map(({ name }) => name).sort()).toEqual(['a.txt', 'b.txt', 'c.txt', 'd.txt', 'yes.txt'])
})

eachBrowser('twenty files that are chosen together arrive, each once', async (page) => {
  const site = await open(page, { rules: { maxFiles: 20 } })
  const names = Array.from({ length: 20 }, (_, at) => `${at}.txt`)
  await give(page, 'choose', '#photo', ...names.map((name, at) => ({ name, size: 1_000 * at })))
  await page.until(() => document.querySelectorAll('#files li').length === 20)
  const sizes = (await handed(site)).map(({ name, bytes }) => [name, bytes])
  expect(sizes.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual(names.map((name, at) => [name, 1_000 * at]))
})

eachBrowser('a preview is there before the file has been sent', async (page) => {
  const site = await UploadSite.start()
  const proxy = await Proxy.to(site.server.port)
  await page.goto(proxy.url)
  await page.settled()
  proxy.open = false
  proxy.cut()
  await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 3
    const blob = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve)
    })
    const data = new DataTransfer()
    data.items.add(new File([blob as Blob], 'a.png', { type: 'image/png' }))
    const input = document.querySelector('#photo') as HTMLInputElement
    input.files = data.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await page.until(() => (document.querySelector('#latest') as HTMLImageElement).naturalWidth === 3)
  expect(await handed(site)).toEqual([])
  proxy.open = true
  await page.until(() => document.querySelectorAll('#files li').length === 1)
  expect((await handed(site)).map(({ name }) => name)).toEqual(['a.png'])
})

eachBrowser(
  'a cut connection and a killed server: the upload goes on, and clicks are answered meanwhile',
  async (page) => {
    const site = await UploadSite.start({ rules: { maxBytes: 40_000_000, chunkBytes: 1_000_000 } })
    const proxy = await Proxy.to(site.server.port)
    await page.goto(proxy.url)
    await page.settled()
    await page.evaluate(() => document.querySelector('#photo')?.removeAttribute('data-l-max-bytes'))
    await give(page, 'choose', '#photo', { name: 'large.txt', size: 30_000_000 })
    const sent = async (): Promise<number> => page.evaluate(() => document.querySelector('progress')?.value ?? 0)
    for (const cut of [1, 2, 3]) {
      const before = await sent()
      await until(
        'some of it to arrive, or all',
        async () => (await sent()) > before || (await handed(site)).length > 0,
      )
      if (cut === 2) await site.restart()
      else proxy.cut()
    }
    await page.until(() => document.querySelectorAll('#files li').length === 1)
    await page.click('#click')
    await page.shows('#click', '1')
    expect((await handed(site)).map(({ bytes }) => bytes)).toEqual([30_000_000])
  },
)

eachBrowser('cancel: by a button of the page, and by leaving it', async (page) => {
  const site = await UploadSite.start({ rules: { maxBytes: 40_000_000 } })
  const proxy = await Proxy.to(site.server.port)
  await page.goto(proxy.url)
  await page.settled()
  await page.evaluate(() => document.querySelector('#photo')?.removeAttribute('data-l-max-bytes'))
  await give(
    page,
    'choose',
    '#photo',
    { name: 'first.txt', size: 39_000_000 },
    { name: 'second.txt', size: 39_000_001 },
  )
  await page.until(() => document.querySelectorAll('#under li').length === 2)
  await page.click('#under button')
  await page.until(() => document.querySelectorAll('#under li').length < 2)
  await page.until(() => document.querySelectorAll('#under li').length === 0)
  const { length } = await handed(site)
  expect(length).toBeLessThanOrEqual(1)
  await until(
    'nothing but what was handed over to be left',
    () => site.names.filter((name) => name.length === 22).length === length,
  )
})

eachBrowser('a direct upload goes where the application says', async (page) => {
  const site = await open(page)
  await give(page, 'choose', '#away', { name: 'a.txt', size: 1234 })
  await page.until(() => document.querySelectorAll('#files li').length === 1)
  const { handed, direct } = await site.state()
  expect(direct).toEqual([{ path: `/elsewhere/${handed[0]?.id}`, bytes: 1234, method: 'PUT', name: 'a.txt' }])
  expect(handed.map(({ key }) => key)).toEqual(['key of a.txt'])
})

eachBrowser('a direct upload ends as its page cancels it, or goes', async (page) => {
  const site = await open(page)
  const sent = async (name: string): Promise<void> => {
    await give(page, 'choose', '#away', { name, size: 1234 })
    await until(`${name} to be on its way`, async () => (await site.state()).held.includes(name))
  }
  await site.state('hold')
  await sent('cancelled.txt')
  await page.click('#under button')
  await page.until(() => document.querySelectorAll('#under li').length === 0)
  await until('the other server to hear of it', async () => (await site.state()).gone.includes('cancelled.txt'))
  await sent('left.txt')
  await page.goto('about:blank')
  await until('the other server to hear of it', async () => (await site.state()).gone.includes('left.txt'))
  const { handed, direct } = await site.state()
  expect([handed, direct]).toEqual([[], []])
})

eachBrowser('after a reload the same file goes on from where it was', async (page) => {
  const site = await UploadSite.start({ rules: { maxBytes: 40_000_000, chunkBytes: 200_000 } })
  const proxy = await Proxy.to(site.server.port)
  await page.goto(proxy.url)
  await page.settled()
  const choose = async (): Promise<void> =>
    page.evaluate(() => {
      const data = new DataTransfer()
      data.items.add(new File([new Uint8Array(20_000_000).fill(120)], 'a.txt', { type: 'text/plain', lastModified: 1 }))
      const input = document.querySelector('#photo') as HTMLInputElement
      input.removeAttribute('data-l-max-bytes')
      input.files = data.files
      input.dispatchEvent(new Event('change', { bubbles: true }))
    })
  await choose()
  await page.until(() => (document.querySelector('progress')?.value ?? 0) > 0)
  await page.reload()
  await page.settled()
  await choose()
  await page.until(() => document.querySelectorAll('#files li').length === 1)
  expect((await handed(site)).map(({ bytes }) => bytes)).toEqual([20_000_000])
  expect(site.names.filter((name) => name.length === 22).length).toBe(1)
})
