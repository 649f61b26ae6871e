/** Components in components: actors of their own, that come and go with what their parents render. */

import { each, html, live, type LiveModule, type Loom, type RegisteredModule } from 'loom-live'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'
import { livePage, type LivePage } from './live'
import { NOT_PARKED, rejoin } from './rejoin'

interface Chart {
  range: string
  name: string
  count: number
  given: string[]
}

interface Parent {
  range: string
  names: string[]
  heard: string
  ticks: number
}

/** How often each has been mounted, by its name. */
let mounts: Record<string, number> = {}
let chart: RegisteredModule<Chart>

const chartModule: LiveModule<Chart> = {
  props: { range: '', name: '', count: 0, given: [] },
  mount: (props) => {
    mounts[props.name] = (mounts[props.name] ?? 0) + 1
    if (props.name === 'bad') throw new Error('no such chart')
  },
  handle: {
    count: (props) => ({ ...props, count: props.count + 1 }),
    fail: () => {
      throw new Error('meant')
    },
    tell: (props, _, ctx) => {
      if (ctx.parent) ctx.send(ctx.parent, 'heard', props.name)
    },
  },
  receive: {
    given: (props, { data, from }) => ({
      ...props,
      ...(data as object),
      given: [...props.given, `${from} ${JSON.stringify(data)}`],
    }),
  },
  render: ({ name, range, count, given }) =>
    html`<button id="count-${name}" @click="count">${name} ${range} ${count}</button>
      <button id="fail-${name}" @click="fail">fail</button><button id="tell-${name}" @click="tell">tell</button>
      <i id="given-${name}">${given.join(' ')}</i>`,
}

const parentModule: LiveModule<Parent> = {
  props: { range: 'day', names: ['a', 'b'], heard: '', ticks: 0 },
  handle: {
    range: (props, { value = '' }) => ({ ...props, range: value }),
    show: (props, { value = '' }) => ({ ...props, names: value.split(' ').filter(Boolean) }),
    tick: (props) => ({ ...props, ticks: props.ticks + 1 }),
  },
  receive: { heard: (props, { data }) => ({ ...props, heard: String(data) }) },
  render: ({ range, names, heard, ticks }) =>
    html`<output>${ticks}</output><b>${heard}</b>
      <input id="range" @change="range"><input id="show" @change="show"><button id="tick" @click="tick">tick</button>
      <ul>${each(
        names,
        (name) => name,
        (name) => html`<li>${live(chart, { range, name }, { key: name, as: 'section' })}</li>`,
        [range],
      )}</ul>`,
}

async function open(page: Page, options?: Parameters<typeof livePage>[1]): Promise<LivePage> {
  mounts = {}
  const site = await livePage(parentModule, options as Parameters<typeof livePage<Parent>>[1])
  chart = site.loom.register('chart', chartModule)
  await page.goto(site.url)
  await page.settled()
  return site
}

async function enter(page: Page, selector: string, text: string): Promise<void> {
  await page.evaluate(
    (where, value) => {
      const field = document.querySelector(where) as HTMLInputElement
      field.value = value
      field.dispatchEvent(new Event('change', { bubbles: true }))
    },
    selector,
    text,
  )
}

const names = (page: Page): Promise<string[]> =>
  page.evaluate(() => [...document.querySelectorAll('li section')].map((one) => one.getAttribute('data-l-key') ?? ''))

const components = (loom: Loom): number => loom.stats().components

eachBrowser('a nested component is in the first paint, and has events of its own', async (page) => {
  const { loom } = await open(page)
  expect(mounts).toEqual({ a: 1, b: 1 })
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 1')
  await page.shows('#count-b', 'b day 0')
  expect(components(loom)).toBe(3)
  // What the parent's render changes around it does not disturb it.
  await page.evaluate(() => Object.assign(document.querySelector('#count-a') as object, { marked: true }))
  await page.click('#tick')
  await page.shows('output', '1')
  await page.shows('#count-a', 'a day 1')
  expect(await page.property('#count-a', 'marked')).toBe(true)
  expect(mounts).toEqual({ a: 1, b: 1 })
})

eachBrowser('what the parent gives anew arrives once', async (page) => {
  await open(page)
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 1')
  await enter(page, '#range', 'week')
  await page.shows('#count-a', 'a week 1')
  await page.shows('#count-b', 'b week 0')
  await page.shows('#given-a', 'parent {"range":"week","name":"a"}')
  await page.click('#tick')
  await page.shows('output', '1')
  await page.shows('#given-a', 'parent {"range":"week","name":"a"}')
})

