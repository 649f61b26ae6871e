/** Links between pages of an application: without a full load, with history, scroll, focus and what stays. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLoom, each, html, type LiveModule, type Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import { until } from '../support/until'
import { eachBrowser, type Page } from './index'

interface Site {
  url: string
  loom: Loom
  log: Log
  /** What was asked for, as "GET /path". */
  requests: string[]
  /** For each path that is to be slow: resolves when the page may come. */
  slow: Map<string, Promise<void>>
  /** Paths that are answered with 204, for which a browser stays at the page. */
  empty: Set<string>
}

const counter = (name: string): LiveModule<{ count: number }> => ({
  props: { count: 0 },
  handle: { add: ({ count }) => ({ count: count + 1 }) },
  render: ({ count }) => html`<button id="${name}" @click="add">${name} ${count}</button>`,
})

interface Rows {
  page: number
  seen: string[]
}

/** What changes with the address alone. */
const rows: LiveModule<Rows> = {
  props: { page: 0, seen: [] },
  params: (props, { searchParams, pathname }, ctx) => {
    const page = Number(searchParams.get('page') ?? 1)
    ctx.title(`Page ${page}`)
    return { ...props, page, seen: [...props.seen, `${pathname} ${page}`] }
  },
  handle: {
    far: (_props, _event, ctx) => {
      ctx.patch('?page=9')
    },
    instead: (_props, _event, ctx) => {
      ctx.patch('/rows?page=8', { replace: true })
    },
  },
  render: ({ page, seen }) => html`<p id="page">${page}</p>
    <ol id="seen">${each(
      seen.map((text, at) => ({ text, at })),
      ({ at }) => at,
      ({ text }) => html`<li>${text}</li>`,
    )}</ol>
    <a id="next" href="?page=${page + 1}" data-l-patch>next</a>
    <a id="other" href="?page=${page + 1}" data-l-patch data-l-replace>instead</a>
    <button id="far" @click="far">far</button><button id="instead" @click="instead">instead</button>
    <form data-l-patch><input name="page" id="field"></form>`,
}

const tall = '<div style="height:3000px"></div>'

/** By their paths. */
const PAGES: Record<
  string,
  { title: string; head?: string; attributes?: string; body: (loom: Loom, request: IncomingMessage) => Promise<string> }
> = {
  '/': {
    title: 'One',
    head: '<meta name="of" content="one"><style>#two { color: rgb(1, 2, 3) }</style>',
    body: async (loom) => `<h1>One</h1>${await loom.mount('one')}
      <a id="to-two" href="/two" data-l-nav>two</a> <a id="to-place" href="/two#place" data-l-nav>place</a>
      <a id="down" href="#below">down</a><a id="to-rows" href="/rows" data-l-nav>rows</a>
      <a id="to-moved" href="/moved" data-l-nav>moved</a> <a id="to-text" href="/text" data-l-nav>text</a>
      <a id="to-gone" href="/gone" data-l-nav>gone</a> <a id="to-plain" href="/plain" data-l-nav>plain</a>
      <a id="full" href="/two" data-l-nav="false">full</a> <a id="to-slow" href="/slow" data-l-nav>slow</a>
      <a id="to-broken" href="/broken" data-l-nav>broken</a> <a id="to-faded" href="/faded" data-l-nav>faded</a>
      <form data-l-nav action="/two"><input name="q" id="q"></form>
      ${tall}<p id="below">below</p>`,
  },
  '/two': {
    title: 'Two',
    head: '<meta name="of" content="two"><link rel="stylesheet" href="/two.css">',
    body: async (
      loom,
      { url },
    ) => `<h1>Two</h1><p id="asked">${url?.replace(/[<&"]/g, '')}</p>${await loom.mount('two')}
      <a id="to-one" href="/" data-l-nav>one</a><a id="to-plain" href="/plain">plain</a>
      <div id="inner" style="height:50px;overflow:auto">${tall}</div><script>window.ran = (window.ran ?? 0) + 1</script>
      ${tall}<h2 id="place">place</h2>${tall}`,
  },
  '/faded': {
    title: 'Faded',
    attributes: 'data-l-transition',
    body: async (loom) => `<h1>Faded</h1>${await loom.mount('two')}<a id="to-one" href="/" data-l-nav>one</a>`,
  },
  '/slow': { title: 'Slow', body: async (loom) => `<h1>Slow</h1>${await loom.mount('two')}` },
  '/rows': {
    title: 'Rows',
    body: async (loom, request) =>
      `<h1>Rows</h1>${await loom.mount('rows', {}, { request })}<a id="to-one" href="/" data-l-nav>one</a>`,
  },
}

