/** Hooks: when scripts hear of their elements, what they call, and what they are told. */

import { each, html, sanitized, type LiveModule, type LoomOptions, type Tree } from 'loom-live'
import { Proxy } from '../support/proxy'
import { eachBrowser, type Page } from './index'
import { livePage, type LivePage } from './live'

interface Props {
  count: number
  name: string
  isThere: boolean
  rows: number[]
}

interface Said {
  how: string
  with: unknown
}

declare global {
  interface Window {
    told: string[]
    errors: string[]
    answers: Said[]
    hooks: Record<string, { el: Element; call(handler: string, args?: unknown): Promise<unknown> }>
    registerLate(): void
  }
}

const gates: (() => void)[] = []

function module(body: (props: Props) => Tree): LiveModule<Props> {
  return {
    props: { count: 0, name: 'widget', isThere: true, rows: [1, 2, 3] },
    handle: {
      count: (props, _, ctx) => {
        ctx.reply({ was: props.count })
        ctx.push('counted', props.count + 1)
        return { ...props, count: props.count + 1 }
      },
      echo: (_, { args }, ctx) => ctx.reply(args),
      nothing: () => undefined,
      failing() {
        throw new Error('meant')
      },
      rename: (props) => ({ ...props, name: 'other' }),
      turn: (props) => ({ ...props, rows: [...props.rows].reverse() }),
      leave: (props) => ({ ...props, isThere: false }),
      async slow(props, _, ctx) {
        await new Promise<void>((resolve) => gates.push(resolve))
        ctx.reply('slow')
        return { ...props, count: props.count + 1 }
      },
    },
    render: (props) => html`${body(props)}<output>${props.count}</output>
      <button id="count" @click="count">c</button><button id="rename" @click="rename">r</button>
      <button id="turn" @click="turn">t</button><button id="leave" @click="leave">l</button>`,
  }
}

/** What the page's script registers; `late` is registered by `registerLate()`. */
const SCRIPT = `<script type="module">
  import { hook } from '/loom/client.js'
  Object.assign(window, { told: [], errors: [], answers: [], hooks: {} })
  const error = console.error
  console.error = (...given) => { window.errors.push(given.map(String).join(' ')); error(...given) }
  const note = (what) => function () {
    const { el } = this
    window.told.push([what, el.id, el.textContent.trim(), el.title].filter(Boolean).join(' '))
    window.hooks[el.id] = this
  }
  const callbacks = Object.fromEntries(
    ['mounted', 'beforeUpdate', 'updated', 'destroyed', 'disconnected', 'reconnected'].map((name) => [name, note(name)]))
  hook('widget', callbacks)
  hook('other', { mounted: note('other') })
  hook('broken', {
    mounted() { throw new Error('mounted broke') },
    async updated() { throw new Error('updated broke') },
  })
  hook('listening', {
    mounted() {
      const end = this.on('counted', (count) => { window.told.push('first ' + count); end(); throw new Error('a listener broke') })
      this.on('counted', (count) => window.told.push('second ' + count + ' ' + this.el.textContent))
      this.on('loom.reply', () => window.told.push('reserved'))
    },
    updated() { window.told.push('updated ' + this.el.textContent) },
  })
  hook('own', { mounted() { this.el.append(document.createElement('canvas')) }, updated() { window.told.push(this.el.dataset.count) } })
  window.registerLate = () => hook('late', callbacks)
</script>`

async function open(
  on: Page,
  body: (props: Props) => Tree,
  options: LoomOptions = {},
): Promise<LivePage & { proxy: Proxy }> {
  gates.length = 0
  const live = await livePage(module(body), { options, around: (component) => `${component}${SCRIPT}` })
  const proxy = await Proxy.to(Number(new URL(live.url).port))
  await on.goto(proxy.url)
  await on.settled()
  await on.until(() => Object.hasOwn(window, 'registerLate'))
  return { ...live, proxy }
}

/** What the hooks have noted since the last time. */
const told = (page: Page): Promise<string[]> => page.evaluate(() => window.told.splice(0))

