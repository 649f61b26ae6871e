/** Forms that browsers send without the client's script: the same handler, the same schema, and the page it leads to. */

import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'
import {
  createLoom,
  each,
  form,
  type FormErrors,
  html,
  live,
  type LiveContext,
  type Loom,
  type LoomOptions,
  validated,
} from 'loom-live'
import { z } from 'zod'
import { atEnd } from '../support/cleanup'
import { inRedis } from '../support/redis'
import { listen, Log, SECRET, testLoom } from '../support/site'
import { sqlite } from '../support/two_processes'
import { until } from '../support/until'

const schema = z.object({ email: z.email('no e-mail'), 'tags': z.array(z.string()).default([]) })

/** How often `authorize` has answered when its time was over. */
let lateAnswers = 0
beforeEach(() => {
  lateAnswers = 0
})

/** What the tests ask a handler to do, by what is typed. */
type Does = (ctx: LiveContext) => void

function register(loom: Loom, handled: string[], does: Does = () => undefined): void {
  loom.register('sign-up', {
    props: { done: '', errors: {} as FormErrors<typeof schema>, secret: 'loaded' },
    private: ['secret'],
    mount: () => ({ secret: 'loaded' }),
    authorize: (ctx, event) => {
      const email = event?.form?.['email']
      if (email !== 'late@b.ch') return ctx.request.headers['x-refused'] === undefined && email !== 'not@you.ch'
      return new Promise((resolve) => {
        ctx.signal.addEventListener('abort', () => {
          lateAnswers++
          resolve(true)
        })
      })
    },
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
        does(ctx)
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
  /** What has come to the application's own handler of errors. */
  errors: unknown[]
}

async function served(
  by: 'express' | 'fastify',
  { does, options = {}, ownParser = false }: { does?: Does; options?: LoomOptions; ownParser?: boolean } = {},
): Promise<Served> {
  const { loom, log } = testLoom({
    development: false,
    bind: (request) => request.headers['x-user'] as string,
    ...options,
  })
  const handled: string[] = []
  const errors: unknown[] = []
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
    const failed: ErrorRequestHandler = (error: unknown, _, response, next) => {
      errors.push(error)
      if (response.headersSent) next(error)
      else response.status(500).end()
    }
    app.use(failed)
    server = createServer(app)
    await listen(server)
  } else {
    const app = fastify({ forceCloseConnections: true })
    if (ownParser)
      app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) => {
        const list = [...new URLSearchParams(body as string)]
        done(null, Object.fromEntries(list))
      })
    await app.register(loom.fastify)
    await app.register(loom.fastifyForms)
    app.route({
      method: ['GET', 'POST'],
      url: '/page',
      handler: async (request, reply) => reply.type('text/html').send(await twice({ request })),
    })
    app.post('/mine', (request, reply) => reply.send(request.body))
    const body = { type: 'object', required: ['email'], properties: { email: { type: 'string' } } }
    app.post('/checked', { schema: { body } }, (request, reply) => reply.send(request.body))
    await app.listen({ port: 0, host: '127.0.0.1' })
    atEnd(() => app.close())
    server = app.server
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loom, log, handled, errors }
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

