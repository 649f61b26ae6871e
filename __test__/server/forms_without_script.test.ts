/** Forms that browsers send without the client's script: the same handler, the same schema, and the page it leads to. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import fastify from 'fastify'
import {
  createLoom,
  form,
  type FormErrors,
  html,
  type LiveContext,
  type Loom,
  type LoomOptions,
  validated,
} from 'loom-live'
import { z } from 'zod'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import { until } from '../support/until'

const schema = z.object({ email: z.email('no e-mail'), 'tags': z.array(z.string()).default([]) })

/** What the tests ask a handler to do, by what is typed. */
type Does = (ctx: LiveContext) => void

function register(loom: Loom, handled: string[], does: Does = () => undefined): void {
  loom.register('sign-up', {
    props: { done: '', errors: {} as FormErrors<typeof schema>, secret: 'loaded' },
    private: ['secret'],
    mount: () => ({ secret: 'loaded' }),
    authorize: (ctx, event) =>
      ctx.request.headers['x-refused'] === undefined && event?.form?.['email'] !== 'not@you.ch',
    handle: {
      save: validated(schema, (props, { email, tags }, { id }, ctx) => {
        does(ctx)
        handled.push(id)
        return { ...props, done: `${email} ${tags.join('+')} ${ctx.bind} ${props.secret}` }
      }),
      throws: () => {
        throw new Error('a secret of the application')
      },
      never: () => new Promise<undefined>(() => undefined),
      sends: (props, _, ctx) => {
        ctx.publish('signed-up', 'x')
        ctx.redirect('/welcome')
        return { ...props, done: 'yes' }
      },
    },
    render: ({ done, errors }) => {
      const f = form('save', { errors })
      const email = f.field('email')
      const tags = f.field('tags[]')
      return html`<form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler}>${f.seal}
        <input id="${email.id}" name="${email.name}" value="${email.value}" aria-invalid="${email.invalid}"
          aria-describedby="${email.describedBy}" data-l-validity="${email.message}">${email.error}
        <input type="checkbox" name="${tags.name}" value="a" ?checked=${tags.has('a')}>
        <button>Send</button></form><output>${done}</output>`
    },
  })
  loom.register('other', {
    props: { errors: {} },
    handle: { save: (props) => props },
    render: () => html`<p>other</p>`,
  })
}

interface Served {
  url: string
  loom: Loom
  log: Log
  handled: string[]
}

async function served(
  by: 'express' | 'fastify',
  { does, options = {} }: { does?: Does; options?: LoomOptions } = {},
): Promise<Served> {
  const log = new Log()
  const loom = createLoom({
    secret: SECRET,
    logger: log,
    development: false,
    bind: (request) => request.headers['x-user'] as string,
    ...options,
  })
  atEnd(() => loom.close({ timeout: 0 }))
  const handled: string[] = []
  register(loom, handled, does)
  let server: Server
  const twice = async (request: Parameters<Loom['mount']>[2]): Promise<string> =>
    `${await loom.mount('other', {}, request)}<hr>${await loom.mount('sign-up', {}, request)}<hr>${await loom.mount('sign-up', {}, request)}`
  if (by === 'express') {
    const app = express()
    app.use(loom.express())
    app.use(loom.forms())
    app.use(express.urlencoded())
    app.get('/page', async (request, response) => {
      response.send(await twice({ request }))
    })
    app.post('/mine', (request, response) => {
      response.json(request.body)
    })
    server = createServer(app)
    await listen(server)
  } else {
    const app = fastify({ forceCloseConnections: true })
    await app.register(loom.fastify)
    await app.register(loom.fastifyForms)
    app.route({
      method: ['GET', 'POST'],
      url: '/page',
      handler: async (request, reply) => reply.type('text/html').send(await twice({ request })),
    })
    app.post('/mine', (request, reply) => reply.send(Object.fromEntries(new URLSearchParams(request.body as string))))
    await app.listen({ port: 0, host: '127.0.0.1' })
    atEnd(() => app.close())
    server = app.server
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom, log, handled }
}

const USER = { 'x-user': 'ada' }

/** What stands in the hidden fields of a page's forms. */
async function sealsOf({ url }: Served, headers: Record<string, string> = USER): Promise<string[]> {
  const page = await (await fetch(`${url}/page`, { headers })).text()
  return [...page.matchAll(/name="loom:form" data-l-seal="" value="([^"]*)"/g)].map(([, value = '']) =>
    value.replaceAll('&quot;', '"').replaceAll('&#34;', '"'),
  )
}

