// What development says of mistakes with topics, shared components, forms, several processes, commands and navigation: in the
// terminal, and to pages, which show it.

import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { form, html, js, type LiveModule, type Loom, on, type Tree } from 'loom-live'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { type Log, pageSite, Site, testLoom } from '../support/site'
import { until } from '../support/until'

/** What is said, in the terminal and to pages alike. */
async function said(site: Site, log: Log, what: RegExp): Promise<string> {
  const text = await until(`a warning like ${what}; there are: ${log.all}`, () =>
    log.warnings.find((one) => what.test(one)),
  )
  const { texts } = (await (await fetch(`${site.origin}/loom/mistakes`)).json()) as { texts: string[] }
  expect(texts.map((one) => `loom-live: ${one}`)).toContain(text)
  return text
}

async function siteOf<Props extends object>(
  module: LiveModule<Props>,
  development = true,
): Promise<{ site: Site; log: Log; loom: Loom }> {
  const { loom, log } = testLoom({ development })
  loom.register('tested', module)
  return { site: await pageSite(loom, 'tested'), log, loom }
}

/** A module that shows this. */
const showing = (body: () => Tree): LiveModule<{ count: number }> => ({
  props: { count: 0 },
  handle: { save: () => undefined, other: () => undefined },
  render: body,
})

/** Everything that is said of a page with this in it. */
async function ofTemplate(body: () => Tree, development = true): Promise<string[]> {
  const { loom, log } = testLoom({ development })
  await loom.mount(loom.register('tested', showing(body)))
  return log.warnings
}

const MISTAKES: [string, () => Tree, RegExp][] = [
  [
    'a field without a name in a form',
    () => html`<form @submit="save"><input id="email"><button>Save</button></form>`,
    /tested: <input id="email"> has no name.*event\.form has the value under that name \(at .*mistakes_of_newer_parts\.test\.ts:\d+\)/,
  ],
  [
    'a button that submits, too',
    () => html`<form data-l-submit="save"><button class="more" @click="other">More</button></form>`,
    /<button class="more"> submits its form, and its click calls a handler, too.*type="button"/,
  ],
  [
    'a submit that never comes',
    () => html`<button id="b" @submit="save">Save</button>`,
    /<button id="b"> has data-l-submit, but only a form/,
  ],
  [
    'a link that goes to the top',
    () => html`<a href="#" id="a" @click="save">Save</a>`,
    /<a id="a"> leads to the top of the page/,
  ],
  [
    'navigation without a link',
    () => html`<button id="n" data-l-nav>Home</button>`,
    /<button id="n"> has data-l-nav, which is for links/,
  ],
  ['a link without an address', () => html`<a id="n" data-l-nav>Home</a>`, /<a id="n"> has data-l-nav and no href/],
  [
    'an address that nobody hears of',
    () => html`<a href="?page=2" data-l-patch>Next</a>`,
    /has data-l-patch.*no module has params/,
  ],
  [
    'an id without its sign',
    () => html`<button @click=${js.toggle('sidebar')}>x</button>`,
    /js\.toggle is for elements <sidebar>.*"#sidebar"/,
  ],
  [
    'the same in a later command',
    () => html`<button @click=${js.show('#a').addClass('open', 'panel')}>x</button>`,
    /js\.addClass is for elements <panel>/,
  ],
]

test.each(MISTAKES)('%s', async (_, body, message) => {
  expect(await ofTemplate(body)).toEqual([expect.stringMatching(message)])
  expect(await ofTemplate(body, false)).toEqual([])
})

test('a page shows it as well', async () => {
  const [, body, message] = MISTAKES[0] as (typeof MISTAKES)[0]
  const { site, log, loom } = await siteOf(showing(body))
  await loom.mount('tested')
  await said(site, log, message)
})

test.each<[string, () => Tree]>([
  [
    'fields with names, and those that need none',
    () => html`<form @submit="save"><input name="a"><input type="submit"><select name="s"></select></form>`,
  ],
  ['a field that speaks by itself', () => html`<form @submit="save"><input @input="other"></form>`],
  ['a field after the form', () => html`<form @submit="save"><input name="a"></form><input id="b">`],
  ['buttons of another type', () => html`<form @submit="save"><button type="button" @click="other">x</button></form>`],
  [
    'a button that submits and calls nothing',
    () => html`<form @submit="save"><button name="how" value="1">x</button></form>`,
  ],
  [
    'a link that is prevented',
    () => html`<a href="#" data-l-prevent @click="save">x</a><a href="#" @click.prevent="save">y</a><a href="#">z</a>`,
  ],
  ['links', () => html`<a href="/" data-l-nav>x</a><form action="/" data-l-nav></form>`],
  [
    'buttons that close a dialog',
    () =>
      html`<dialog><form @submit="save"><button formmethod="dialog" @click="other">Cancel</button></form>
        <form method="dialog"><button @click="other">Close</button></form></dialog>`,
  ],
  [
    'selectors',
    () =>
      html`<button @click=${js.toggle('#a').show('dialog').hide('.b').addClass('c')}>x</button><i @click=${on('save')}></i>`,
  ],
])('no mistake: %s', async (_, body) => {
  expect(await ofTemplate(body)).toEqual([])
})

