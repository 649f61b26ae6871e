// What a callback knows of its page and of the connection: the same URL wherever it runs, and nothing silently wrong.

import type { IncomingMessage } from 'node:http'
import express from 'express'
import session from 'express-session'
import { html, live, type LiveContext, type LiveRequest } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { Site, testLoom, tokenIn } from '../support/site'
import { turn, until } from '../support/until'

function page(url: string | undefined, more: object = {}): IncomingMessage {
  return { headers: {}, socket: {}, url, ...more } as unknown as IncomingMessage
}

describe('ctx.request.url', () => {
  async function seen(request: IncomingMessage | undefined) {
    const site = await Site.start()
    const urls: string[] = []
    const note = (at: string, { request: { url } }: { request: LiveRequest }): void => void urls.push(`${at} ${url}`)
    const module = site.loom.register('page', {
      props: { count: 0 },
      private: ['count'],
      mount(_, ctx) {
        note('mount', ctx)
      },
      authorize(ctx) {
        note('authorize', ctx)
        return true
      },
      handle: {
        go: (_, __, ctx) => {
          note('handle', ctx)
        },
      },
      render: () => html``,
    })
    const token = tokenIn(await site.loom.mount(module, {}, request === undefined ? {} : { request }))
    return { site, token, urls }
  }

  async function all(request: IncomingMessage | undefined): Promise<Set<string>> {
    const { site, token, urls } = await seen(request)
    const client = await site.connect()
    await client.joined('c0', 'page', token)
    await client.shows('c0', 'go')
    expect(urls.map((line) => line.split(' ')[0])).toEqual(['mount', 'authorize', 'mount', 'authorize', 'handle'])
    return new Set(urls.map((line) => line.slice(line.indexOf(' ') + 1)))
  }

  test('is the page’s, path and query, while it is rendered, at the join and at events', async () => {
    expect(await all(page('/orders?id=7&é'))).toEqual(new Set(['/orders?id=7&é']))
  })

  test('under a router’s prefix is what the browser asked for', async () => {
    expect(await all(page('/7', { originalUrl: '/orders/7' }))).toEqual(new Set(['/orders/7']))
  })

  test.each([undefined, page(undefined)])('is a string also if there is none', async (request) => {
    expect(await all(request)).toEqual(new Set(['']))
  })

  test('of a page with an endless query is without it, everywhere', async () => {
    const fits = `/search?q=${'é'.repeat(1019)}`
    expect(await all(page(fits))).toEqual(new Set([fits]))
    expect(await all(page(`${fits}é`))).toEqual(new Set(['/search']))
    expect(await all(page(`/search?q=${'x'.repeat(3000)}`))).toEqual(new Set(['/search']))
    expect(await all(page(`/${'x'.repeat(3000)}`))).toEqual(new Set(['']))
  })

  test('outlives the connection and the process', async () => {
    const { site, token, urls } = await seen(page('/orders?id=7'))
    const second = await seen(undefined)
    let url = site.url()
    const live = new LivePage({ url: () => url, module: 'page', token })
    atEnd(() => {
      live.end()
    })
    live.event('go')
    await until('all answers', () => live.isSettled)
    live.cut()
    await until('the page to be back', () => live.isLive && live.resumes === 1)
    live.event('go')
    await until('all answers', () => live.isSettled)
    await until('a checkpoint', () => live.memory.checkpoint !== undefined)
    url = second.site.url()
    live.cut()
    live.event('go')
    await until('all answers', () => live.isSettled)
    // The site itself has rendered nothing more; the second one has rendered a page without a request.
    expect(new Set(urls.map((line) => line.split(' ')[1]))).toEqual(new Set(['/orders?id=7']))
    expect(second.urls[0]).toBe('mount ')
    expect(new Set(second.urls.slice(1))).toEqual(
      new Set(['authorize', 'mount', 'handle'].map((at) => `${at} /orders?id=7`)),
    )
  })
})