async function start(): Promise<Site> {
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log, development: true })
  atEnd(() => loom.close({ timeout: 0 }))
  for (const name of ['one', 'two', 'player']) loom.register(name, counter(name))
  loom.register('rows', rows)
  const serve = loom.express()
  const requests: string[] = []
  const slow = new Map<string, Promise<void>>()
  const empty = new Set<string>()
  const player = async (): Promise<string> =>
    `<section id="player" data-l-permanent>${await loom.mount('player')}</section>`
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ''] = (request.url ?? '').split('?')
    requests.push(`${request.method} ${request.url}`)
    const send = (status: number, type: string, text: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': type, ...headers }).end(text)
    }
    await slow.get(path)
    if (empty.has(path)) return void response.writeHead(204).end()
    if (path === '/two.css') return send(200, 'text/css', 'h1 { color: rgb(9, 8, 7) }')
    if (path === '/moved') return send(302, 'text/plain', '', { location: '/two' })
    if (path === '/text') return send(200, 'text/plain', 'only text')
    if (path === '/plain') return send(200, 'text/html', '<!doctype html><title>Plain</title><h1>no page of ours</h1>')
    if (path === '/broken') return void request.socket.destroy()
    const page = PAGES[path]
    const {
      title,
      head = '',
      attributes = '',
      body,
    } = page ?? { title: 'Not found', body: () => Promise.resolve('<h1>Not found</h1>') }
    send(
      page ? 200 : 404,
      'text/html; charset=utf-8',
      `<!doctype html><html lang="${path === '/two' ? 'de' : 'en'}"><head><title>${title}</title><link rel="icon" href="data:,">${head}</head>` +
        `<body class="${title}" ${attributes}>${await body(loom, request)}${await player()}${loom.script()}</body></html>`,
    )
  }
  const server = createServer((request, response) => {
    serve(request, response, () => void answer(request, response))
  })
  loom.attach(server)
  await listen(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom, log, requests, slow, empty }
}

/** A page that was loaded anew has lost it. */
const mark = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.assign(window, { marked: true })
  })
const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in window)

const shows = (page: Page, title: string): Promise<unknown> =>
  page.until((title) => document.title === title && document.querySelector('h1')?.textContent === title, title)

// A driver waits for a page that loads, and none does. If one does, the driver has its answer before the page goes.
const back = (page: Page): Promise<void> =>
  page.evaluate(() => {
    setTimeout(() => {
      history.back()
    })
  })
const forward = (page: Page): Promise<void> =>
  page.evaluate(() => {
    setTimeout(() => {
      history.forward()
    })
  })