/** Waits until a hook has noted this, and gives all that was noted. */
async function toldOf(page: Page, what: string): Promise<string[]> {
  await page.until((wanted) => window.told.includes(wanted), what)
  return told(page)
}

/** Calls by the hook of the element `id`; what comes of it is in `answers`. */
const call = (page: Page, id: string, handler: string, args?: unknown): Promise<void> =>
  page.evaluate(
    (id, handler, args) => {
      const note = (how: string) => (given: unknown) =>
        void window.answers.push({
          how,
          with: (given as { reason?: string } | undefined)?.reason ?? given ?? 'nothing',
        })
      window.hooks[id]?.call(handler, args).then(note('resolved'), note('rejected'))
    },
    id,
    handler,
    args,
  )

async function answers(page: Page, many: number): Promise<Said[]> {
  await page.until((count) => window.answers.length >= count, many)
  return page.evaluate(() => window.answers.splice(0))
}

async function gate(): Promise<() => void> {
  for (let turns = 0; !gates.length && turns < 1_000; turns++) await new Promise((resolve) => setTimeout(resolve, 10))
  const next = gates.shift()
  if (!next) throw new Error('No event came to the server')
  return next
}

eachBrowser('callbacks follow the life of an element, and hear of nothing else', async (page) => {
  await open(
    page,
    ({ count, isThere, name }) =>
      html`${isThere && html`<p id="a" data-l-hook="widget">${count}</p>`}<p id="b" data-l-hook="widget" title="${name}">b</p>
        <p id="c" data-l-hook="widget"><b>still</b></p>`,
  )
  expect(await told(page)).toEqual(['mounted a 0', 'mounted b b widget', 'mounted c still'])
  await page.click('#count')
  await page.shows('output', '1')
  expect(await told(page)).toEqual(['beforeUpdate a 0', 'updated a 1'])
  await page.click('#rename')
  expect(await toldOf(page, 'updated b b other')).toEqual(['beforeUpdate b b widget', 'updated b b other'])
  await page.click('#leave')
  expect(await toldOf(page, 'destroyed a 1')).toEqual(['destroyed a 1'])
})

eachBrowser('what a hook is told of a patch is told in the task of the patch', async (page) => {
  await open(page, ({ count }) => html`<p id="a" data-l-hook="widget">${count}</p>`)
  await told(page)
  await page.evaluate(() => {
    const { told } = window
    document.addEventListener('loom:patch', () => {
      told.push('patched')
      // A task of its own comes after all that belongs to this one.
      const channel = new MessageChannel()
      channel.port1.onmessage = () => told.push('over')
      channel.port2.postMessage(0)
    })
  })
  await page.click('#count')
  expect(await toldOf(page, 'over')).toEqual(['beforeUpdate a 0', 'patched', 'updated a 1', 'over'])
})

eachBrowser('an element waits for a hook that comes late', async (page) => {
  await open(page, ({ count }) => html`<p id="a" data-l-hook="late">${count}</p>`)
  await page.click('#count')
  await page.shows('#a', '1')
  expect(await told(page)).toEqual([])
  await page.evaluate(() => window.registerLate())
  expect(await told(page)).toEqual(['mounted a 1'])
})

eachBrowser('rows that are moved keep their hooks, and another name is another hook', async (page) => {
  await open(
    page,
    ({ rows, name }) =>
      html`<ul>${each(
        rows,
        (row) => row,
        (row) => html`<li id="r${row}" data-l-hook="widget">${row}</li>`,
      )}</ul><p id="a" data-l-hook="${name}">x</p>`,
  )
  expect(await told(page)).toHaveLength(4)
  await page.click('#turn')
  await page.until(() => document.querySelector('li')?.id === 'r3')
  expect(await told(page)).toEqual([])
  await page.click('#rename')
  expect(await toldOf(page, 'other a x')).toEqual(['beforeUpdate a x', 'destroyed a x', 'other a x'])
})