const STORES: [string, () => LoomOptions | Promise<LoomOptions>][] = [['with SQLite', sqlite], ...inRedis()]

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
      ['loom:form', seal.replace('"save"', '"sa\\ve"')],
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
    // As with the referrer policy no-referrer, which takes the origin away; of a sandbox, too.
    expect((await send({ 'origin': 'null', 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await send({ 'origin': 'null', 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect((await send({ 'origin': 'https://evil.example', 'sec-fetch-site': 'same-origin' })).status).toBe(403)
  })

  test('other forms pass, with what is in them', async () => {
    const site = await served(by)
    const fields: [string, string][] = [
      ['email', 'x'],
      ['tags[]', 'a'],
      ['tags[]', 'b'],
    ]
    const response = await post(site, fields, {}, '/mine')
    expect(await response.json()).toEqual({ 'email': 'x', 'tags[]': ['a', 'b'] })
  })

  test('a handler that throws, one that never answers and one that is not there', async () => {
    const site = await served(by, { options: { limits: { handlerTime: 200 } } })
    for (const [name, status] of [
      ['throws', 500],
      ['never', 500],
      ['nobody', 403],
      ['constructor', 403],
    ] as const) {
      const sealed = (await sealsOf(site))[0]?.replace('["save"', `["${name}"`) ?? ''
      const response = await post(site, [['loom:form', sealed]])
      expect([name, response.status]).toEqual([name, status])
      expect(await response.text()).toMatch(status === 500 ? /^Something went wrong\.$/ : /^The form is out of date/)
    }
    await site.log.says('a secret of the application')
  })

  test('a handler does not begin any more when the page has been told that it took too long', async () => {
    const site = await served(by, { options: { limits: { handlerTime: 200 } } })
    const [seal = ''] = await sealsOf(site)
    const response = await post(site, [
      ['loom:form', seal],
      ['email', 'late@b.ch'],
    ])
    expect(response.status).toBe(500)
    // Its authorize answers only then.
    await until('the late answer', () => lateAnswers > 0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(site.handled).toEqual([])
  })

  test.each(STORES)('a form is taken once, %s', async (_, store) => {
    const site = await served(by, { options: await store() })
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

test('a body that another parser of Fastify has read is a form as well', async () => {
  const site = await served('fastify', { ownParser: true })
  const [seal = ''] = await sealsOf(site)
  const response = await post(site, [
    ['loom:form', seal],
    ['email', 'a@b.ch'],
    ['tags[]', 'a'],
  ])
  expect([response.status, site.handled.length]).toEqual([200, 1])
  expect(outputs(await response.text())).toEqual(['a@b.ch a ada loaded', ''])
})

test('a body that is no form of a component is checked by the schema of its route in Fastify', async () => {
  const site = await served('fastify')
  expect(await (await post(site, [['email', 'x']], {}, '/checked')).json()).toEqual({ email: 'x' })
  expect((await post(site, [['name', 'x']], {}, '/checked')).status).toBe(400)
})

test('in Fastify, too, a body has as many bytes and names as a form of a page', async () => {
  const site = await served('fastify', { options: { limits: { messageBytes: 20_000, formFields: 100 } } })
  const [seal = ''] = await sealsOf(site)
  const many = Array.from({ length: 200 }, (_, index): [string, string] => [`f${index}`, ''])
  const large: [string, string][] = [['email', 'x'.repeat(30_000)]]
  for (const fields of [many, large]) {
    expect((await post(site, fields, {}, '/mine')).status).toBe(413)
    expect((await post(site, [['loom:form', seal], ...fields])).status).toBe(413)
  }
  expect(site.handled).toEqual([])
  expect((await post(site, [['loom:form', seal], ...many.slice(0, 99), ['email', 'a@b.ch']])).status).toBe(200)
})

test('a form whose connection is cut is not handled, and is no error of the application', async () => {
  const site = await served('express')
  const [seal = ''] = await sealsOf(site)
  const socket = connect(Number(new URL(site.url).port), '127.0.0.1')
  const closed = new Promise((resolve) => socket.on('close', resolve))
  const before = site.errors.length
  socket.write(
    `POST /page HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 5000\r\n\r\n` +
      `loom%3Aform=${encodeURIComponent(seal)}&email=a`,
    () => socket.destroy(),
  )
  await closed
  // The next one has its turn after it.
  expect((await post(site, [['email', 'x']], {}, '/mine')).status).toBe(200)
  expect([site.errors.length - before, site.handled]).toEqual([0, []])
})

test('with a store each form of a component is taken once, whatever its id is said to be', async () => {
  const store = { sqlite: join(mkdtempSync(join(tmpdir(), 'loom-')), 'states') }
  const site = await served('express', { options: { store } })
  const [seal = ''] = await sealsOf(site)
  const sent = async (which: string): Promise<unknown[]> => {
    const response = await post(site, [
      ['loom:form', seal.replace('["save","save"]', which)],
      ['email', 'a@b.ch'],
    ])
    return [response.status, response.headers.get('location')]
  }
  expect(await sent('["save","save"]')).toEqual([200, null])
  expect(await sent('["sends","sends"]')).toEqual([303, '/welcome'])
  expect(await sent('["save","other"]')).toEqual([303, '/page'])
  expect(await sent('["sends","x"]')).toEqual([303, '/page'])
  expect(site.handled).toHaveLength(1)
})

test('with a store, a form whose handler has failed can be sent again, until it is taken', async () => {
  const store = { sqlite: join(mkdtempSync(join(tmpdir(), 'loom-')), 'states') }
  let fails = 2
  const does = (): void => {
    if (fails-- > 0) throw new Error('not now')
  }
  const site = await served('express', { does, options: { store } })
  const [seal = ''] = await sealsOf(site)
  const statuses: number[] = []
  for (let count = 0; count < 4; count++)
    statuses.push(
      (
        await post(site, [
          ['loom:form', seal],
          ['email', 'a@b.ch'],
        ])
      ).status,
    )
  expect(statuses).toEqual([500, 500, 200, 303])
  expect(site.handled).toHaveLength(1)
})

test.each(['express', 'fastify'] as const)('a redirect may have any characters, with %s', async (by) => {
  let to = ''
  const site = await served(by, { does: (ctx) => ctx.redirect(to) })
  const locations: (string | null)[] = []
  for (to of ['/search?q=\u0107 \u{1f600}', '/a\r\nset-cookie: x=1\t', '/caf\u00e9#\ud800', 'https://b.ch/%41']) {
    const [seal = ''] = await sealsOf(site)
    const response = await post(site, [
      ['loom:form', seal],
      ['email', 'a@b.ch'],
    ])
    locations.push(response.headers.get('location'))
  }
  expect(locations).toEqual([
    '/search?q=%C4%87%20%F0%9F%98%80',
    '/aset-cookie:%20x=1',
    '/caf%C3%A9#%EF%BF%BD',
    'https://b.ch/%41',
  ])
})

test('a form that the store could not take is not taken, and then once', async () => {
  let fails = 1
  const kept = new Set<string>()
  const store: LoomOptions['store'] = {
    claim: () => null,
    save: (states) => {
      if (fails-- > 0) throw new Error('the store is away')
      const first = states.map(({ instance }) => instance).filter((one) => !kept.has(one))
      for (const one of first) kept.add(one)
      return first
    },
  }
  const site = await served('express', { options: { store } })
  const [seal = ''] = await sealsOf(site)
  const sent = async (): Promise<number> =>
    (
      await post(site, [
        ['loom:form', seal],
        ['email', 'a@b.ch'],
      ])
    ).status
  expect([await sent(), await sent(), await sent()]).toEqual([503, 200, 303])
  expect(site.handled).toHaveLength(1)
})

test('what is sent after a handler and not accepted is said, and nothing is done twice', async () => {
  const store = { sqlite: join(mkdtempSync(join(tmpdir(), 'loom-')), 'states') }
  const site = await served('express', {
    does: (ctx) => {
      site.handled.push('x')
      ctx.send('nobody', 'x')
    },
    options: { store },
  })
  const [seal = ''] = await sealsOf(site)
  const sent = async (): Promise<unknown[]> => {
    const response = await post(site, [['loom:form', seal.replace('["save","save"]', '["sends","sends"]')]])
    return [response.status, response.headers.get('location')]
  }
  expect([await sent(), await sent()]).toEqual([
    [303, '/welcome'],
    [303, '/page'],
  ])
  expect(site.handled).toEqual(['x'])
  await site.log.says(/ctx\.send to "nobody".* was not accepted and is lost/)
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
  expect((await post(site, [['email', 'x'.repeat(3_000_000)]])).status).toBe(413)
  const many = Array.from({ length: 200 }, (_, index): [string, string] => [`f${index}`, ''])
  // Whoever handles it: nothing is made of what is too much.
  expect((await post(site, many, {}, '/mine')).status).toBe(413)
  const allowed = [...many.slice(0, 99), ['email', 'a@b.ch']] as [string, string][]
  expect((await post(site, [['loom:form', seal], ...allowed])).status).toBe(200)
  expect((await post(site, [['loom:form', seal], ...allowed, ['more', '']])).status).toBe(413)
  site.handled.length = 0
  expect((await post(site, [['loom:form', seal], ...many])).status).toBe(413)
  const response = await post(site, [
    ['loom:form', seal],
    ['a', '1'],
    ['a.b', '2'],
  ])
  expect([response.status, await response.text()]).toEqual([400, 'The form cannot be read.'])
  expect(site.handled).toEqual([])
})

test('a form of 100,000 fields, with a name of 10 KB or of 1,000 levels is not handled, and the next one is', async () => {
  const site = await served('express')
  const [seal = ''] = await sealsOf(site)
  const statusOf = async (...fields: [string, string][]): Promise<number> =>
    (await post(site, [['loom:form', seal], ...fields])).status
  expect(await statusOf(...Array.from({ length: 100_000 }, (_, at): [string, string] => [`f${at}`, '']))).toBe(413)
  expect(await statusOf(['x'.repeat(10_240), '1'])).toBe(400)
  expect(await statusOf([Array.from({ length: 1_000 }, () => 'a').join('.'), '1'])).toBe(400)
  expect(await statusOf([`a${'[0]'.repeat(300)}`, '1'])).toBe(400)
  expect(site.handled).toEqual([])
  expect(await statusOf(['email', 'a@b.ch'])).toBe(200)
})

test('HTML of users gets no sealed state', async () => {
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
})

test('a form in a row of a list shows what was typed, too, and the forms of the other rows do not', async () => {
  const loom = createLoom({ secret: SECRET, logger: new Log() })
  atEnd(() => loom.close({ timeout: 0 }))
  loom.register('rows', {
    props: { rows: [{ id: 1 }, { id: 2 }], errors: {} as FormErrors<typeof schema> },
    handle: { save: validated(schema, (props) => props) },
    render: ({ rows, errors }) =>
      html`${each(
        rows,
        ({ id }) => id,
        ({ id }) => {
          const f = form('save', { id: `row-${id}`, errors })
          return html`<form id="${f.id}" method="${f.method}" action="${f.action}">${f.seal}<input name="email" value="${f.field('email').value}"></form>`
        },
        [errors],
      )}`,
  })
  const app = express()
  app.use(loom.express())
  app.use(loom.forms())
  app.get('/', async (request, response) => {
    response.send(await loom.mount('rows', {}, { request }))
  })
  const server = createServer(app)
  await listen(server)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [, seal = ''] = [
    ...(await (await fetch(url)).text()).matchAll(/name="loom:form" data-l-seal="" value="([^"]*)"/g),
  ].map(([, value = '']) => value.replaceAll('&quot;', '"').replaceAll('&#34;', '"'))
  const response = await fetch(url, {
    method: 'POST',
    headers: { origin: url },
    body: new URLSearchParams({ 'loom:form': seal, 'email': 'half@' }),
  })
  expect(response.status).toBe(422)
  expect([...(await response.text()).matchAll(/name="email" value="(.*?)"/g)].map(([, value]) => value)).toEqual([
    '',
    'half@',
  ])
})

test('forms of nested components, and of shared ones among them, have the state of their own component', async () => {
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log, bind: () => 'ada' })
  atEnd(() => loom.close({ timeout: 0 }))
  const handled: string[] = []
  const form_ = (f: ReturnType<typeof form>) =>
    html`<form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler}>${f.seal}<button>Go</button></form>`
  const inner = loom.register('inner', {
    props: { of: '', done: 0 },
    handle: { save: ({ of, done }) => (handled.push(`inner ${of}`), { of, done: done + 1 }) },
    render: ({ of, done }) => html`<i>${of} ${done}</i>${form_(form('save', { errors: {} }))}`,
  })
  const board = loom.register('board', {
    props: { done: 0 },
    handle: { save: ({ done }) => (handled.push('board'), { done: done + 1 }) },
    render: ({ done }) => html`<u>${done}</u>${form_(form('save', { errors: {} }))}`,
  })
  const outer = loom.register('outer', {
    props: { done: 0 },
    handle: { save: ({ done }) => (handled.push('outer'), { done: done + 1 }) },
    render: ({ done }) =>
      html`<b>${done}</b>${form_(form('save', { errors: {} }))}${['x', 'y'].map((of) => live(inner, { of }, { key: of }))}${live(board, {}, { shared: 'all' })}`,
  })
  const app = express()
  app.use(loom.express())
  app.use(loom.forms())
  app.all('/page', async (request, response) => {
    response.send(await loom.mount(outer, {}, { request }))
  })
  const server = createServer(app)
  await listen(server)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`
  const seals = async (): Promise<string[]> =>
    [...(await (await fetch(url)).text()).matchAll(/name="loom:form" data-l-seal="" value="([^"]*)"/g)].map(
      ([, value = '']) => value.replaceAll('&quot;', '"').replaceAll('&#34;', '"'),
    )
  const sent = await seals()
  expect(sent).toHaveLength(4)
  for (const [index, name] of ['outer', 'inner x', 'inner y', 'board'].entries()) {
    const body = new URLSearchParams([['loom:form', sent[index] ?? '']])
    const headers = { 'origin': new URL(url).origin, 'sec-fetch-site': 'same-origin' }
    const response = await fetch(url, { method: 'POST', body, headers, redirect: 'manual' })
    expect([name, response.status < 400, handled]).toEqual([name, true, [name]])
    handled.length = 0
  }
})

test('what a form of a nested component has said comes to that component, whatever its page shows by then', async () => {
  const loom = createLoom({ secret: SECRET, logger: new Log(), bind: () => 'ada', limits: { handlerTime: 500 } })
  atEnd(() => loom.close({ timeout: 0 }))
  let rows = ['b', 'c']
  let range = 'day'
  const heard: unknown[] = []
  const render = ({ of, range, done }: { of: string; range: string; done: number }) => {
    const f = form('save', { errors: {} })
    return html`<i>${of} ${range} ${done}</i><form id="${f.id}" method="${f.method}" action="${f.action}">${f.seal}<button>Go</button></form>`
  }
  const props = { of: '', range: '', done: 0 }
  const handle = { save: (before: typeof props) => ({ ...before, done: before.done + 1 }) }
  const plain = loom.register('plain', { props, handle, render })
  const hears = loom.register('hears', {
    props,
    handle,
    receive: {
      given: (before, { from, data, id }, ctx) => {
        const { range } = data as { range: string }
        if (range === 'never') return new Promise<never>(() => undefined)
        heard.push([from, id.length > 10, before.range, range])
        ctx.publish('told', range)
        return { ...before, range: `heard ${range}` }
      },
    },
    render,
  })
  const table = loom.register('table', {
    props: { rows: ['a'], range: '' },
    mount: () => ({ rows, range }),
    handle: {},
    render: ({ rows, range }) =>
      html`${each(
        rows,
        (of) => of,
        (of) => html`<p>${live(plain, { of, range }, { key: of })}${live(hears, { of, range }, { key: of })}</p>`,
        [range],
      )}`,
  })
  const app = express()
  app.use(loom.express())
  app.use(loom.forms())
  app.get('/', async (request, response) => {
    response.send(await loom.mount(table, {}, { request }))
  })
  const server = createServer(app)
  await listen(server)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const shown = (page: string): (string | undefined)[] => [...page.matchAll(/<i>(.*?)<\/i>/g)].map(([, text]) => text)
  const seals = (page: string): string[] =>
    [...page.matchAll(/name="loom:form" data-l-seal="" value="([^"]*)"/g)].map(([, value = '']) =>
      value.replaceAll('&quot;', '"').replaceAll('&#34;', '"'),
    )
  const post = async (seal = ''): Promise<string> => {
    const body = new URLSearchParams([['loom:form', seal]])
    return (await fetch(url, { method: 'POST', body, headers: { origin: url } })).text()
  }
  const before = seals(await (await fetch(url)).text())
  expect(before).toHaveLength(4)
  // A row comes before them, and the parent gives something else.
  rows = ['a', 'b', 'c']
  range = 'week'
  expect(shown(await post(before[2]))).toEqual(['a week 0', 'a week 0', 'b week 0', 'b week 0', 'c week 1', 'c week 0'])
  expect(shown(await post(before[1]))).toEqual([
    'a week 0',
    'a week 0',
    'b week 0',
    'b heard week 1',
    'c week 0',
    'c week 0',
  ])
  expect(heard).toEqual([['parent', true, 'day', 'week']])
  // A receiver that never answers holds no page up.
  range = 'never'
  expect(await post(before[1])).toContain('took too long')
  // The component is there no more.
  range = 'week'
  rows = ['a', 'c']
  expect(shown(await post(before[0]))).toEqual(['a week 0', 'a week 0', 'c week 0', 'c week 0'])
})
