/** Devtools: what they show of the components of other pages, and what they do to them. */

import axe from 'axe-core'
import { html, type LiveModule, type Loom } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage } from './live'
import { LivePage as ClientPage } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { tokenIn } from '../support/site'
import { until } from '../support/until'

interface Props {
  readonly count: number
  readonly rows: readonly string[]
}

const tested: LiveModule<Props> = {
  props: { count: 0, rows: [] },
  async connected(_, ctx) {
    await ctx.subscribe('news', 'heard')
    ctx.every('tick', 60_000)
  },
  handle: {
    add: (props) => ({ ...props, count: props.count + 1 }),
    write: (props, { value }) => ({ ...props, rows: [...props.rows, value ?? ''] }),
    fail: () => {
      throw new Error('the oven is cold')
    },
  },
  receive: { heard: () => undefined, tick: () => undefined },
  render: ({ count, rows }) =>
    html`<output>${count} ${rows.join()}</output><button id="add" @click="add">Add</button><button id="fail" @click="fail">Fail</button>`,
}

/** A page without a browser, beside the browser's. */
async function client(url: string, loom: Loom): Promise<ClientPage> {
  const page = new ClientPage({
    url: () => `${url.replace('http', 'ws')}loom/ws`,
    module: 'tested',
    token: tokenIn(await loom.mount('tested')),
  })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  return page
}

const rows = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('.steps tbody tr')].map((one) =>
      [...one.querySelectorAll('td')]
        .slice(1, 3)
        .map((cell) => cell.textContent.trim())
        .join(' | '),
    ),
  )

eachBrowser('devtools show components and steps, and take a component back to one of them', async (page) => {
  const { url, loom } = await livePage(tested)
  const other = await client(url, loom)
  await page.goto(`${url}loom/devtools`)
  await page.settled()
  other.event('add')
  other.event('write', 'a')
  other.event('fail')
  await until('the events to be answered', () => other.isSettled)
  await page.until(() => document.querySelectorAll('.steps tbody tr').length === 4)
  expect(await rows(page)).toEqual([
    'tested: click fail | the oven is cold',
    'tested: click write | rows[0]',
    'tested: click add | count',
    expect.stringMatching(/^tested: join \| /),
  ])
  await page.click('[aria-label=Components] li + * , [aria-label=Components] div button')
  await page.until(() => document.querySelector('.props')?.textContent.includes('"count": 1'))
  expect(await page.text('.topics')).toBe('news')
  expect(await page.text('.timers')).toBe('tick: every 60000 ms')
  // Back to the state after `add`.
  await page.click('.steps tbody tr:nth-child(3) button')
  await page.until(() => document.querySelector('[aria-label=State] h2')?.textContent.includes('click add'))
  await page.click('.back')
  await until('the other page to be back', () => other.text.startsWith('<output>1 </output>'))
  await page.until(() => document.querySelectorAll('.steps tbody tr').length === 5)
  expect((await rows(page))[0]).toBe('rendered anew | rows[0]')
  // And it goes on from there.
  other.event('add')
  await until('the other page to go on', () => other.text.startsWith('<output>2 </output>'))
  loom.disconnect(() => true)
  other.end()
  await page.until(() => document.querySelector('[aria-label=Components] h2')?.textContent.startsWith('0 components'))
})

/** What axe finds in the page. */
async function violations(page: Page): Promise<unknown[]> {
  await page.run(axe.source)
  return page.evaluate(async () => {
    const { violations: found } = await (
      window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
    ).axe.run()
    return found.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])
  })
}

eachBrowser(
  'devtools and the panel of failures are for everyone, also on a narrow screen',
  async (page) => {
    const { url, loom } = await livePage(tested)
    const other = await client(url, loom)
    other.event('add')
    other.event('fail')
    await until('the events to be answered', () => other.isSettled)
    for (const [width, height] of [
      [1_200, 800],
      [360, 740],
    ] as const) {
      await page.resize(width, height)
      await page.goto(`${url}loom/devtools`)
      await page.settled()
      await page.click('[aria-label=Components] div button')
      await page.until(() => document.querySelector('.props'))
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
      // By keyboard: the first step is chosen.
      await page.focus('.steps tbody button')
      await page.press('Enter')
      await page.until(() => document.querySelector('[aria-label=State] h2')?.textContent.startsWith('Step '))
    }
    await page.goto(`${url}?around=main`)
    await page.settled()
    await page.click('#fail')
    await page.until(() => document.querySelector('loom-overlay')?.shadowRoot?.querySelector('section:not([hidden])'))
    const found = await violations(page)
    expect(JSON.stringify(found)).not.toContain('loom-overlay')
    expect(found.filter((one) => !/region|landmark|heading/.test(String(one)))).toEqual([])
  },
  // axe is the same in all of them.
  { only: ['chromium'] },
)

eachBrowser('a slow network is simulated, and connections are cut, in the other tabs of the browser', async (page) => {
  const { url } = await livePage(tested)
  await page.goto(url)
  await page.settled()
  // Another tab: a frame has a storage of its own place, too, and the page's events of it.
  await page.evaluate(async (address) => {
    const frame = document.createElement('iframe')
    frame.src = `${address}frame`
    document.body.append(frame)
    await new Promise((resolve) => (frame.onload = resolve))
  }, url)
  const inFrame = (key: string, value: string): Promise<void> =>
    page.evaluate(
      (name, text) => document.querySelector('iframe')?.contentWindow?.localStorage.setItem(name, text),
      key,
      value,
    )
  await inFrame('loom.latency', '600')
  await page.until(() => document.querySelector('[data-l-live]') !== null)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const from = Date.now()
  await page.click('#add')
  await page.until(() => document.querySelector('output')?.textContent.startsWith('1'))
  expect(Date.now() - from).toBeGreaterThanOrEqual(590)
  await inFrame('loom.latency', '0')
  await page.evaluate(() => {
    const states: string[] = []
    const container = document.querySelector('[data-l-live]') as Element
    new MutationObserver(() => states.push(container.getAttribute('data-l-state') ?? '')).observe(container, {
      attributeFilter: ['data-l-state'],
    })
    Object.assign(window, { states })
  })
  await inFrame('loom.cut', '1')
  await page.until(() => (window as unknown as { states: string[] }).states.includes('offline'))
  await page.settled()
  await page.click('#add')
  await page.until(() => document.querySelector('output')?.textContent.startsWith('2'))
})
