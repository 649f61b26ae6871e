/** Calls of hooks: what a handler gets of them, who gets the answer, and what is refused. */

import { html, type LoomError } from 'loom-live'
import { createServer } from 'node:http'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { startPage as start } from '../support/pages'
import { sharedPage } from '../support/shared'
import { Site, testLoom } from '../support/site'
import { until } from '../support/until'

/** As the client has them: see client/hooks/calls.ts. */
const CALL = 'loom.call'
const REPLY = 'loom.reply'

const settled = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

test('a call is an event of the type call, with arguments that are larger than those of a binding', async () => {
  const seen: unknown[] = []
  const { page } = await start((loom) =>
    loom.register('editor', {
      props: { text: '' },
      authorize(_, event) {
        if (event) seen.push(['authorize', event.type])
        return true
      },
      handle: {
        save(_, event, ctx) {
          const { text } = event.args as { text: string }
          seen.push([event.type, event.value, event.handler, Object.hasOwn(event, 'value')])
          ctx.reply({ length: text.length })
          return { text: text.slice(0, 3) }
        },
      },
      render: ({ text }) => html`${text}`,
    }),
  )
  page.event('save', JSON.stringify([7, { text: 'x'.repeat(100_000) }]), CALL)
  await settled(page)
  expect(page.text).toBe('xxx')
  expect(page.pushes).toEqual([[REPLY, [7, { length: 100_000 }]]])
  expect(seen).toEqual([
    ['authorize', 'call'],
    ['call', undefined, 'save', false],
  ])
})

