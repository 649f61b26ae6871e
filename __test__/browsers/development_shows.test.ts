/** What development shows in the page: what has failed, with the lines of source; mistakes; stylesheets that have changed. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { html, type LiveModule } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { eachBrowser, type Page } from './index'
import { livePage, type LiveOptions, type LivePage } from './live'

interface Props {
  count: number
  name: string
  bad: boolean
}

const tested: LiveModule<Props> = {
  props: { count: 0, name: 'Ada', bad: false },
  handle: {
    add: (props) => ({ ...props, count: props.count + 1 }),
    fail: () => {
      throw new Error('the oven is cold') // here it fails
    },
    later: (props, _, ctx) => {
      ctx.after('rings', 1)
      return props
    },
    bad: (props) => ({ ...props, bad: true }),
    part: ({ count }) => ({ count: count + 1 }) as Props,
  },
  receive: {
    rings: () => {
      throw new Error('nobody is at home') // here it rings
    },
  },
  render: ({ count, bad }) => html`
    <output>${count}</output>
    <button id="add" @click="add">Add</button>
    <button id="fail" @click="fail">Fail</button>
    <button id="later" @click="later">Later</button>
    <button id="bad" @click="bad">Bad</button>
    <button id="part" @click="part">Part</button>
    ${bad ? html`<i title=${count}>an attribute without quotes</i>` : ''}`,
}

async function open(page: Page, options: LiveOptions<Props> = {}): Promise<LivePage> {
  const live = await livePage(tested, options)
  await page.goto(live.url)
  await page.settled()
  return live
}

const panel = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const section = document.querySelector('loom-overlay')?.shadowRoot?.querySelector('section')
    return section && !section.hidden ? section.textContent : ''
  })
/** What the panel says, once it says this. */
const panelSays = (page: Page, text: string): Promise<string> =>
  page.until((what) => {
    const section = document.querySelector('loom-overlay')?.shadowRoot?.querySelector('section')
    return section && !section.hidden && section.textContent.includes(what) ? section.textContent : ''
  }, text)
/** The line that is marked. */
const marked = (page: Page): Promise<string> =>
  page.evaluate(() => document.querySelector('loom-overlay')?.shadowRoot?.querySelector('b')?.textContent ?? '')
const press = (page: Page, text: string): Promise<void> =>
  page.evaluate((what) => {
    const buttons = document.querySelector('loom-overlay')?.shadowRoot?.querySelectorAll('button') ?? []
    const found = [...buttons].find((button) => button.textContent.includes(what))
    if (!found) throw new Error(`no button ${what}`)
    found.click()
  }, text)

