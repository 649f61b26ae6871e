/** A page that comes back, by the back button, from the back/forward cache or not, or by a reload: page and server agree. */

import { html, type LiveEvent } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'

interface Props {
  on: boolean
  text: string
  size: string
  many: string[]
  color: string
  note: string
  heard: number
}

const first: Props = { on: false, text: '', size: 'a', many: [], color: 'r', note: '', heard: 0 }

const set =
  (change: (event: LiveEvent) => Partial<Props>) =>
  (props: Props, event: LiveEvent): Props => ({ ...props, ...change(event), heard: props.heard + 1 })

const fields = {
  props: first,
  handle: {
    tick: set(({ checked }) => ({ on: checked === true })),
    text: set(({ value }) => ({ text: value ?? '' })),
    size: set(({ value }) => ({ size: value ?? '' })),
    many: set(({ values }) => ({ many: [...(values ?? [])] })),
    color: set(({ value }) => ({ color: value ?? '' })),
    note: set(({ form }) => ({ note: String(form?.['note']) })),
    toggle: set(() => ({})),
    save: set(() => ({})),
  },
  render: ({ on, text, size, many, color, note, heard }: Props) => html`
    <input id="on" type="checkbox" ?checked=${on} @change="tick">
    <input id="text" value="${text}" @input="text" @change="text">
    <select id="size" @change="size">${['a', 'b', 'c'].map((one) => html`<option ?selected=${one === size}>${one}</option>`)}</select>
    <select id="many" multiple @change="many">${['a', 'b'].map((one) => html`<option ?selected=${many.includes(one)}>${one}</option>`)}</select>
    ${['r', 'g'].map((one) => html`<input type="radio" name="color" value="${one}" ?checked=${one === color} @change="color">`)}
    <form @change="note"><textarea name="note">${note}</textarea></form>
    <input id="clicked" type="checkbox" ?checked=${false} @click="toggle">
    <input id="unbound" value="${'server'}"><input id="unboundColor" type="color"><input id="range" type="range">
    <form id="draft" @submit="save"><input name="draft"></form>
    <div data-l-ignore><input id="theirs"></div><b>${heard}</b>
    <pre>${JSON.stringify([on, text, size, many, color, note])}</pre><a href="/other">other</a>`,
}

/** What the fields hold. */
const held = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const field = (selector: string) => document.querySelector(selector) as HTMLInputElement
    const chosen = (field('#many') as unknown as HTMLSelectElement).selectedOptions
    return JSON.stringify([
      field('#on').checked,
      field('#text').value,
      field('#size').value,
      [...chosen].map(({ value }) => value),
      field('[name=color]:checked').value,
      field('[name=note]').value,
    ])
  })

async function change(page: Page): Promise<void> {
  await page.settled()
  await page.click('#on')
  await page.type('#text', 'typed')
  await page.select('#size', 'b')
  await page.select('#many', 'a', 'b')
  await page.click('[value=g]')
  await page.type('[name=note]', 'noted')
  await page.type('#unbound', '!')
  await page.type('[name=draft]', 'draft')
  await page.click('#text')
  await page.settled()
  await page.shows('pre', '[true,"typed","b",["a","b"],"g","noted"]')
}

/** Page and server say the same, and go on doing so. */
async function agree(page: Page): Promise<void> {
  await page.until(() => document.readyState === 'complete' && document.querySelector('pre') !== null)
  await page.settled()
  await page.until(() => {
    const field = (selector: string) => document.querySelector(selector) as HTMLInputElement
    const chosen = (field('#many') as unknown as HTMLSelectElement).selectedOptions
    return (
      document.querySelector('pre')?.textContent ===
      JSON.stringify([
        field('#on').checked,
        field('#text').value,
        field('#size').value,
        [...chosen].map(({ value }) => value),
        field('[name=color]:checked').value,
        field('[name=note]').value,
      ])
    )
  })
  const before = JSON.parse(await held(page)) as [boolean]
  await page.click('#on')
  await page.settled()
  const after = JSON.parse(await page.text('pre')) as [boolean]
  expect(after[0]).toBe(!before[0])
  expect(await held(page)).toBe(await page.text('pre'))
}