test('an address is heard of if any module has params', async () => {
  const { loom, log } = testLoom({ development: true })
  loom.register('list', { ...showing(() => html`x`), params: () => undefined })
  await loom.mount(
    loom.register(
      'tested',
      showing(() => html`<a href="?page=2" data-l-patch>Next</a>`),
    ),
  )
  expect(log.warnings).toEqual([])
})

describe('topics', () => {
  const subscriber: LiveModule<{ count: number }> = {
    props: { count: 0 },
    connected: (_, ctx) => void ctx.subscribe('room:7', 'heard'),
    handle: {
      tell: (_, __, ctx) => {
        ctx.publish('rooms:7', 1)
      },
      right: (_, __, ctx) => {
        ctx.publish('room:8', 1)
      },
    },
    receive: { heard: () => undefined },
    render: ({ count }) => html`${count}`,
  }

  test('a misspelt one says so, from a step and from anywhere', async () => {
    const { site, log, loom } = await siteOf(subscriber)
    const client = await site.live({ name: 'tested' })
    await client.shows('c0', 'right')
    await loom.publish('room:9')
    await loom.publish('other')
    expect(log.warnings).toEqual([])
    await client.shows('c0', 'tell')
    expect(
      await said(site, log, /ctx\.publish of tested \(at .*\) has published to "rooms:7".*did you mean "room:7"\?/),
    ).toBeTruthy()
    await loom.publish('romo:7')
    await said(
      site,
      log,
      /loom\.publish \(at .*mistakes_of_newer_parts\.test\.ts:\d+\) has published to "romo:7".*"room:7"/,
    )
  })

  test('in production nothing is said', async () => {
    const { site, log, loom } = await siteOf(subscriber, false)
    const client = await site.live({ name: 'tested' })
    await client.shows('c0', 'tell')
    await loom.publish('romo:7')
    expect(log.warnings).toEqual([])
  })

  test.each([
    ['PM2', 'process.env.NODE_APP_INSTANCE = "1"', true],
    ['its first process alone', 'process.env.NODE_APP_INSTANCE = "0"', false],
    ['one process', '', false],
  ])('several processes without a backplane: %s', async (_, before, isTold) => {
    const child = Child.start(
      `${before}
      const { createLoom } = require(${JSON.stringify(join(__dirname, '../../dist/index.cjs'))})
      const loom = createLoom({ development: true, secret: 'a secret of at least thirty-two bytes' })
      loom.publish('news', 1).then(() => loom.close())`,
    )
    await child.result()
    const told = /loom\.publish .*one of several\. Without a backplane.*redis/
    if (isTold) expect(child.errors).toMatch(told)
    else expect(child.errors).toBe('')
  })
})

describe('shared components', () => {
  test('a key that is undefined makes a component of its own', async () => {
    const { site, log, loom } = await siteOf(showing(() => html`x`))
    const request: { key?: string } = {}
    await loom.mount('tested', {}, { shared: request.key as never })
    await said(site, log, /"tested" was given shared: undefined.*component of its own/)
  })

  test('without the option, and in production, nothing is said', async () => {
    const { loom, log } = await siteOf(
      showing(() => html`x`),
      false,
    )
    await loom.mount('tested', {}, { shared: undefined as never })
    expect(log.warnings).toEqual([])
    const other = await siteOf(showing(() => html`x`))
    await other.loom.mount('tested')
    expect(other.log.warnings).toEqual([])
  })
})

test('a flash of a form without the client’s script that no page shows, because none calls loom.flashes', async () => {
  const send = async (development: boolean, isShown: boolean): Promise<Log> => {
    const { loom, log } = testLoom({ development })
    loom.register('tested', {
      props: {},
      handle: {
        save: (_props, _event, ctx) => {
          ctx.flash('info', 'Saved.')
          ctx.redirect('/next')
        },
      },
      render: () => {
        const f = form('save')
        return html`<form id="${f.id}" method="${f.method}" action="${f.action}">${f.seal}</form>`
      },
    })
    const app = express()
    app.use(loom.forms())
    const page = async (request: IncomingMessage): Promise<string> =>
      (await loom.mount('tested', {}, { request })) + (isShown ? loom.flashes(request) : '')
    app.get(['/', '/next'], async (request, response) => {
      response.send(await page(request))
    })
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    atEnd(() => loom.close({ timeout: 0 }))
    atEnd(() => void server.close())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const [, seal = ''] = /name="loom:form"[^>]* value="([^"]*)"/.exec(await (await fetch(origin)).text()) ?? []
    const fields = { 'loom:form': seal.replaceAll('&quot;', '"').replaceAll('&#34;', '"') }
    const headers = { origin, connection: 'close' }
    const answer = await fetch(origin, {
      method: 'POST',
      redirect: 'manual',
      headers,
      body: new URLSearchParams(fields),
    })
    expect(answer.status).toBe(303)
    const [cookie = ''] = answer.headers.getSetCookie()
    await fetch(`${origin}/next`, { headers: { cookie, connection: 'close' } })
    return log
  }
  const right = [await send(true, true), await send(false, false)]
  const wrong = await send(true, false)
  const what = /ctx\.flash.*no page calls loom\.flashes/
  await until('the warning', () => wrong.warnings.some((text) => what.test(text)))
  for (const log of right) expect(log.warnings.filter((text) => what.test(text))).toEqual([])
})