const lineOf = (text: string): number =>
  readFileSync(__filename, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

eachBrowser('a handler that throws: what, where, and the lines around it', async (page) => {
  await open(page)
  await page.click('#fail')
  const said = await panelSays(page, 'the oven is cold')
  expect(said).toContain('the handler "fail" of tested')
  expect(said).toContain(`development_shows.test.ts:${lineOf('// here it fails')}`)
  expect(await marked(page)).toMatch(/^ *\d+ +throw new Error\('the oven is cold'\) \/\/ here it fails\n$/)
  // The page goes on meanwhile, and so does the focus.
  await page.click('#add')
  await page.shows('output', '1')
  await page.press('Escape')
  expect(await panel(page)).toBe('')
})

eachBrowser('a template that cannot be rendered: the place of the template', async (page) => {
  await open(page)
  await page.click('#bad')
  const said = await panelSays(page, 'render of tested, after the handler "bad"')
  expect(said).toMatch(/quote/)
  expect(said).toContain(`development_shows.test.ts:${lineOf('an attribute without quotes')}`)
  expect(await marked(page)).toContain('<i title=${count}>an attribute without quotes</i>')
})

eachBrowser('a receiver that throws, of which no page is told otherwise', async (page) => {
  await open(page)
  await page.click('#later')
  const said = await panelSays(page, 'nobody is at home')
  expect(said).toContain('the receiver "rings" of tested')
  expect(await marked(page)).toContain('// here it rings')
})

eachBrowser('a join that fails while the page is loaded', async (page) => {
  const broken: LiveModule<Props> = {
    ...tested,
    connected: () => {
      throw new Error('no database')
    },
  }
  const live = await livePage(broken)
  await page.goto(live.url)
  expect(await panelSays(page, 'no database')).toContain('connected of tested, after a join')
})

eachBrowser('a component that cannot be mounted, in a page whose route goes on without it', async (page) => {
  const broken: LiveModule<Props> = {
    ...tested,
    mount: () => {
      throw new Error('no such order') // here it cannot be mounted
    },
  }
  const live = await livePage(tested, {
    around: (component, request) => {
      if (request.url === '/broken') live.loom.mount('broken', {}, { request }).catch(() => undefined)
      return component
    },
  })
  live.loom.register('broken', broken)
  await page.goto(live.url)
  await page.settled()
  // Of another page's address it is none of this one's.
  await fetch(`${live.url}broken`)
  await page.click('#fail')
  const said = await panelSays(page, 'the oven is cold')
  expect(said).not.toMatch(/no such order|1\/2|2\/2/)
  await page.goto(`${live.url}broken`)
  expect(await panelSays(page, 'no such order')).toContain('loom.mount of broken, for the page /broken')
  expect(await marked(page)).toContain('// here it cannot be mounted')
})

eachBrowser('of several failures the last one is shown, and the keyboard goes through them', async (page) => {
  await livePage(
    {
      props: {},
      handle: {
        fail: (_, { value }) => {
          throw new Error(`it is ${value}`)
        },
      },
      render: () =>
        html`${['one', 'two', 'three'].map(
          (text) => html`<button id="${text}" @click="fail" data-l-value="${text}">${text}</button>`,
        )}`,
    },
    {},
  ).then(({ url }) => page.goto(url))
  await page.settled()
  for (const text of ['one', 'two', 'three', 'one']) {
    await page.click(`#${text}`)
    await panelSays(page, `it is ${text}`)
  }
  expect(await panel(page)).toContain('3/3')
  const focused = (): Promise<string> =>
    page.evaluate(() => document.querySelector('loom-overlay')?.shadowRoot?.activeElement?.textContent ?? '')
  await page.evaluate(() => {
    const [back] = document.querySelector('loom-overlay')?.shadowRoot?.querySelectorAll('button') ?? []
    back?.focus()
  })
  await page.press('Enter')
  await panelSays(page, '2/3')
  expect(await focused()).toBe('‹')
  await page.press('Enter')
  await panelSays(page, '1/3')
  // The first one has nothing before it.
  expect(await focused()).toBe('›')
})

eachBrowser('a mistake waits at the edge, until somebody looks', async (page) => {
  await open(page)
  await page.click('#part')
  await page.until(() => {
    const hint = document.querySelector('loom-overlay')?.shadowRoot?.querySelector<HTMLElement>('.hint')
    return hint && !hint.hidden && hint.textContent === 'loom-live: 1 warning'
  })
  expect(await panel(page)).toBe('')
  await press(page, '1 warning')
  expect(await panel(page)).toMatch(/the handler "part" returned props without name, bad/)
  await press(page, 'Close')
  expect(await panel(page)).toBe('')
})

eachBrowser('under a policy that forbids what is inline', async (page) => {
  await open(page, { headers: { 'content-security-policy': "default-src 'self'; img-src data:" } })
  await page.click('#fail')
  await panelSays(page, 'the oven is cold')
  expect(
    await page.evaluate(() => {
      const section = document.querySelector('loom-overlay')?.shadowRoot?.querySelector('section')
      return section ? getComputedStyle(section).position : ''
    }),
  ).toBe('fixed')
})

eachBrowser('in production, and without the overlay, nothing of it is there', async (page) => {
  for (const development of [false, { overlay: false }]) {
    const live = await open(page, { options: { development } })
    await page.click('#fail')
    await page.click('#add')
    await page.shows('output', '1')
    expect(await page.evaluate(() => document.querySelector('loom-overlay') === null)).toBe(true)
    if (development !== false) continue
    expect((await fetch(new URL('/loom/news', live.url))).headers.get('content-type')).not.toContain('event-stream')
    const script = await page.evaluate(async () => (await fetch(document.querySelector('script')?.src ?? '')).text())
    expect(script).not.toMatch(/loom-overlay|EventSource|stylesheet/)
  }
})

eachBrowser('a stylesheet that changes is exchanged, and the page stays', async (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-live-styles-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  write('page.css', 'output { color: rgb(1, 2, 3) }')
  write('other.css', 'button { color: rgb(1, 1, 1) }')
  const served: string[] = []
  const live = await livePage(tested, {
    around: (component, request) => {
      served.push(request.url ?? '')
      return `<link rel="stylesheet" href="data:text/css,"><link rel="stylesheet" href="/styles/page.css"><link rel="stylesheet" href="/styles/other.css">${component}`
    },
    // What asks for a stylesheet gets the file.
    file: (url) => {
      const name = /^\/styles\/(\w+\.css)/.exec(url)?.[1]
      return name === undefined ? undefined : { type: 'text/css', text: readFileSync(join(folder, name), 'utf8') }
    },
  })
  live.loom.watch({ folder })
  await page.goto(live.url)
  await page.settled()
  await page.evaluate(() => void Object.assign(window, { isSame: true }))
  await page.until(() => getComputedStyle(document.querySelector('output') as Element).color === 'rgb(1, 2, 3)')
  for (const color of ['rgb(4, 5, 6)', 'rgb(7, 8, 9)']) {
    write('page.css', `output { color: ${color} }`)
    await page.until((wanted) => getComputedStyle(document.querySelector('output') as Element).color === wanted, color)
    await page.until(() => document.querySelectorAll('link[rel=stylesheet]').length === 3)
  }
  expect(await page.evaluate(() => (window as unknown as { isSame?: boolean }).isSame)).toBe(true)
  const links = await page.evaluate(() =>
    [...document.querySelectorAll('link')].map((link) => link.getAttribute('href') ?? ''),
  )
  expect(links.filter((href) => href.includes('loom='))).toEqual([expect.stringMatching(/\/styles\/page\.css\?loom=/)])
})

eachBrowser('a stylesheet that changes again before it is there stays one, and the same element', async (page) => {
  let color = 'rgb(1, 2, 3)'
  const live = await livePage(tested, {
    around: (component) => `<link rel="stylesheet" href="/styles/page.css">${component}`,
    file: (url) =>
      url.startsWith('/styles/page.css') ? { type: 'text/css', text: `output { color: ${color} }` } : undefined,
  })
  await page.goto(live.url)
  await page.settled()
  await page.evaluate(() => void Object.assign(window, { link: document.querySelector('link[rel=stylesheet]') }))
  color = 'rgb(4, 5, 6)'
  type News = { wiring: { news: { tell(event: 'style', data: object): void } } }
  const { news } = (live.loom as unknown as News).wiring
  for (let count = 0; count < 3; count++) news.tell('style', { file: 'styles/page.css' })
  await page.until(() => getComputedStyle(document.querySelector('output') as Element).color === 'rgb(4, 5, 6)')
  await page.until(() => document.querySelectorAll('link[rel=stylesheet]').length === 1)
  expect(
    await page.evaluate(
      () => document.querySelector('link[rel=stylesheet]') === (window as unknown as { link: Element }).link,
    ),
  ).toBe(true)
})
