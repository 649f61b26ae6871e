/** Forms of shared components that browsers send without the client's script: their actor handles them. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { form, html, type JoinedAndLeft, type Loom, type LoomOptions, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { RedisServer, withRedis } from '../support/redis'
import { listen, type Log, testLoom, tokenIn } from '../support/site'
import { until } from '../support/until'

interface Book {
  url: string
  loom: Loom
  log: Log
  /** The names of those who have written, as this process has handled them. */
  handled: string[]
}

/** A book that all pages show, in an Express application. */
async function book(options: LoomOptions = {}): Promise<Book> {
  const { loom, log } = testLoom({
    development: false,
    bind: (request) => request.headers['x-user'] as string,
    ...options,
  })
  const handled: string[] = []
  loom.register('book', {
    props: { names: [] as string[], joined: 0, left: 0 },
    authorize: ({ request }, event) => request.headers['x-refused'] === undefined && event?.form?.['name'] !== 'nobody',
    handle: {
      sign: ({ names, ...rest }, { form = {}, type, viewer }, ctx) => {
        const name = String(form['name'])
        handled.push(`${name} ${type} ${viewer?.bind ?? ''}`)
        if (name === 'throws') throw new Error('a secret of the application')
        if (name === 'goes') ctx.redirect('/elsewhere')
        if (name === '') ctx.keepForm()
        return { ...rest, names: [...names, name] }
      },
      never: () => new Promise<undefined>(() => undefined),
    },
    receive: {
      viewers: (props, { data }: Message<JoinedAndLeft>) => ({
        ...props,
        joined: props.joined + data.joined.length,
        left: props.left + data.left.length,
      }),
    },
    render: ({ names, joined, left }) => {
      const f = form('sign')
      return html`<form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler}>
          ${f.seal}<input name="name" /><button>Sign</button>
        </form>
        <output>${names.join(' ')}</output><i>${joined}-${left}</i>`
    },
  })
  const app = express()
  app.use(loom.express())
  app.use(loom.forms())
  app.get('/page', async (request, response) => {
    response.send(await loom.mount('book', {}, { request, shared: 'guests' }))
  })
  const server = createServer(app)
  await listen(server)
  loom.attach(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom, log, handled }
}

const USER = { 'x-user': 'ada' }

async function pageOf({ url }: Book): Promise<string> {
  return (await fetch(`${url}/page`, { headers: USER })).text()
}

async function sealOf(site: Book): Promise<string> {
  const [, seal = ''] = /name="loom:form" data-l-seal="" value="([^"]*)"/.exec(await pageOf(site)) ?? []
  return seal.replaceAll('&quot;', '"').replaceAll('&#34;', '"')
}