eachBrowser('it moves with its row, ends when it is shown no more, and begins anew', async (page) => {
  const { loom } = await open(page)
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 1')
  await enter(page, '#show', 'c b a')
  await page.shows('#count-c', 'c day 0')
  await page.settled()
  expect(await names(page)).toEqual(['c', 'b', 'a'])
  await page.shows('#count-a', 'a day 1')
  await page.click('#count-c')
  await page.shows('#count-c', 'c day 1')
  expect(mounts).toEqual({ a: 1, b: 1, c: 1 })
  expect(components(loom)).toBe(4)
  await enter(page, '#show', 'b')
  await until('their end', () => components(loom) === 2)
  await enter(page, '#show', 'b a')
  await page.shows('#count-a', 'a day 0')
  await page.settled()
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 1')
  expect(mounts).toEqual({ a: 2, b: 1, c: 1 })
})

eachBrowser('one that fails takes nobody down', async (page) => {
  const { log } = await open(page)
  await page.click('#fail-a')
  await log.says('the event "fail" failed')
  await enter(page, '#show', 'a bad b')
  await page.until(() => document.querySelector('[data-l-key=bad]')?.getAttribute('data-l-state') === 'error')
  await log.says('no such chart')
  for (const name of ['a', 'b']) {
    await page.click(`#count-${name}`)
    await page.shows(`#count-${name}`, `${name} day 1`)
  }
  await page.click('#tick')
  await page.shows('output', '1')
})

eachBrowser('it sends to its parent', async (page) => {
  await open(page)
  await page.click('#tell-b')
  await page.shows('b', 'b')
})

eachBrowser('parent and child go on after a lost connection', async (page) => {
  await open(page)
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 1')
  await page.click('#tick')
  await page.shows('output', '1')
  await page.evaluate(() => {
    dispatchEvent(new Event('offline'))
    dispatchEvent(new Event('online'))
  })
  await page.click('#count-a')
  await page.shows('#count-a', 'a day 2')
  await page.settled()
  await page.shows('output', '1')
  expect(mounts).toEqual({ a: 1, b: 1 })
})

eachBrowser('after a crash a checkpoint starts only what the parent still shows', async (page) => {
  await open(page, { options: NOT_PARKED })
  await enter(page, '#show', 'a c')
  await page.shows('#count-c', 'c day 0')
  await page.settled()
  for (const name of ['a', 'c']) {
    await page.click(`#count-${name}`)
    await page.shows(`#count-${name}`, `${name} day 1`)
  }
  await rejoin(page)
  await page.settled()
  for (const name of ['a', 'c']) {
    await page.click(`#count-${name}`)
    await page.shows(`#count-${name}`, `${name} day 2`)
  }
  expect(mounts).toEqual({ a: 1, b: 1, c: 1 })
})

interface Folder {
  name: string
  isOpen: boolean
  count: number
}

eachBrowser('a module in itself: a component is not taken for the same one of another parent', async (page) => {
  const modules = {} as { folder: RegisteredModule<Folder> }
  const { url, loom } = await livePage<{ wraps: boolean }>({
    props: { wraps: true },
    handle: { flip: ({ wraps }) => ({ wraps: !wraps }) },
    // The folder "in" of the page takes the place of the folder "out", which has a folder "in" of its own.
    render: ({ wraps }) =>
      html`<button id="flip" @click="flip">flip</button>${
        wraps
          ? html`<section>${live(modules.folder, { name: 'out' }, { key: 'out' })}</section>`
          : html`<article>${live(modules.folder, { name: 'other' }, { key: 'in' })}</article>`
      }`,
  })
  modules.folder = loom.register<Folder>('folder', {
    props: { name: '', isOpen: false, count: 0 },
    handle: { count: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ name, count }) =>
      html`<button id="${name}" @click="count">${name} ${count}</button>${
        name === 'out' ? live(modules.folder, { name: 'inner' }, { key: 'in' }) : ''
      }`,
  })
  await page.goto(url)
  await page.settled()
  await page.click('#inner')
  await page.shows('#inner', 'inner 1')
  await page.click('#flip')
  await page.shows('#other', 'other 0')
  await page.settled()
  await page.click('#other')
  await page.shows('#other', 'other 1')
  await until('the others to end', () => components(loom) === 2)
})