const UNLOAD = '<script>addEventListener("unload", () => 0)</script>'

for (const [name, head] of [
  ['from the back/forward cache, if it may', ''],
  ['without the back/forward cache', UNLOAD],
] as const) {
  eachBrowser(`by the back button, ${name}`, async (page) => {
    const { url } = await livePage(fields, {
      around: (component, request) => (request.url === '/other' ? '<p>other</p>' : head + component),
    })
    await page.goto(url)
    await change(page)
    await page.click('a')
    await page.until(() => location.pathname === '/other')
    await page.back()
    await page.until(() => location.pathname === '/')
    await agree(page)
    // What waits to be sent is there, as on any page that the browser fills in.
    expect(['', 'draft']).toContain(await page.property('[name=draft]', 'value'))
  })
}

eachBrowser('by a reload', async (page) => {
  const { url } = await livePage(fields)
  await page.goto(url)
  await change(page)
  await page.reload()
  await agree(page)
})

/** As a browser fills in fields, for those that do not do it here. */
const FILL = `<script>
  Object.defineProperty(performance, 'getEntriesByType', { value: () => [{ type: 'back_forward' }] })
  const fill = () => {
    const $ = (selector) => document.querySelector(selector)
    $('#on').checked = $('#clicked').checked = true
    $('#text').value = $('#unbound').value = $('#theirs').value = $('[name=draft]').value = $('[name=note]').value = 'filled'
    $('#size').value = 'c'
    $('#many').options[1].selected = true
    $('[value=g]').checked = true
    $('#unboundColor').value = '#123456'
  }
</script>`

for (const late of [false, true]) {
  eachBrowser(
    `whatever the browser fills in, ${late ? 'when the page has loaded' : 'while it is read'}`,
    async (page) => {
      const { url, requests } = await livePage(fields, {
        around: (component) =>
          FILL + component + `<script>${late ? "addEventListener('load', fill)" : 'fill()'}</script>`,
      })
      await page.goto(url)
      await page.settled()
      await page.shows('pre', '[true,"filled","c",["b"],"g","filled"]')
      await page.settled()
      expect(await held(page)).toBe('[true,"filled","c",["b"],"g","filled"]')
      // Once for each that is bound: the text for `input` and for `change`.
      expect(await page.text('b')).toBe('7')
      expect(await page.property('#clicked', 'checked')).toBe(false)
      expect(await page.property('#unbound', 'value')).toBe('server')
      expect(await page.property('#unboundColor', 'value')).toBe('#000000')
      expect(await page.property('#range', 'value')).toBe('50')
      expect(await page.property('#theirs', 'value')).toBe('filled')
      expect(await page.property('[name=draft]', 'value')).toBe('filled')
      await page.click('#on')
      await page.shows('pre', '[false,"filled","c",["b"],"g","filled"]')
      expect(await held(page)).toBe(await page.text('pre'))
      expect(requests).toEqual(['GET /'])
    },
  )
}

eachBrowser('a page with fields loads the file for fields once', async (page) => {
  const { url } = await livePage(fields)
  await page.goto(url)
  await page.settled()
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
  expect(loaded.some((name) => name.includes('client'))).toBe(true)
  expect(loaded.filter((name) => name.includes('/fields.'))).toHaveLength(1)
})

const STRICT = "default-src 'none'; script-src 'nonce-b2s' 'strict-dynamic'; connect-src 'self' ws:; img-src data:"

eachBrowser('under a policy of nonces, too', async (page) => {
  const { url } = await livePage(fields, { headers: { 'content-security-policy': STRICT }, script: { nonce: 'b2s' } })
  await page.goto(url)
  await change(page)
  await page.reload()
  await agree(page)
})