test('each call has one answer: also without a value, and none if its handler failed', async () => {
  const { page } = await start((loom) =>
    loom.register('answers', {
      props: { count: 0 },
      handle: {
        value: (_, __, { reply }) => reply(null),
        nothing: (_, __, ctx) => ctx.reply(),
        silent: ({ count }) => ({ count: count + 1 }),
        async late(_, __, ctx) {
          await new Promise((resolve) => setTimeout(resolve, 5))
          ctx.reply('late')
        },
        failed(_, __, ctx) {
          ctx.reply('never')
          throw new Error('meant')
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  const outcomes: string[] = []
  page.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
  const handlers = ['value', 'nothing', 'silent', 'late', 'failed', 'unknown']
  handlers.forEach((handler, number) => page.event(handler, JSON.stringify([number]), CALL))
  await settled(page)
  expect(page.pushes).toEqual([
    [REPLY, [0, null]],
    [REPLY, [1]],
    [REPLY, [2]],
    [REPLY, [3, 'late']],
  ])
  expect(outcomes.slice(-2)).toEqual(['failed failed', 'unknown failed'])
})

test('of an event that no hook has made, a reply does nothing', async () => {
  const { page } = await start((loom) =>
    loom.register('clicked', {
      props: { count: 0 },
      handle: {
        go({ count }, _, ctx) {
          ctx.reply('nobody')
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  page.event('go')
  await settled(page)
  expect([page.text, page.pushes]).toEqual(['1', []])
})

test('what is answered arrives once, also across cut connections', async () => {
  const { page } = await start((loom) =>
    loom.register('counted', {
      props: { count: 0 },
      handle: {
        go({ count }, _, ctx) {
          ctx.reply(count + 1)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  for (let round = 1; round <= 20; round++) {
    page.event('go', JSON.stringify([round]), CALL)
    if (round % 3 === 0) page.cut()
  }
  await settled(page)
  expect(page.text).toBe('20')
  expect(page.pushes).toEqual(Array.from({ length: 20 }, (_, at) => [REPLY, [at + 1, at + 1]]))
})

test('of a shared component only the page that has called is answered', async () => {
  const site = await Site.start()
  const module = site.loom.register('shared', {
    props: { count: 0 },
    handle: {
      go({ count }, { viewer }, ctx) {
        ctx.reply({ count: count + 1, isViewer: viewer !== undefined })
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  page.event('go', '[1]', CALL)
  other.event('go', '[1]', CALL)
  page.event('go', '[2]', CALL)
  await settled(page)
  await settled(other)
  await until('both to show all', () => page.text === '3' && other.text === '3')
  const answers = (of: LivePage) => of.pushes.map(([, data]) => data as [number, { count: number; isViewer: boolean }])
  expect(answers(page).map(([number]) => number)).toEqual([1, 2])
  expect(answers(other).map(([number]) => number)).toEqual([1])
  const counts = [...answers(page), ...answers(other)].map(([, { count }]) => count)
  expect(counts.sort()).toEqual([1, 2, 3])
})

test.each([undefined, '', '{}', '7', '["a"]', '[-1]', '[1.5]', '[1,2,3]', '[null]', '[1,'])(
  'what is no call fails alone: %j',
  async (value) => {
    const { page, site } = await start((loom) =>
      loom.register('asked', {
        props: { count: 0 },
        handle: { go: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    )
    const outcomes: string[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    page.event('go', value, CALL)
    page.event('go', '[1]', CALL)
    await settled(page)
    expect(outcomes).toEqual(['failed', 'applied'])
    expect(page.text).toBe('1')
    expect(site.log.all).toContain('as the value of an event of the type loom.call')
  },
)

test('a second reply, and one where no page has asked, are errors that say so', async () => {
  const errors: LoomError[] = []
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      errors.push(error as LoomError)
    }
  }
  const { page } = await start((loom) =>
    loom.register('wrong', {
      props: { rang: 0 },
      connected(props, ctx) {
        attempt(() => (ctx as unknown as { reply(): void }).reply())
        return props
      },
      handle: {
        go(_, __, ctx) {
          ctx.reply(1)
          attempt(() => ctx.reply(2))
          attempt(() => ctx.push(REPLY, [1, 3]))
          ctx.after('rang', 0)
        },
        cycle(_, __, ctx) {
          attempt(() => ctx.reply({ at: new Date() }))
        },
        later(_, __, ctx) {
          setTimeout(() => attempt(() => ctx.reply(1)), 5)
        },
      },
      receive: {
        rang({ rang }, _, ctx) {
          attempt(() => (ctx as unknown as { reply(): void }).reply())
          return { rang: rang + 1 }
        },
      },
      render: ({ rang }) => html`${rang}`,
    }),
  )
  page.event('go', '[1]', CALL)
  await until('the timer', () => page.text === '1')
  page.event('cycle', '[2]', CALL)
  page.event('later', '[3]', CALL)
  await settled(page)
  await until('the errors', () => errors.length === 6)
  expect(errors.map(({ code }) => code)).toEqual([
    'LOOM_ARGUMENT',
    'LOOM_ARGUMENT',
    'LOOM_ARGUMENT',
    'LOOM_ARGUMENT',
    'LOOM_PROPS',
    'LOOM_STEP_OVER',
  ])
  const [connected, twice, reserved, rang] = errors.map(({ message }) => message)
  expect(connected).toContain('ctx.reply has nobody to answer here')
  expect(rang).toBe(connected)
  expect(twice).toContain('a call has one answer')
  expect(reserved).toContain('Expected another name, or ctx.reply(…) for the name of ctx.push')
  expect(page.pushes[0]).toEqual([REPLY, [1, 1]])
})

test('a raw module gets the arguments as its value, and the call is answered', async () => {
  const site = await Site.start()
  site.loom.register('raw', {
    handle_json: (handler: string, _: string, value: string) => JSON.stringify({ said: `${handler} ${value}` }),
    render_tree_json: (props: string) =>
      JSON.stringify({ s: ['', ''], d: [(JSON.parse(props) as { said: string }).said] }),
  })
  const page = new LivePage({ url: () => site.url(), module: 'raw', token: await site.token('raw', { said: '' }) })
  atEnd(() => {
    page.end()
  })
  page.event('go', '[5,["a"]]', CALL)
  await until('the page to be live', () => page.isLive)
  await settled(page)
  expect(page.text).toBe('go ["a"]')
  expect(page.pushes).toEqual([[REPLY, [5]]])
})

test('the address that scripts import from does not change, and is asked for anew', async () => {
  const { loom } = testLoom()
  const serve = loom.express()
  const server = createServer((request, response) => {
    serve(request, response, () => response.writeHead(404).end())
  })
  const site = await Site.of(loom, server)
  const found = await fetch(`${site.origin}/loom/client.js`)
  expect([found.status, found.headers.get('content-type'), found.headers.get('cache-control')]).toEqual([
    200,
    'text/javascript; charset=utf-8',
    'no-cache',
  ])
  expect(await found.text()).toMatch(/export\s*\{\s*\w+ as hook\s*\}/)
  const etag = found.headers.get('etag') ?? ''
  const again = await fetch(`${site.origin}/loom/client.js`, {
    headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
  })
  expect(again.status).toBe(304)
  for (const name of ['client.mjs', 'imports.js', 'imports.x.js', 'hook.js'])
    expect((await fetch(`${site.origin}/loom/${name}`)).status).toBe(404)
  expect((await fetch(`${site.origin}/loom/client.js`, { method: 'POST' })).status).toBe(405)
})