function post(
  { url }: Served,
  fields: [string, string][],
  headers: Record<string, string> = {},
  path = '/page',
): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { origin: url, ...USER, ...headers },
    redirect: 'manual',
  })
}

const outputs = (page: string): string[] => [...page.matchAll(/<output>(.*?)<\/output>/g)].map(([, text = '']) => text)

describe.each(['express', 'fastify'] as const)('with %s', (by) => {
  test('the handler runs on the state of the page, and the page shows what it left', async () => {
    const site = await served(by)
    const [, seal = ''] = await sealsOf(site)
    const response = await post(site, [
      ['loom:form', seal],
      ['email', 'a@b.ch'],
      ['tags[]', 'a'],
    ])
    expect(response.status).toBe(200)
    // The second of the two components, and only that one.
    expect(outputs(await response.text())).toEqual(['', 'a@b.ch a ada loaded'])
    expect(site.handled).toHaveLength(1)
  })

  test('what the schema does not let through stands beside its field, with what was typed', async () => {
    const site = await served(by)
    const [seal = ''] = await sealsOf(site)
    const response = await post(site, [
      ['loom:form', seal],
      ['email', 'no <b>'],
      ['tags[]', 'a'],
    ])
    expect(response.status).toBe(422)
    const [, first = '', second = ''] = (await response.text()).split('<hr>')
    expect(first).toContain('value="no &lt;b&gt;"')
    expect(first).toMatch(/aria-invalid="true"\s+aria-describedby="save-email-error" data-l-validity="no e-mail"/)
    expect(first).toContain('<p class="loom-error" id="save-email-error">no e-mail</p>')
    expect(first).toMatch(/value="a" checked/)
    expect(second).not.toContain('no e-mail')
    expect(site.handled).toEqual([])
  })

  test('a redirect is 303, and what was published arrives', async () => {
    const site = await served(by)
    const got: unknown[] = []
    site.loom.register('listens', {
      props: { got: 0 },
      connected: (_, ctx) => void ctx.subscribe('signed-up', 'came'),
      receive: { came: (props, { data }) => (got.push(data), { ...props, got: props.got + 1 }) },
      handle: {},
      render: ({ got }) => html`<b>${got}</b>`,
    })
    const sealed = (await sealsOf(site))[0]?.replace('["save"', '["sends"') ?? ''
    await site.loom.start('l', () => undefined, 'listens', '{"got":0}')
    const response = await post(site, [['loom:form', sealed]])
    expect([response.status, response.headers.get('location')]).toEqual([303, '/welcome'])
    await until('the message', () => got.length === 1)
  })

  test('a form of another site, of another user or out of date does nothing', async () => {
    const site = await served(by)
    const [seal = ''] = await sealsOf(site)
    const fields: [string, string][] = [
      ['loom:form', seal],
      ['email', 'a@b.ch'],
    ]
    const refused = async (headers: Record<string, string>, given = fields): Promise<void> => {
      expect((await post(site, given, headers)).status).toBe(403)
    }
    await refused({ origin: 'https://evil.example' })
    await refused({ origin: 'null' })
    await refused({ 'x-user': 'bob' })
    await refused({ 'x-refused': '1' })
    await refused({}, [
      ['loom:form', seal],
      ['email', 'not@you.ch'],
    ])
    await refused({}, [
      ['loom:form', seal.slice(0, -3)],
      ['email', 'a@b.ch'],
    ])
    await refused({}, [
      ['loom:form', 'nonsense'],
      ['email', 'a@b.ch'],
    ])
    await refused({}, [
      ['loom:form', ''],
      ['email', 'a@b.ch'],
    ])
    expect(site.handled).toEqual([])
  })

  test('without an origin the browser has to say that the form is of this site', async () => {
    const site = await served(by)
    const [seal = ''] = await sealsOf(site)
    const body = new URLSearchParams([
      ['loom:form', seal],
      ['email', 'a@b.ch'],
    ])
    const send = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${site.url}/page`, { method: 'POST', body, headers: { ...USER, ...headers } })
    expect((await send({})).status).toBe(403)
    expect((await send({ 'sec-fetch-site': 'same-site' })).status).toBe(403)
    expect((await send({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  test('other forms pass, with what is in them', async () => {
    const site = await served(by)
    const response = await post(site, [['email', 'x']], {}, '/mine')
    expect(await response.json()).toEqual({ email: 'x' })
  })

  test('a handler that throws, one that never answers and one that is not there', async () => {
    const site = await served(by, { options: { limits: { handlerTime: 200 } } })
    for (const [name, status] of [
      ['throws', 500],
      ['never', 500],
      ['nobody', 500],
    ] as const) {
      const sealed = (await sealsOf(site))[0]?.replace('["save"', `["${name}"`) ?? ''
      const response = await post(site, [['loom:form', sealed]])
      expect([name, response.status]).toEqual([name, status])
      expect(await response.text()).toBe('Something went wrong.')
    }
    expect(site.log.all).toContain('a secret of the application')
  })

  test('with a store a form is taken once', async () => {
    const store = { sqlite: join(mkdtempSync(join(tmpdir(), 'loom-')), 'states') }
    const site = await served(by, { options: { store } })
    const [seal = '', other = ''] = await sealsOf(site)
    const fields: [string, string][] = [
      ['loom:form', seal],
      ['email', 'a@b.ch'],
    ]
    expect((await post(site, fields)).status).toBe(200)
    const again = await post(site, fields)
    expect([again.status, again.headers.get('location')]).toEqual([303, '/page'])
    expect(
      (
        await post(site, [
          ['loom:form', other],
          ['email', 'a@b.ch'],
        ])
      ).status,
    ).toBe(200)
    expect(site.handled).toHaveLength(2)
    expect(new Set(site.handled).size).toBe(2)
  })
})

test('what needs a live component throws', async () => {
  const thrown: string[] = []
  const asks: ((ctx: LiveContext) => unknown)[] = [
    (ctx) => ctx.subscribe('t', 'r'),
    (ctx) => {
      ctx.every('r', 1_000)
    },
    (ctx) => {
      ctx.task('r', () => 1)
    },
    (ctx) => {
      ctx.push('p')
    },
    (ctx) => {
      ctx.track('t')
    },
    (ctx) => ctx.self,
  ]
  const site = await served('express', {
    does: (ctx) => {
      for (const ask of asks) {
        try {
          ask(ctx)
        } catch (error) {
          thrown.push((error as { code: string }).code)
        }
      }
    },
  })
  const [seal = ''] = await sealsOf(site)
  expect(
    (
      await post(site, [
        ['loom:form', seal],
        ['email', 'a@b.ch'],
      ])
    ).status,
  ).toBe(200)
  expect(thrown).toEqual(asks.map(() => 'LOOM_NO_ACTOR'))
})

test('a form that is too large, has too many fields or contradicts itself', async () => {
  const site = await served('express', { options: { limits: { messageBytes: 20_000, formFields: 100 } } })
  const [seal = ''] = await sealsOf(site)
  expect(
    (
      await post(site, [
        ['loom:form', seal],
        ['email', 'x'.repeat(30_000)],
      ])
    ).status,
  ).toBe(413)
  const many = Array.from({ length: 200 }, (_, index): [string, string] => [`f${index}`, ''])
  expect((await post(site, [['loom:form', seal], ...many])).status).toBe(413)
  const response = await post(site, [
    ['loom:form', seal],
    ['a', '1'],
    ['a.b', '2'],
  ])
  expect([response.status, await response.text()]).toEqual([400, 'The form cannot be read.'])
  expect(site.handled).toEqual([])
})

test('HTML of users gets no sealed state', async () => {
  const { seal } = jest.requireActual<{ seal(page: string, state: string): string }>('../../lib/forms/posted.ts')
  const { sanitized } = jest.requireActual<typeof import('loom-live')>('loom-live')
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log })
  atEnd(() => loom.close({ timeout: 0 }))
  loom.forms()
  const stolen = '<input type="hidden" name="loom:form" data-l-seal="" value="x">'
  loom.register('users', {
    props: {},
    handle: {},
    render: () => html`${form('save').seal}${sanitized(stolen)}<p title="${stolen}">${stolen}</p>`,
  })
  const page = await loom.mount('users', {}, { request: { headers: {}, url: '/' } as never })
  expect(page.match(/value="[^"]* \d+ [\w.-]{40,}"/g)).toHaveLength(1)
  expect(seal).toBeDefined()
})