const open = async (page: Page, site: Site, path = '/'): Promise<void> => {
  await page.goto(site.url + path)
  await page.settled()
  await page.until(() => (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await mark(page)
}

eachBrowser('a link shows another page in the same document; its components live, and the others end', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#one')
  await page.shows('#one', 'one 1')
  await page.click('#player button')
  await page.shows('#player button', 'player 1')
  await page.evaluate(() => {
    Object.assign(window, { player: document.querySelector('#player') })
  })
  await page.click('#to-two')
  await shows(page, 'Two')
  expect(await page.evaluate(() => document.activeElement?.nodeName)).toBe('BODY')
  await page.settled()
  await page.click('#two')
  await page.shows('#two', 'two 1')
  expect(await isMarked(page)).toBe(true)
  // What is permanent is the same element, with the same component.
  await page.shows('#player button', 'player 1')
  await page.click('#player button')
  await page.shows('#player button', 'player 2')
  const after = await page.evaluate(() => ({
    path: location.pathname,
    isSame: document.querySelector('#player') === (window as unknown as { player: Element }).player,
    players: document.querySelectorAll('[data-l-permanent]').length,
    of: document.querySelector<HTMLMetaElement>('meta[name=of]')?.content,
    lang: document.documentElement.lang,
    body: document.body.className,
    color: getComputedStyle(document.querySelector('h1') as Element).color,
    button: getComputedStyle(document.querySelector('#two') as Element).color,
    ran: (window as unknown as { ran: number }).ran,
    said: document.querySelector('[aria-live=polite]')?.textContent,
  }))
  expect(after).toEqual({
    path: '/two',
    isSame: true,
    players: 1,
    of: 'two',
    lang: 'de',
    body: 'Two',
    color: 'rgb(9, 8, 7)',
    button: expect.not.stringMatching('rgb(1, 2, 3)') as string,
    ran: 1,
    said: 'Two',
  })
  await page.until(() => document.querySelectorAll('[data-l-live]').length === 2)
  expect(site.loom.stats().components).toBe(2)
})

eachBrowser('back and forward show the pages again, where they were scrolled to', async (page) => {
  const site = await start()
  await open(page, site)
  await page.evaluate(() => {
    scrollTo(0, 500)
  })
  // A click of the mouse would scroll to the link.
  await page.evaluate(() => document.querySelector<HTMLElement>('#down')?.click())
  await page.until(() => location.hash === '#below')
  await page.evaluate(() => {
    scrollTo(0, 700)
  })
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-two')?.click())
  await shows(page, 'Two')
  expect(await page.evaluate(() => scrollY)).toBe(0)
  await page.evaluate(() => {
    scrollTo(0, 300)
  })
  await back(page)
  await shows(page, 'One')
  await page.until(() => scrollY === 700 && location.hash === '#below')
  await forward(page)
  await shows(page, 'Two')
  await page.until(() => scrollY === 300)
  await back(page)
  await shows(page, 'One')
  await back(page)
  await page.until(() => location.hash === '' && scrollY === 500)
  expect(await isMarked(page)).toBe(true)
})

eachBrowser(
  'the page is where it was scrolled to after a page that is not ours; an element in it begins at its top',
  async (page) => {
    const site = await start()
    await open(page, site)
    await page.evaluate(() => document.querySelector<HTMLElement>('#to-two')?.click())
    await shows(page, 'Two')
    await page.evaluate(() => {
      ;(document.querySelector('#inner') as HTMLElement).scrollTop = 100
      scrollTo(0, 700)
    })
    await page.evaluate(() => document.querySelector<HTMLElement>('#to-plain')?.click())
    await page.until(() => document.title === 'Plain')
    await back(page)
    await shows(page, 'Two')
    await page.settled()
    // WebKitGTK does not scroll a page as far whose entry a script has made.
    if (await page.evaluate(() => !/Chrome|Firefox/.test(navigator.userAgent))) {
      await page.evaluate(() => {
        scrollTo(0, 700)
      })
    }
    await page.until(() => scrollY === 700)
    await page.evaluate(() => document.querySelector<HTMLElement>('#to-one')?.click())
    await shows(page, 'One')
    await back(page)
    await shows(page, 'Two')
    await page.until(() => scrollY === 700)
    expect(await page.evaluate(() => document.querySelector('#inner')?.scrollTop)).toBe(0)
  },
)

eachBrowser('an address names a place of the page, and a redirect another page', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#to-place')
  await shows(page, 'Two')
  await page.until(() => Math.abs(document.querySelector('#place')?.getBoundingClientRect().top ?? 99) < 2)
  expect(await page.evaluate(() => location.hash)).toBe('#place')
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-one')?.click())
  await shows(page, 'One')
  await page.click('#to-moved')
  await shows(page, 'Two')
  expect(await page.evaluate(() => location.pathname)).toBe('/two')
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-one')?.click())
  await shows(page, 'One')
  await page.click('#q')
  await page.keys('a b&c')
  await page.press('Enter')
  await shows(page, 'Two')
  expect(await page.text('#asked')).toBe('/two?q=a+b%26c')
  expect(await page.evaluate(() => location.search)).toBe('?q=a+b%26c')
  expect(await isMarked(page)).toBe(true)
})

