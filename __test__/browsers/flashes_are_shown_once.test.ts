/** What `ctx.flash` tells a user: in this page, or in the one that comes next, and once. */

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createLoom, form, html, type Flash, type LiveModule, type Loom, type Tree } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import { eachBrowser, type Page } from './index'

const tested: LiveModule<{ count: number }> = {
  props: { count: 0 },
  handle: {
    here: ({ count }, _, ctx) => {
      ctx.flash('success', `Saved <b>${count + 1}</b>.`)
      return { count: count + 1 }
    },
    wrong: (_props, _event, ctx) => {
      ctx.flash('error', 'Not saved.')
    },
    next: (_props, _event, ctx) => {
      ctx.flash('info', 'One.')
      ctx.redirect('/next')
      ctx.flash('warning', 'Two.')
    },
    place: (_props, _event, ctx) => {
      ctx.flash('info', 'Here it is.')
      ctx.redirect('#place')
    },
    many: (_props, _event, ctx) => {
      for (const text of ['a', 'b', 'c']) ctx.flash('info', text)
    },
    says: (_props, _event, ctx) => {
      ctx.announce('Three orders.')
    },
    fails: (_props, _event, ctx) => {
      ctx.flash('info', 'never')
      throw new Error('failed')
    },
  },
  render: ({ count }) => {
    const f = form('next')
    return html`<output>${count}</output>
      ${['here', 'wrong', 'next', 'place', 'many', 'says', 'fails'].map(
        (name) => html`<button id="${name}" @click=${name}>${name}</button>`,
      )}
      <form id="${f.id}" method="${f.method}" action="${f.action}">${f.seal}<button id="post">post</button></form>`
  },
}

const look = ({ kind, text }: Flash): Tree =>
  html`<p class="toast ${kind}"><b data-l-fill="text">${text}</b><button type="button" data-l-dismiss>fort</button></p>`

interface Site {
  url: string
  loom: Loom
}

async function start(): Promise<Site> {
  const loom = createLoom({ secret: SECRET, logger: new Log(), development: false })
  atEnd(() => loom.close({ timeout: 0 }))
  loom.register('tested', tested)
  const app = express()
  app.use(loom.express())
  app.use(loom.forms())
  const page = async (request: IncomingMessage, place = '', script = loom.script()): Promise<string> =>
    `<!doctype html><html lang="en"><head><title>${request.url}</title><link rel="icon" href="data:,"></head><body>${place}` +
    `<h1>${request.url}</h1>${await loom.mount('tested', {}, { request })}<a id="on" href="/next" data-l-nav>on</a>` +
    `<p id="place">place</p>${script}</body></html>`
  app.get(['/', '/next'], async (request, response) => {
    response.send(await page(request))
  })
  app.get('/looks', async (request, response) => {
    response.send(await page(request, loom.flashes(request, look)))
  })
  app.get('/placed', async (request, response) => {
    response.send(await page(request, loom.flashes(request), loom.script({ texts: { dismiss: 'Weg damit' } })))
  })
  // Without the client's script.
  app.get('/plain', async (request, response) => {
    response.send(await page(request, loom.flashes(request), ''))
  })
  const server = createServer(app)
  loom.attach(server)
  await listen(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom }
}

const open = async (page: Page, { url }: Site, path = '/'): Promise<void> => {
  await page.goto(url + path)
  await page.settled()
}

/** What is shown: the role, the kind and the text of each, without its button. */
const flashes = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('[data-l-flash] > [data-l-kind]')].map((one) => {
      const text = one.querySelector('[data-l-fill], span')?.textContent ?? ''
      return `${one.getAttribute('role')} ${one.getAttribute('data-l-kind')} ${text}`
    }),
  )

const shows = (page: Page, ...wanted: string[]): Promise<unknown> =>
  page.until(
    (wanted) =>
      [...document.querySelectorAll('[data-l-flash] > [data-l-kind]')]
        .map((one) => one.querySelector('[data-l-fill], span')?.textContent ?? '')
        .join('|') === wanted,
    wanted.join('|'),
  )