eachBrowser('a call resolves with the answer when the page shows the change, and rejects if it fails', async (page) => {
  await open(page, ({ count }) => html`<p id="a" data-l-hook="widget">${count}</p>`, {
    limits: { messageBytes: 20_000 },
  })
  const shown = await page.evaluate(async () => {
    const { a } = window.hooks
    const answer = await a?.call('count')
    return [answer, a?.el.textContent]
  })
  expect(shown).toEqual([{ was: 0 }, '1'])
  const large = 'ü'.repeat(4_500)
  await call(page, 'a', 'echo', { large, deep: [null, { a: [1] }] })
  await call(page, 'a', 'echo')
  await call(page, 'a', 'nothing')
  await call(page, 'a', 'count')
  expect(await answers(page, 4)).toEqual([
    { how: 'resolved', with: { large, deep: [null, { a: [1] }] } },
    { how: 'resolved', with: 'nothing' },
    { how: 'resolved', with: 'nothing' },
    { how: 'resolved', with: { was: 1 } },
  ])
  await call(page, 'a', 'failing')
  await call(page, 'a', 'nobody')
  await call(page, 'a', 'echo', 'x'.repeat(20_000))
  await call(page, 'a', 'count')
  const failed = await answers(page, 4)
  expect(failed.map(({ how, with: what }) => (how === 'rejected' ? what : how)).sort()).toEqual([
    'failed',
    'failed',
    'large',
    'resolved',
  ])
  const message = await page.evaluate(() => window.hooks['a']?.call('a(b').then(String, String))
  expect(message).toContain('Expected the name of a handler')
})

eachBrowser('what is called outlives a lost connection, and ends with the component', async (page) => {
  const { proxy } = await open(page, ({ count }) => html`<p id="a" data-l-hook="widget">${count}</p>`)
  await told(page)
  await call(page, 'a', 'slow')
  const go = await gate()
  proxy.open = false
  proxy.cut()
  expect(await toldOf(page, 'disconnected a 0')).toEqual(['disconnected a 0'])
  await call(page, 'a', 'echo', 'made offline')
  go()
  proxy.open = true
  expect(await answers(page, 2)).toEqual([
    { how: 'resolved', with: 'slow' },
    { how: 'resolved', with: 'made offline' },
  ])
  const all = await toldOf(page, 'reconnected a 1')
  expect(all.filter((one) => one.startsWith('re'))).toEqual(['reconnected a 1'])
  expect(all.filter((one) => one.startsWith('updated'))).toEqual(['updated a 1'])
  await call(page, 'a', 'slow')
  await gate()
  await page.evaluate(() => document.querySelector('[data-l-live]')?.remove())
  expect(await answers(page, 1)).toEqual([{ how: 'rejected', with: 'gone' }])
  expect(await toldOf(page, 'destroyed a 1')).toEqual(['destroyed a 1'])
  await call(page, 'a', 'echo')
  expect(await answers(page, 1)).toEqual([{ how: 'rejected', with: 'gone' }])
})

eachBrowser('pushes of its component come after the change, and a listener that fails harms no other', async (page) => {
  await open(page, ({ count }) => html`<p id="a" data-l-hook="listening">${count}</p>`)
  await page.click('#count')
  expect(await toldOf(page, 'second 1 1')).toEqual(['updated 1', 'first 1', 'second 1 1'])
  await page.click('#count')
  expect(await toldOf(page, 'second 2 2')).toEqual(['updated 2', 'second 2 2'])
  expect(await page.evaluate(() => window.errors.filter((one) => one.includes('hook')))).toEqual([
    expect.stringContaining('loom-live: the hook "listening", on("counted"): Error: a listener broke'),
  ])
})

eachBrowser('a callback that fails is logged, and the others are called', async (page) => {
  await open(
    page,
    ({ count }) => html`<p id="x" data-l-hook="broken">${count}</p><p id="a" data-l-hook="widget">${count}</p>`,
  )
  expect(await told(page)).toEqual(['mounted a 0'])
  await page.click('#count')
  expect(await toldOf(page, 'updated a 1')).toEqual(['beforeUpdate a 0', 'updated a 1'])
  await page.until(() => window.errors.length === 2)
  expect(await page.evaluate(() => window.errors)).toEqual([
    expect.stringContaining('the hook "broken", mounted: Error: mounted broke'),
    expect.stringContaining('the hook "broken", updated: Error: updated broke'),
  ])
})