eachBrowser('an error of the server is shown as it is', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#to-gone')
  await shows(page, 'Not found')
  expect(await isMarked(page)).toBe(true)
  await back(page)
  await shows(page, 'One')
})

for (const [link, says] of [
  ['#to-text', 'only text'],
  ['#to-plain', 'no page of ours'],
  ['#full', 'Two'],
] as const)
  eachBrowser(`the browser itself loads what is no page of ours: ${link}`, async (page) => {
    const site = await start()
    await open(page, site)
    await page.click(link)
    await page.until((says) => document.body.textContent.includes(says), says)
    expect(await isMarked(page)).toBe(false)
  })

eachBrowser('who clicks another link, or goes back, gets that page', async (page) => {
  const site = await start()
  let let_: () => void = () => undefined
  site.slow.set('/slow', new Promise((resolve) => (let_ = resolve)))
  await open(page, site)
  await page.click('#to-slow')
  await page.until(() => document.querySelector('.loom-progress') !== null)
  await page.click('#to-two')
  await shows(page, 'Two')
  let_()
  await page.until(() => document.querySelector('.loom-progress') === null)
  await page.settled()
  expect([await page.text('h1'), await page.evaluate(() => location.pathname), await isMarked(page)]).toEqual([
    'Two',
    '/two',
    true,
  ])
  await back(page)
  await shows(page, 'One')
})

eachBrowser('a listener keeps the page, also from going back', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#to-two')
  await shows(page, 'Two')
  await page.evaluate(() => {
    const asked: unknown[] = []
    Object.assign(window, { asked, stays: true })
    document.addEventListener('loom:navigate', (event) => {
      const { detail } = event as CustomEvent<{ url: string; way: string }>
      asked.push([new URL(detail.url).pathname, detail.way])
      if ((window as unknown as { stays: boolean }).stays) event.preventDefault()
    })
  })
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-one')?.click())
  await page.evaluate(() => {
    history.back()
  })
  await page.until(() => (window as unknown as { asked: unknown[] }).asked.length === 2 && location.pathname === '/two')
  expect(await page.text('h1')).toBe('Two')
  await page.evaluate(() => {
    Object.assign(window, { stays: false })
  })
  await back(page)
  await shows(page, 'One')
  expect(await page.evaluate(() => (window as unknown as { asked: unknown[] }).asked)).toEqual([
    ['/', 'link'],
    ['/', 'back'],
    ['/', 'back'],
  ])
})

eachBrowser('a page that is not there is the browser’s to say', async (page) => {
  const site = await start()
  await open(page, site)
  const before = site.requests.length
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-broken')?.click())
  const end = Date.now() + 10_000
  // Once by the page, and once by the browser.
  while (site.requests.filter((one) => one === 'GET /broken').length < 2 && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10))
  expect(site.requests.slice(before).filter((one) => one === 'GET /broken').length).toBeGreaterThan(1)
})

eachBrowser('a page is fetched when somebody is about to click, once', async (page) => {
  const site = await start()
  await open(page, site)
  await page.focus('#to-two')
  const end = Date.now() + 10_000
  while (!site.requests.includes('GET /two') && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10))
  await page.press('Enter')
  await shows(page, 'Two')
  expect(site.requests.filter((one) => one === 'GET /two')).toEqual(['GET /two'])
})