test('ctx.id is the component’s on the connection that its page is on now', async () => {
  const site = await Site.start()
  const ids: string[] = []
  const module = site.loom.register('page', {
    props: { count: 0 },
    handle: {
      go: ({ count }, _, ctx) => {
        ids.push(ctx.id)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const live = new LivePage({ url: () => site.url(), module: 'page', token: await site.token(module) })
  atEnd(() => {
    live.end()
  })
  const go = async (): Promise<void> => {
    live.event('go')
    await until('all answers', () => live.isSettled)
  }
  await go()
  await go()
  live.cut()
  await until('the page to be back', () => live.isLive && live.resumes === 1)
  await go()
  await go()
  expect(ids).toEqual(['1', '1', '2', '2'])
  expect(live.text).toBe('4')
})

describe('after the call', () => {
  async function kept(async: boolean) {
    const site = await Site.start()
    const contexts: LiveContext[] = []
    const module = site.loom.register('page', {
      props: {},
      handle: {
        read: async (_, __, ctx) => {
          contexts.push(ctx)
          expect(ctx.request.url).toBe('')
          if (async) await turn()
        },
        keep: (_, __, ctx) => {
          contexts.push(ctx)
          return async ? turn() : undefined
        },
        fail: (_, __, ctx) => {
          contexts.push(ctx)
          throw new Error('no')
        },
      },
      render: () => html``,
    })
    const client = await site.live(module, {}, { headers: { 'x-user': 'ada' } })
    for (const handler of ['read', 'keep', 'fail']) await client.event('c0', handler)
    return contexts as [LiveContext, LiveContext, LiveContext]
  }

  test.each([true, false])('ctx.request works if it was read before, and is a clear error if not', async (async) => {
    const [read, ...others] = await kept(async)
    expect(read.request.headers['x-user']).toBe('ada')
    for (const ctx of others) {
      const late = () => ctx.request
      expect(late).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as Error)
      expect(late).toThrow(/ctx\.request was first read after its call had ended; read ctx\.request before/)
    }
  })
})

/** As an application's own types might have it. */
interface Writable {
  session: Record<string, unknown>
  list: number[]
  url: string
  headers: Record<string, string>
}

describe('writing to ctx.request', () => {
  test('is an error in development that says what to do, and nothing is changed', async () => {
    const { loom } = testLoom({ development: true, keep: ['session', 'list'] })
    const writes: [string, (request: Writable) => unknown][] = [
      ['session.views', (request) => (request.session['views'] = 1)],
      ['session.new', (request) => (request.session['new'] = 1)],
      ['session.views', (request) => delete request.session['views']],
      ['session.views', (request) => Object.defineProperty(request.session, 'views', { value: 1 })],
      ['list.0', (request) => request.list.push(1)],
      ['url', (request) => (request.url = '/')],
      ['headers.host', (request) => (request.headers['host'] = 'x')],
    ]
    const request = page('/', { session: { views: 0, deep: { user: { id: 7 } } }, list: [] })
    let made = 0
    for (const [path, write] of writes) {
      const module = loom.register(`page ${made++}`, {
        props: {},
        mount: (_, ctx) => void write(ctx.request as unknown as Writable),
        handle: {},
        render: () => html``,
      })
      const mounted = loom.mount(module, {}, { request })
      await expect(mounted).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
      await expect(mounted).rejects.toThrow(`ctx.request.${path} cannot be set: ctx.request is a copy`)
    }
    const reader = loom.register('reader', {
      props: { text: '' },
      mount: (_, ctx) => ({
        text: JSON.stringify({ ...ctx.request, frozen: Object.isFrozen(ctx.request['session']) }),
      }),
      handle: {},
      render: ({ text }) => html`${text}`,
    })
    const text = (await loom.mount(reader, {}, { request })).replaceAll('&quot;', '"')
    expect(text).toContain('"session":{"views":0,"deep":{"user":{"id":7}}}')
    expect(text).toContain('"frozen":true')
  })
})

test('a nested component belongs to the same user, however bind reads the session, and has the same request', async () => {
  const app = express()
  const users = session({ secret: 'x', resave: false, saveUninitialized: true })
  // The session's own `id` is no member of its copy.
  const { loom } = testLoom({ bind: (request) => (request as express.Request).session.id })
  const child = loom.register('child', {
    props: { url: '' },
    mount: (_, { request }) => ({ url: request.url }),
    handle: {},
    render: ({ url }) => html`<i>${url}</i>`,
  })
  const outer = loom.register('outer', { props: {}, handle: {}, render: () => html`<p>${live(child)}</p>` })
  const wrong = loom.register('wrong', {
    props: { child: '' },
    mount: async (_, { request }) => ({ child: await loom.mount(child, {}, { request }) }),
    handle: {},
    render: ({ child }) => html`${child}`,
  })
  app.use(users)
  app.get('/orders', async (request, response) => {
    response.send(await loom.mount(outer, {}, { request }))
  })
  app.get('/wrong', async (request, response) => {
    response.send(await loom.mount(wrong, {}, { request }).catch((error: unknown) => String(error)))
  })
  const server = app.listen(0, '127.0.0.1')
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  loom.attach(server, { middleware: [users] })
  await until('the server', () => server.listening)
  const { port } = server.address() as { port: number }
  const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  const [ofOuter, ofChild] = [...(await get('/orders')).matchAll(/data-l-token="([^"]+)"/g)].map(([, token]) => token)
  expect([ofOuter, ofChild]).toEqual([expect.any(String), expect.any(String)])
  expect(await get('/orders')).toContain('<i>/orders</i>')
  // Today's way of another library, and ours once.
  expect(await get('/wrong')).toMatch(
    /was given the ctx\.request of a component\. .*put live\(module, props, \{ key \}\)/,
  )
})