function post({ url }: Book, seal: string, name: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/page`, {
    method: 'POST',
    body: new URLSearchParams([
      ['loom:form', seal],
      ['name', name],
    ]),
    headers: { origin: url, ...USER, ...headers },
    redirect: 'manual',
  })
}

const shown = (page: string): string | undefined => /<output>(.*?)<\/output>/.exec(page)?.[1]

async function live(site: Book): Promise<LivePage> {
  const token = tokenIn(await pageOf(site))
  const page = new LivePage({
    url: () => `${site.url.replace('http', 'ws')}/loom/ws`,
    module: 'book',
    token,
    socket: { headers: USER },
  })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  return page
}

test('the actor handles the form, the page shows what it made of it, and so do the pages of all others', async () => {
  const site = await book()
  const page = await live(site)
  const response = await post(site, await sealOf(site), 'Ada')
  expect([response.status, shown(await response.text())]).toEqual([200, 'Ada'])
  await until('the others to see it', () => page.text.includes('<output>Ada</output>'))
  // It is the same component, with its script or without.
  expect(shown(await pageOf(site))).toBe('Ada')
  expect(site.handled).toEqual(['Ada submit ada'])
})

test('a form that is sent twice is handled once, also without a store', async () => {
  const site = await book()
  const [seal, other] = [await sealOf(site), await sealOf(site)]
  const both = await Promise.all([post(site, seal, 'Ada'), post(site, seal, 'Ada')])
  expect(both.map(({ status }) => status).sort()).not.toContain(500)
  const again = await post(site, seal, 'Ada')
  expect([again.status, again.headers.get('location')]).toEqual([303, '/page'])
  expect((await post(site, other, 'Bea')).status).toBe(200)
  expect(site.handled).toEqual(['Ada submit ada', 'Bea submit ada'])
})

test('what the handler does not take, where it sends the page, and what it throws', async () => {
  const site = await book()
  // Who goes back to the page and corrects what was not taken has it handled.
  const kept = await sealOf(site)
  expect((await post(site, kept, '')).status).toBe(422)
  expect((await post(site, kept, 'Eve')).status).toBe(200)
  expect((await post(site, kept, 'Eve')).status).toBe(303)
  const redirected = await post(site, await sealOf(site), 'goes')
  expect([redirected.status, redirected.headers.get('location')]).toEqual([303, '/elsewhere'])
  const seal = await sealOf(site)
  const thrown = await post(site, seal, 'throws')
  expect([thrown.status, await thrown.text()]).toEqual([500, 'The server could not handle this.'])
  // It can be sent again.
  expect((await post(site, seal, 'throws')).status).toBe(500)
  expect(site.handled.filter((one) => one.startsWith('throws'))).toHaveLength(2)
  expect(site.log.all).toContain('a secret of the application')
  const unknown = await post(site, (await sealOf(site)).replace('["sign"', '["nobody"'), 'x')
  expect(unknown.status).toBe(403)
})

test('a form of another user, of another site, or that authorize does not allow does nothing', async () => {
  const site = await book()
  const seal = await sealOf(site)
  for (const headers of [{ 'x-user': 'bob' }, { origin: 'https://evil.example' }, { 'x-refused': '1' }])
    expect((await post(site, seal, 'Ada', headers)).status).toBe(403)
  const refused = await post(site, await sealOf(site), 'nobody')
  expect(refused.status).not.toBe(200)
  expect([site.handled, shown(await pageOf(site))]).toEqual([[], ''])
})

test('a handler that takes too long is answered, and the next form is handled', async () => {
  const site = await book({ limits: { handlerTime: 200 } })
  const late = await post(site, (await sealOf(site)).replace('["sign"', '["never"'), 'x')
  expect([late.status, await late.text()]).toEqual([500, 'The server took too long to answer.'])
  expect((await post(site, await sealOf(site), 'Ada')).status).toBe(200)
})

test('pages that are gone leave no viewers behind', async () => {
  const site = await book()
  const page = await live(site)
  for (let time = 0; time < 5; time++) await post(site, await sealOf(site), String(time))
  // It is told once a second who has joined and left.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await until('all others to have left', () => {
    const [, joined, left] = /<i>(\d+)-(\d+)<\/i>/.exec(page.text) ?? []
    return Number(joined) - Number(left) === 1
  })
  expect(page.text).toContain('<output>0 1 2 3 4</output>')
})

withRedis('with other processes', () => {
  test('the form goes to the owner, whatever process has the request', async () => {
    const redis = await RedisServer.start()
    atEnd(() => redis.end())
    const options: LoomOptions = { backplane: { redis: redis.url } }
    const [owner, other] = [await book(options), await book(options)]
    const page = await live(owner)
    const seal = await sealOf(other)
    const response = await post(other, seal, 'Ada')
    expect([response.status, shown(await response.text())]).toEqual([200, 'Ada'])
    expect([owner.handled, other.handled]).toEqual([['Ada submit ada'], []])
    await until('the others to see it', () => page.text.includes('<output>Ada</output>'))
    // Sent once more, to whatever process.
    for (const site of [owner, other]) expect((await post(site, seal, 'Ada')).status).toBe(303)
    expect(owner.handled).toHaveLength(1)
  })
})
