/** What `ctx.flash` takes, and how the flashes of forms without the client's script come to the page that shows them. */

import { createServer, IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { createLoom, form, html, type Flash, type LiveContext, type Loom, type Tree } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { pageOf } from '../support/pages'
import { listen, Log, SECRET, Site } from '../support/site'
import { until } from '../support/until'

interface Served {
  url: string
  loom: Loom
}

/** As long as texts may be together, and longer in JSON. */
const LONG = ['"'.repeat(990), '\u0001'.repeat(1_000), '\n'.repeat(40), 'äöü\ud83d\ude00']

/** What the forms of the page do, by the field `how`. */
function does(how: unknown, ctx: LiveContext): void {
  if (how === 'nothing') return
  if (how === 'long') {
    for (const text of LONG) ctx.flash('warning', text)
    ctx.redirect('/next')
    return
  }
  ctx.flash('success', 'Saved <ä> & done.')
  ctx.flash('error', 'But "late".')
  if (how !== 'stays') ctx.redirect('/next')
}

function register(loom: Loom): void {
  loom.register('tested', {
    props: { names: [] as string[] },
    handle: {
      save: (props, event, ctx) => {
        does(event.form?.['how'], ctx)
        return { names: [...props.names, 'x'] }
      },
    },
    render: () => {
      const f = form('save')
      return html`<form id="${f.id}" method="${f.method}" action="${f.action}">${f.seal}</form>`
    },
  })
}

async function served(by: 'express' | 'fastify', shared?: string, look?: (flash: Flash) => Tree): Promise<Served> {
  const loom = createLoom({ secret: SECRET, logger: new Log(), development: false })
  atEnd(() => loom.close({ timeout: 0 }))
  register(loom)
  const mount = (request: IncomingMessage): Promise<string> =>
    loom.mount('tested', {}, { request, ...(shared === undefined ? {} : { shared }) })
  let server: Server
  if (by === 'express') {
    const app = express()
    app.use(loom.forms())
    app.get('/page', async (request, response) => {
      response.cookie('own', '1').send((await mount(request)) + loom.flashes(request, look))
    })
    app.get('/next', (request, response) => {
      response.cookie('own', '2').send(loom.flashes(request, look))
    })
    app.get('/kept', (request, response) => {
      response.set('cache-control', 'private, max-age=600').send(loom.flashes(request, look))
    })
    app.get('/late', (request, response) => {
      response.write('begun')
      try {
        loom.flashes(request, look)
      } catch (error) {
        response.end(String(error))
      }
    })
    server = createServer(app)
    loom.attach(server)
    await listen(server)
  } else {
    const app = fastify({ forceCloseConnections: true })
    await app.register(loom.fastifyForms)
    app.route({
      method: ['GET', 'POST'],
      url: '/page',
      handler: async (request, reply) =>
        reply
          .header('set-cookie', 'own=1')
          .type('text/html')
          .send((await mount(request.raw)) + loom.flashes(request, look)),
    })
    app.get('/kept', (request, reply) =>
      reply.header('cache-control', 'private, max-age=600').type('text/html').send(loom.flashes(request, look)),
    )
    app.get('/next', (request, reply) =>
      reply.header('set-cookie', 'own=2').type('text/html').send(loom.flashes(request, look)),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    atEnd(() => app.close())
    server = app.server
    loom.attach(server)
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom }
}

async function post({ url }: Served, how: string): Promise<Response> {
  const page = await (await fetch(`${url}/page`)).text()
  const [, seal = ''] = /name="loom:form"[^>]* value="([^"]*)"/.exec(page) ?? []
  const fields = { 'loom:form': seal.replaceAll('&quot;', '"').replaceAll('&#34;', '"'), how }
  return fetch(`${url}/page`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: url },
    body: new URLSearchParams(fields),
  })
}

const cookiesOf = (response: Response): string[] => response.headers.getSetCookie()
const flashCookie = (response: Response): string =>
  cookiesOf(response)
    .find((cookie) => cookie.startsWith('loom.flash='))
    ?.split(';')[0] ?? ''

const TEXT = /<span data-l-fill="text">([^]*?)<\/span>/g
const textsIn = (page: string): string[] => [...page.matchAll(TEXT)].map(([, text]) => text as string)
const SHOWN = ['Saved &#60;ä&#62; &#38; done.', 'But "late".']