eachBrowser('an address changes alone: links, forms, handlers, back and forward', async (page) => {
  const site = await start()
  await open(page, site, '/rows?page=2')
  const at = async (number: number): Promise<void> => {
    await page.shows('#page', String(number))
    await page.until((number) => document.title === `Page ${number}`, number)
  }
  await page.shows('#page', '2')
  expect(await page.text('#seen')).toBe('/rows 2')
  await page.click('#next')
  await at(3)
  await page.click('#next')
  await at(4)
  await page.click('#other')
  await at(5)
  await back(page)
  await at(3)
  await forward(page)
  await at(5)
  await page.click('#far')
  await at(9)
  expect(await page.evaluate(() => location.search)).toBe('?page=9')
  await page.click('#instead')
  await at(8)
  await back(page)
  await at(5)
  await page.click('#field')
  await page.keys('7')
  await page.press('Enter')
  await at(7)
  // The page was loaded once, and its state went on.
  expect(site.requests.filter((one) => one.startsWith('GET /rows'))).toEqual(['GET /rows?page=2'])
  expect(await isMarked(page)).toBe(true)
  // Another page, and back to the address that was patched.
  await page.click('#to-one')
  await shows(page, 'One')
  await back(page)
  await page.shows('#page', '7')
  expect(await page.text('#seen')).toBe('/rows 7')
  expect(site.log.errors).toEqual([])
})

eachBrowser('what is not saved is asked about by the browser: the page is not swapped', async (page) => {
  const site = await start()
  await open(page, site)
  await page.evaluate(() => {
    addEventListener('beforeunload', (event) => {
      // The browser's own would wait for a user.
      if (!event.isTrusted) event.preventDefault()
    })
    document.querySelector('#to-two')?.setAttribute('data-l-prefetch', 'false')
    document.querySelector<HTMLElement>('#to-two')?.click()
  })
  await shows(page, 'Two')
  expect(await isMarked(page)).toBe(false)
})

eachBrowser(
  'who goes back from what is not saved, and stays, is where the page is; who leaves gets the page',
  async (page) => {
    const site = await start()
    await open(page, site)
    await page.click('#to-two')
    await shows(page, 'Two')
    await page.evaluate(() => {
      addEventListener('beforeunload', (event) => {
        // The browser's own would wait for a user.
        if (!event.isTrusted) event.preventDefault()
      })
    })
    // A page that does not come is as good as a user who stays.
    site.empty.add('/')
    const before = site.requests.length
    await back(page)
    await until('the page to be asked for', () => site.requests.slice(before).includes('GET /'))
    await page.until(() => location.pathname === '/two')
    expect([await page.text('h1'), await isMarked(page)]).toEqual(['Two', true])
    site.empty.delete('/')
    await back(page)
    await shows(page, 'One')
    expect([await page.evaluate(() => location.pathname), await isMarked(page)]).toEqual(['/', false])
  },
)

eachBrowser('a page that asks for it comes with a view transition, if the browser has them', async (page) => {
  const site = await start()
  await open(page, site)
  const has = await page.evaluate(() => {
    const own = Object.getOwnPropertyDescriptor(Document.prototype, 'startViewTransition')?.value as
      ((this: Document, update: () => void) => unknown) | undefined
    Object.assign(window, { transitions: 0 })
    if (own)
      Document.prototype.startViewTransition = function (this: Document, update: () => void) {
        ;(window as unknown as { transitions: number }).transitions++
        return own.call(this, update)
      } as typeof Document.prototype.startViewTransition
    return !!own
  })
  await page.click('#to-faded')
  await shows(page, 'Faded')
  await page.settled()
  const transitions = (): Promise<number> =>
    page.evaluate(() => (window as unknown as { transitions: number }).transitions)
  expect(await transitions()).toBe(has ? 1 : 0)
  await page.until(() => document.activeElement === document.body)
  await page.evaluate(() => document.querySelector<HTMLElement>('#two')?.click())
  await page.shows('#two', 'two 1')
  // The next page does not ask for one.
  await page.evaluate(() => document.querySelector<HTMLElement>('#to-one')?.click())
  await shows(page, 'One')
  expect(await transitions()).toBe(has ? 1 : 0)
  expect(await isMarked(page)).toBe(true)
})

test('a module with params needs an address, and is not shared', async () => {
  const { loom } = await start()
  await expect(loom.mount('rows')).rejects.toThrow(/loom\.mount\(rows, \{\}, \{ request \}\)/)
  await expect(loom.mount('rows', {}, { shared: 'x' })).rejects.toThrow(/cannot be shared: it has params/)
})