eachBrowser('what a hook puts into an ignored element stays, and attributes go on', async (page) => {
  await open(
    page,
    ({ count }) => html`<div id="a" data-l-hook="own" data-l-ignore data-count="${count}"></div><p id="t">${count}</p>`,
  )
  await page.click('#count')
  await page.shows('#t', '1')
  expect(await told(page)).toEqual(['1'])
  // A translator has taken the text: the whole tree is compared with the page.
  await page.evaluate(() => document.querySelector('#t')?.firstChild?.remove())
  await page.click('#count')
  await page.shows('#t', '2')
  expect(await told(page)).toEqual(['2'])
  expect(await page.evaluate(() => document.querySelectorAll('#a > canvas').length)).toBe(1)
})

eachBrowser(
  'a page that is compared with the server tells hooks of what has changed, and of nothing else',
  async (page) => {
    const { proxy } = await open(
      page,
      ({ count, rows }) => html`<p id="a" data-l-hook="widget">${count}</p>
      <ul id="l" data-l-hook="widget">${rows.map((row) => html`<li>${row}</li>`)}</ul><p id="t">${count}</p>
      <p id="b" data-l-hook="widget">b</p>`,
      // No resume: the page gets the whole tree.
      { limits: { parkTime: 1 } },
    )
    await told(page)
    proxy.cut()
    await page.until(() => window.told.some((one) => one.startsWith('reconnected')))
    expect((await told(page)).filter((one) => /update/i.test(one))).toEqual([])
    await page.evaluate(() => document.querySelector('#t')?.firstChild?.remove())
    await page.click('#count')
    await page.shows('#t', '1')
    expect(await told(page)).toEqual(['beforeUpdate a 0', 'updated a 1'])
  },
)

eachBrowser('in what is not the component’s, and in users’ HTML, there are no hooks', async (page) => {
  await open(
    page,
    ({ count }) => html`<div data-l-ignore><p id="a" data-l-hook="widget">a</p></div>
      ${sanitized('<p id="b" data-l-hook="widget">b</p>')}<p id="c" data-l-hook="widget">${count}</p>`,
  )
  await page.evaluate(() => {
    const outside = document.createElement('p')
    outside.id = 'd'
    outside.setAttribute('data-l-hook', 'widget')
    document.body.append(outside)
  })
  await page.click('#count')
  expect(await toldOf(page, 'updated c 1')).toEqual(['mounted c 0', 'beforeUpdate c 0', 'updated c 1'])
})

eachBrowser(
  'development warns of a hook that no script registers, and of one outside of every component',
  async (page) => {
    await open(
      page,
      ({ count }) => html`<p data-l-hook="wigdet">${count}</p><p data-l-hook="widget">x</p>
      <div data-l-ignore><p data-l-hook="theirs">x</p></div>`,
    )
    await page.evaluate(() => {
      const warnings: string[] = []
      Object.assign(window, { warnings })
      console.warn = (...given: unknown[]) => void warnings.push(String(given[0]))
      document.body.insertAdjacentHTML('beforeend', '<p data-l-hook="outside"></p>')
    })
    const warnings = (): Promise<string[]> =>
      page.evaluate(() => (window as unknown as { warnings: string[] }).warnings)
    await page.until(() => (window as unknown as { warnings: string[] }).warnings.length === 2)
    await page.click('#count')
    await page.shows('output', '1')
    expect(await warnings()).toEqual([
      expect.stringMatching(
        /^loom-live: data-l-hook="wigdet" names a hook that no script has registered: .*; there are "widget", "other",/,
      ),
      expect.stringContaining('data-l-hook="outside" stands outside of every live component'),
    ])
  },
)

eachBrowser('an element whose id changes keeps its hook', async (page) => {
  await open(page, ({ name }) => html`<p id="${name}" data-l-hook="widget">text</p>`)
  await toldOf(page, 'mounted widget text')
  await page.click('#rename')
  expect(await toldOf(page, 'updated other text')).not.toContainEqual(expect.stringMatching(/^(mounted|destroyed)/))
  await call(page, 'other', 'echo', 'still')
  expect(await answers(page, 1)).toEqual([{ how: 'resolved', with: 'still' }])
})
