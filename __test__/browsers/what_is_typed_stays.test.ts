/** A field whose handler returns what it made of the value: what is typed stays while it means the same. */

import { html, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Props {
  value: string
  count: number
}

/** `read`: what the handler makes of the text. */
const field = (attributes: Record<string, string>, read: (text: string) => unknown): LiveModule<Props> => ({
  props: { value: '', count: 0 },
  handle: {
    set: ({ count }, { value }) => ({ value: String(read(value ?? '')), count: count + 1 }),
    ten: ({ count }) => ({ value: '10', count: count + 1 }),
    clear: ({ count }) => ({ value: '', count: count + 1 }),
  },
  render: ({
    value,
    count,
  }) => html`<input type="${attributes['type'] ?? 'text'}" step="${attributes['step'] ?? ''}" value="${value}" @input="set">
    <button id="ten" @click="ten">ten</button><button id="clear" @click="clear">clear</button>
    <input id="other"><output>${value}</output><i>${count}</i>`,
})

const typed = async (page: Page): Promise<string> => {
  await page.settled()
  return (await page.property('input', 'value')) as string
}

const isUnread = (page: Page) =>
  page.evaluate(() => (document.querySelector('input') as HTMLInputElement).validity.badInput)

async function keyByKey(page: Page, ...keys: string[]): Promise<void> {
  await page.focus('input')
  for (const key of keys) {
    await page.press(key)
    await page.settled()
  }
}

const numbers: Record<string, [keys: string[], text: string, value: string]> = {
  '-5': [['-', '5'], '-5', '-5'],
  '.5': [['.', '5'], '.5', '0.5'],
  '1e5': [['1', 'e', '5'], '1e5', '100000'],
  '-0.5': [['-', '0', '.', '5'], '-0.5', '-0.5'],
  '10.05, Backspace, 7': [['1', '0', '.', '0', '5', 'Backspace', '7'], '10.07', '10.07'],
  '1.50': [['1', '.', '5', '0'], '1.50', '1.5'],
  '007': [['0', '0', '7'], '007', '7'],
  '5, Backspace, -3': [['5', 'Backspace', '-', '3'], '-3', '-3'],
}

for (const [name, [keys, text, value]] of Object.entries(numbers))
  eachBrowser(`a number: ${name}`, async (page) => {
    const { url } = await livePage(field({ type: 'number', step: 'any' }, Number))
    await page.goto(url)
    await page.settled()
    await keyByKey(page, ...keys)
    await page.shows('output', value)
    expect(await typed(page)).toBe(text)
    expect(await isUnread(page)).toBe(false)
    await page.press('Tab')
    await page.click('#ten')
    await page.shows('output', '10')
    expect(await typed(page)).toBe('10')
  })

eachBrowser('a number that cannot be read goes when the server says another', async (page) => {
  const { url } = await livePage(field({ type: 'number', step: 'any' }, Number))
  await page.goto(url)
  await page.settled()
  await keyByKey(page, '4', '-')
  expect(await isUnread(page)).toBe(true)
  await page.click('#ten')
  await page.shows('output', '10')
  expect(await typed(page)).toBe('10')
  expect(await isUnread(page)).toBe(false)
  await keyByKey(page, '-')
  expect(await isUnread(page)).toBe(true)
  await page.click('#clear')
  await page.shows('output', '')
  await page.settled()
  expect(await isUnread(page)).toBe(false)
})

eachBrowser('what the handler makes of a number is shown if it is another', async (page) => {
  const { url } = await livePage(field({ type: 'number' }, (text) => Math.min(99, Number(text))))
  await page.goto(url)
  await page.settled()
  await keyByKey(page, '1', '2', '3')
  await page.shows('output', '99')
  expect(await typed(page)).toBe('99')
})

/** Set as a user's script or picker does it, and answered with another spelling of the same. */
const spellings: Record<string, [typed: string, said: string, other: string]> = {
  'time': ['10:00', '10:00:00', '11:30'],
  'datetime-local': ['2026-01-02T10:00', '2026-01-02T10:00:00', '2026-01-02T11:00'],
  'number': ['10.0', '10', '11'],
  'color': ['#aabbcc', '#AABBCC', '#000011'],
  'email': ['a@example.org', ' a@example.org ', 'b@example.org'],
  'url': ['http://a/', ' http://a/', 'http://b/'],
  'date': ['2026-01-02', '2026-01-02', '2026-01-03'],
  'month': ['2026-01', '2026-01', '2026-02'],
  'week': ['2026-W01', '2026-W01', '2026-W02'],
}

for (const [type, [text, said, other]] of Object.entries(spellings))
  eachBrowser(`another spelling of the same leaves a field alone: ${type}`, async (page) => {
    const { url } = await livePage(field({ type }, (value) => (value === text ? said : value)))
    await page.goto(url)
    await page.settled()
    const write = (value: string) =>
      page.evaluate((what) => {
        const input = document.querySelector('input') as HTMLInputElement
        const { set, get } = Object.getOwnPropertyDescriptor(
          HTMLInputElement.prototype,
          'value',
        ) as Required<PropertyDescriptor>
        set.call(input, what)
        const seen = window as unknown as { writes: string[] }
        seen.writes = []
        Object.defineProperty(input, 'value', {
          configurable: true,
          get() {
            return get.call(this) as string
          },
          set(now: string) {
            seen.writes.push(now)
            set.call(this, now)
          },
        })
        input.dispatchEvent(new Event('input', { bubbles: true }))
      }, value)
    const writes = () => page.evaluate(() => (window as unknown as { writes: string[] }).writes)
    await write(text)
    await page.shows('output', said.trim())
    await page.settled()
    expect(await writes()).toEqual([])
    expect(await typed(page)).toBe(text)
    // The server's word counts if it says something else.
    await write(other)
    await page.shows('output', other)
    await page.click('#clear')
    await page.shows('output', '')
    expect(await typed(page)).toBe(type === 'color' ? '#000000' : '')
  })

eachBrowser('a space at the end of an address stays, and so does what comes behind it', async (page) => {
  const { url } = await livePage(field({ type: 'email' }, (text) => text.trim()))
  await page.goto(url)
  await page.settled()
  await keyByKey(page, 'a', '@', 'b', ' ', 'Backspace', 'c')
  expect(await typed(page)).toBe('a@bc')
})

eachBrowser('a date that is half typed stays', async (page) => {
  const { url } = await livePage({
    props: { value: '2026-01-02', count: 0 },
    handle: { set: ({ count }, { value }) => ({ value: value || '2000-01-01', count: count + 1 }) },
    render: ({ value, count }) =>
      html`<input type="date" value="${value}" @input="set"><output>${value}</output><i>${count}</i>`,
  })
  await page.goto(url)
  await page.settled()
  // In WebKitGTK it is a text.
  if ((await page.property('input', 'type')) === 'text') return
  await keyByKey(page, 'Backspace')
  expect(await typed(page)).toBe('')
  expect(await isUnread(page)).toBe(true)
})

eachBrowser('what is typed stays when the server gets again to where the page has been', async (page) => {
  const { url } = await livePage<Props>(
    {
      props: { value: 'start', count: 0 },
      handle: { ten: ({ count }) => ({ value: '10', count: count + 1 }) },
      render: ({ value, count }) => html`<input value="${value}"><textarea>${value}</textarea>
        <button id="ten" @click="ten">ten</button><output>${value}</output><i>${count}</i>`,
    },
    { options: NOT_PARKED },
  )
  await page.goto(url)
  await page.settled()
  await page.click('#ten')
  await page.shows('output', '10')
  await page.type('input', ' mine')
  await page.type('textarea', ' mine')
  await rejoin(page)
  await page.settled()
  expect(await page.property('input', 'value')).toBe('10 mine')
  expect(await page.property('textarea', 'value')).toBe('10 mine')
  await page.shows('output', '10')
  await page.click('#ten')
  await page.shows('i', '2')
  expect(await page.property('input', 'value')).toBe('10 mine')
})