/** Longer than it takes to read a flash, as far as the client is concerned. */
const read = (page: Page): Promise<unknown> => page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_100)))

eachBrowser('a page without a place for it shows it, as text, until it is dismissed', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#here')
  await shows(page, 'Saved <b>1</b>.')
  expect(await flashes(page)).toEqual(['status success Saved <b>1</b>.'])
  await page.click('#wrong')
  await shows(page, 'Saved <b>1</b>.', 'Not saved.')
  expect((await flashes(page))[1]).toBe('alert error Not saved.')
  expect(await page.text('[data-l-dismiss]')).toBe('Dismiss')
  // By keyboard; the focus goes to the next one, and then stays where it was.
  await page.focus('[data-l-dismiss]')
  await page.press('Enter')
  await shows(page, 'Not saved.')
  expect(await page.evaluate(() => document.activeElement?.matches('[data-l-dismiss]'))).toBe(true)
  await page.press('Enter')
  await shows(page)
  expect(await page.evaluate(() => document.activeElement?.hasAttribute('data-l-flash'))).toBe(true)
  await page.click('#fails')
  await page.click('#here')
  await shows(page, 'Saved <b>2</b>.')
})

eachBrowser('a redirect takes it along, once', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#next')
  await page.shows('h1', '/next')
  await shows(page, 'One.', 'Two.')
  expect(await flashes(page)).toEqual(['status info One.', 'alert warning Two.'])
  await read(page)
  await page.reload()
  await page.settled()
  await page.click('#says')
  await page.until(() => document.querySelector('[data-l-said]')?.textContent === 'Three orders.')
  expect(await flashes(page)).toEqual([])
})

eachBrowser('a redirect to a place of the same page shows it there', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#place')
  await page.until(() => location.hash === '#place')
  await shows(page, 'Here it is.')
})

eachBrowser('a link takes along what nobody can have read, and nothing else', async (page) => {
  const site = await start()
  await open(page, site)
  await page.until(() => (history.state as { loom?: unknown } | null)?.loom !== undefined)
  await page.click('#here')
  await shows(page, 'Saved <b>1</b>.')
  await read(page)
  await page.click('#wrong')
  await shows(page, 'Saved <b>1</b>.', 'Not saved.')
  await page.evaluate(() => document.querySelector<HTMLElement>('#on')?.click())
  await page.shows('h1', '/next')
  await shows(page, 'Not saved.')
  await page.settled()
  await read(page)
  await page.evaluate(() => {
    history.back()
  })
  await page.shows('h1', '/')
  await page.settled()
  await shows(page)
})

eachBrowser('so many are shown at a time: the oldest goes', async (page) => {
  const site = await start()
  await open(page, site)
  await page.click('#many')
  await page.click('#many')
  await shows(page, 'b', 'c', 'a', 'b', 'c')
})

eachBrowser('the page says where they are and what they look like', async (page) => {
  const site = await start()
  await open(page, site, '/looks')
  await page.click('#wrong')
  await shows(page, 'Not saved.')
  expect(
    await page.evaluate(
      () => document.querySelector('body > [data-l-flash] > [role=alert] > p.toast.error > button')?.textContent,
    ),
  ).toBe('fort')
  await page.click('[data-l-dismiss]')
  await shows(page)
})

eachBrowser('a form without the client’s script leaves it for the next page', async (page) => {
  const site = await start()
  await page.goto(`${site.url}/plain`)
  await page.click('#post')
  await page.shows('h1', '/next')
  // A page that does not show them leaves them for one that does.
  await page.goto(`${site.url}/placed`)
  await page.settled()
  await shows(page, 'One.', 'Two.')
  expect(await flashes(page)).toEqual(['status info One.', 'alert warning Two.'])
  await page.until(() => document.querySelector('[data-l-dismiss]')?.textContent === 'Weg damit')
  await page.click('[data-l-dismiss]')
  await shows(page, 'Two.')
  await page.goto(`${site.url}/placed`)
  await page.settled()
  expect(await flashes(page)).toEqual([])
  await page.click('#here')
  await shows(page, 'Saved <b>1</b>.')
})