describe.each([
  ['express', undefined],
  ['fastify', undefined],
  ['express', 'guests'],
] as const)('in %s, of a component shared as %s', (by, shared) => {
  test('a page that the form stays on shows them', async () => {
    const site = await served(by, shared)
    const answer = await post(site, 'stays')
    expect(answer.status).toBe(200)
    const page = await answer.text()
    expect(textsIn(page)).toEqual(SHOWN)
    expect(page).toContain('<div class="loom-flash" role="alert" data-l-kind="error">')
    expect(flashCookie(answer)).toBe('')
    expect(textsIn(await (await post(site, 'nothing')).text())).toEqual([])
  })

  test('the page that the browser is sent to shows them, once, and keeps what else is in the response', async () => {
    const site = await served(by, shared)
    const answer = await post(site, 'goes')
    expect(answer.status).toBe(303)
    const [cookie = '', ...others] = cookiesOf(answer)
    expect(others).toEqual([])
    expect(cookie).toMatch(/^loom\.flash=[\w.-]+; Max-Age=60; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(cookie).not.toContain('Saved')
    const next = await fetch(`${site.url}/next`, { headers: { cookie: `a=b; ${flashCookie(answer)}` } })
    expect(textsIn(await next.text())).toEqual(SHOWN)
    expect(cookiesOf(next)).toEqual(
      expect.arrayContaining([
        expect.stringMatching('own=2'),
        expect.stringMatching(/^loom\.flash=; Max-Age=0; Path=\//),
      ]),
    )
    expect(next.headers.get('cache-control')).toBe('no-store')
    // A browser that does not take the word for it.
    const again = await fetch(`${site.url}/next`, { headers: { cookie: flashCookie(answer) } })
    expect(textsIn(await again.text())).toEqual([])
  })
})

test.each(['express', 'fastify'] as const)('%s: a page that shows them is not kept, whatever it says', async (by) => {
  const site = await served(by)
  const kept = await fetch(`${site.url}/kept`)
  expect(kept.headers.get('cache-control')).toBe('private, max-age=600')
  const cookie = flashCookie(await post(site, 'goes'))
  const shown = await fetch(`${site.url}/kept`, { headers: { cookie } })
  expect(textsIn(await shown.text())).toEqual(SHOWN)
  expect(shown.headers.get('cache-control')).toBe('no-store')
})

test('texts of any signs find room in a cookie, as long as they may be', async () => {
  const site = await served('express')
  const cookie = flashCookie(await post(site, 'long'))
  // What browsers take, with the name.
  expect(cookie.length).toBeLessThanOrEqual(4_096)
  const next = await fetch(`${site.url}/next`, { headers: { cookie } })
  expect(textsIn(await next.text())).toEqual(LONG)
})

test('a cookie that is not ours, is cut, or is from another time says nothing', async () => {
  const site = await served('express')
  const cookie = flashCookie(await post(site, 'goes'))
  const texts = async (cookie: string): Promise<string[]> =>
    textsIn(await (await fetch(`${site.url}/next`, { headers: { cookie } })).text())
  expect(await texts('loom.flash=x')).toEqual([])
  expect(await texts(cookie.slice(0, -2))).toEqual([])
  expect(await texts(`loom.flash=${'x'.repeat(5_000)}`)).toEqual([])
  const permit = (site.loom as unknown as { native: { sealPermit(text: string, bind: string): string } }).native
  expect(await texts(`loom.flash=${permit.sealPermit('["id",9e15,[["info","x"]]]', '')}`)).toEqual([])
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 61_000)
  expect(await texts(cookie)).toEqual([])
  now.mockRestore()
  expect(await texts(cookie)).toEqual(SHOWN)
})

test('after the headers are sent it is an error, and the flashes stay', async () => {
  const site = await served('express')
  const cookie = flashCookie(await post(site, 'goes'))
  const late = await fetch(`${site.url}/late`, { headers: { cookie } })
  expect(await late.text()).toMatch('loom.flashes was called after the headers of the response had been sent')
})

test('the look is the application’s, here and for what comes later', async () => {
  const site = await served(
    'express',
    undefined,
    ({ kind, text }) => html`<p class="${kind}" data-l-fill="text">${text}</p>`,
  )
  const page = await (await post(site, 'stays')).text()
  expect(page).toContain('<div role="status" data-l-kind="success"><p class="success" data-l-fill="text">Saved &lt;ä')
  expect(
    page.match(/<template data-l-look="(info|success|warning|error)"><p class="\1" data-l-fill="text"><\/p>/g),
  ).toHaveLength(4)
})

test('what loom.flashes cannot take is an error', async () => {
  const { loom } = await served('express')
  const request = new IncomingMessage(new Socket())
  const code = (of: string): Error => expect.objectContaining({ code: of }) as Error
  expect(() => loom.flashes(undefined as never)).toThrow(code('LOOM_ARGUMENT'))
  expect(() => loom.flashes({ headers: {} } as never, 'x' as never)).toThrow(code('LOOM_ARGUMENT'))
  expect(() => loom.flashes(request, () => html`<p>none</p>`)).toThrow(code('LOOM_TEMPLATE'))
  expect(() => loom.flashes(request, () => '<p>' as never)).toThrow(code('LOOM_ARGUMENT'))
})

test('what a flash cannot be fails its event, and of one event there are so many', async () => {
  const site = await Site.start({ development: false })
  const faults: [string, (ctx: LiveContext) => void][] = [
    ['one of info, success, warning, error', (ctx) => ctx.flash('danger' as never, 'x')],
    ['a string that is not empty', (ctx) => ctx.flash('info', '')],
    ['a string that is not empty', (ctx) => ctx.flash('info', 7 as never)],
    ['2048 bytes', (ctx) => ctx.flash('info', 'ä'.repeat(1_025))],
    ['2048 bytes', (ctx) => ctx.announce('ä'.repeat(1_025))],
    ['a string that is not empty', (ctx) => ctx.announce('')],
    ['another name, or ctx.flash', (ctx) => ctx.push('loom.flash', ['info', 'x'])],
    [
      'at most 5 flashes',
      (ctx) => {
        for (let at = 0; at < 6; at++) ctx.flash('info', `${at}`)
      },
    ],
  ]
  const thrown: string[] = []
  site.loom.register('faulty', {
    props: {},
    handle: {
      all: (props, _, ctx) => {
        for (const [, fault] of faults) {
          try {
            fault(ctx)
            thrown.push('nothing')
          } catch (error) {
            thrown.push(String(error))
          }
        }
        return props
      },
    },
    render: () => html`<p>x</p>`,
  })
  const page = await pageOf(site, 'faulty')
  page.event('all')
  await until('the answer', () => page.isSettled)
  expect(thrown).toEqual(faults.map(([message]) => expect.stringContaining(message) as string))
})
