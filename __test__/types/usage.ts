// Compiled, never run. Each `@ts-expect-error` is a mistake that the compiler has to find.

import { createServer } from 'node:http'
import express, { type Request } from 'express'
import session from 'express-session'
import { z } from 'zod'
import fastify, { type FastifyRequest } from 'fastify'
import {
  type Everybody,
  type JoinedAndLeft,
  type Message,
  type MessageOf,
  peopleAfter,
  type Person,
  type PresenceMessage,
  createLoom,
  each,
  html,
  js,
  live,
  LiveSocket,
  LoomError,
  raw,
  type Receiver,
  on,
  Refusal,
  sanitized,
  StartError,
  type BoundHandler,
  type ClaimedState,
  type Commands,
  type Dropped,
  type Handler,
  type LiveContext,
  type LiveEvent,
  type Loom,
  type LoomOptions,
  type OwnStore,
  type RegisteredModule,
  type SavedState,
  type SocketMessage,
  type Stats,
  type Viewer,
  type UploadEntry,
} from 'loom-live'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function is<_ extends true>(): void {}

const loom = createLoom({ secret: process.env['LOOM_SECRET'] })
is<Equal<typeof loom, Loom>>()

// The example of the README, without an annotation.
const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})
is<Equal<typeof counter, RegisteredModule<{ count: number }>>>()

const app = express()
app.use(loom.express())
app.get('/', async (request, response) => {
  response.send(`${await loom.mount(counter, { count: 0 }, { request })}${loom.script()}`)
})
app.get('/said', (request, response) => {
  response.send(loom.flashes(request, ({ kind, text }) => html`<p class="${kind}" data-l-fill="text">${text}</p>`))
  loom.script({ status: false, texts: { retryIn: '{seconds}', dismiss: 'x' } })
  // @ts-expect-error no such text
  loom.script({ texts: { dismis: 'x' } })
  // @ts-expect-error the texts are an option of their own
  loom.script({ status: { offline: 'x' } })
  // @ts-expect-error a look is a template
  loom.flashes(request, ({ text }) => text)
})
loom.attach(app.listen(3000))
loom.attach(createServer())
// Written for the framework's own request, without a cast.
loom.attach(createServer(), {
  middleware: [
    session({ secret: 'x' }),
    (_: Request, __, next) => {
      next()
    },
  ],
})
createLoom({ bind: (request: Request) => request.session.id })
createLoom({ bind: (_, own: FastifyRequest) => own.ip })

async function fastifyExample(): Promise<void> {
  const server = fastify()
  await server.register(loom.fastify)
  server.get('/', async (request, reply) => {
    await reply.type('text/html').send(await loom.mount(counter, {}, { request }))
  })
}
void fastifyExample
void fastify({ https: {} }).register(loom.fastify)

// Props flow into every handler and into render, whatever the order of the members.
const todo = loom.register('todo', {
  render: ({ items, filter }) => {
    is<Equal<typeof items, { text: string; done: boolean }[]>>()
    return html`<p>${filter}</p>${items.map((item) => html`<li>${item.text}</li>`)}`
  },
  handle: {
    add(props, event, ctx) {
      is<Equal<typeof event, LiveEvent>>()
      is<Equal<typeof ctx, LiveContext>>()
      is<Equal<typeof ctx.signal, AbortSignal>>()
      props.items.push({ text: event.value ?? '', done: false })
    },
    async load(props) {
      await Promise.resolve()
      return { ...props, filter: 'all' }
    },
    go: (_, { form }, ctx) => {
      is<Equal<typeof form, Readonly<Record<string, string | string[] | undefined>> | undefined>>()
      ctx.redirect('/')
    },
    nothing: () => undefined,
  },
  props: { items: [] as { text: string; done: boolean }[], filter: 'all' },
})

const stated = loom.register<{ user?: string; role: 'admin' | 'guest' }>('stated', {
  props: { role: 'guest' },
  handle: (props, { handler }) => ({ ...props, user: handler }),
  render: ({ user, role }) => html`${user} ${role === 'admin' && raw('<b>admin</b>')}${sanitized('<i>hello</i>')}`,
})

// Only `true` allows, so what may give nothing does not compile.
const guard = { props: {}, handle: {}, render: () => html`` }
loom.register('guard', { ...guard, authorize: ({ request }) => request['user'] === 'ada' })
loom.register('guard', { ...guard, authorize: async (_, event) => event === undefined })
loom.register('guard', {
  ...guard,
  authorize() {
    throw new Refusal('no', { redirect: '/login' })
  },
})
loom.register('guard', {
  ...guard,
  // @ts-expect-error gives nothing if there is no user
  authorize: ({ request }) => (request['user'] as { admin: boolean } | undefined)?.admin,
})
loom.register('guard', {
  ...guard,
  // @ts-expect-error ends without a value
  authorize: ({ request }) => {
    if (request.address === '') throw new Refusal('no')
  },
})
loom.register('guard', {
  ...guard,
  // @ts-expect-error promises nothing
  authorize: async () => {
    await Promise.resolve()
  },
})

createLoom({
  onError(error, { module, handler, event, request, callback }) {
    is<Equal<typeof error, unknown>>()
    is<Equal<typeof module, string>>()
    is<Equal<typeof handler, string | undefined>>()
    is<Equal<typeof event, LiveEvent | undefined>>()
    is<Equal<typeof request.url, string>>()
    is<Equal<typeof callback extends string ? true : false, true>>()
  },
})
// A component in another, mounted in a callback.
loom.register('outer', {
  ...guard,
  handle: { go: async (_, __, { request }) => void (await loom.mount(counter, {}, { request })) },
})

loom.register('raw', {
  handle_json: (handler, propsJson, value, checked, key) => `${handler}${propsJson}${value}${checked}${key}`,
  render_tree_json: (propsJson) => propsJson,
})

// Mounting: part of the props, the name, the request.
void loom.mount(counter)
void loom.mount(counter, {}, { as: 'tbody' })
void loom.mount(counter, {}, { as: 'x-counter' })
// @ts-expect-error no element for a component
void loom.mount(counter, {}, { as: 'script' })
void loom.mount(todo, { filter: 'open' })
void loom.mount(stated, { role: 'admin' })
void loom.mount('anything', { at: 'all' })

// An empty list says nothing of its items; everything else stays what it was.
interface Row {
  id: number
}
const empty = loom.register('empty', {
  props: { rows: [], filter: { tags: [], text: '' }, stated: [] as Row[], count: 0 },
  handle: {
    add: (props) => {
      is<Equal<typeof props.rows, unknown[]>>()
      is<Equal<typeof props.filter, { tags: unknown[]; text: string }>>()
      is<Equal<typeof props.stated, Row[]>>()
      return {
        ...props,
        rows: [...props.rows, { id: 1 }],
        filter: { ...props.filter, tags: ['a'] },
        stated: [{ id: 1 }],
      }
    },
    push: ({ rows }) => void rows.push('x'),
    // @ts-expect-error what is stated is kept to
    wrong: (props) => ({ ...props, stated: [{ name: 'x' }] }),
  },
  render: ({ rows, stated }) => html`${rows.length} ${stated.map(({ id }) => html`${id}`)}`,
})
void loom.mount(empty, { rows: [{ id: 1 }], stated: [{ id: 1 }] })
// @ts-expect-error what is stated is kept to
void loom.mount(empty, { stated: ['x'] })
interface Nested {
  name: string
  children: Nested[]
}
const nested = loom.register('nested', {
  props: { root: { name: '', children: [] } as Nested, any: null as unknown, pair: ['a', 1] as [string, number] },
  handle: {},
  render: ({ root, pair }) => {
    is<Equal<typeof pair, [string, number]>>()
    return html`${root.children[0]?.children[0]?.name}`
  },
})
is<Equal<typeof nested, RegisteredModule<{ root: Nested; any: unknown; pair: [string, number] }>>>()

// A prop that is one of a few texts keeps its type in what callbacks return, without `as const`.
type Phase = 'idle' | 'running' | 'done'
loom.register('phases', {
  props: { phase: 'idle' as Phase, step: 1 as 1 | 2, at: [0, 0] as [number, number], jobs: [] as { phase: Phase }[] },
  mount: () => ({ phase: 'idle' }),
  connected: async (props, ctx) => {
    await ctx.subscribe('jobs', 'arrived')
    return { phase: props.phase === 'done' ? 'idle' : 'running' }
  },
  upgrade: () => ({ phase: 'idle', step: 1, at: [0, 0], jobs: [] }),
  handle: {
    start: (props) => ({ ...props, phase: 'running', step: 2 }),
    finish: async (props, _, ctx) => {
      await Promise.resolve(ctx.cancel('arrived'))
      if (props.step === 2) return
      if (props.step === 1) return props
      return { ...props, phase: 'done', at: [1, 2], jobs: [...props.jobs, { phase: 'idle' }] }
    },
    all: (props) => ({ ...props, jobs: props.jobs.map((job) => ({ ...job, phase: 'done' })) }),
    // @ts-expect-error no such phase
    wrong: (props) => ({ ...props, phase: 'runing' }),
    // @ts-expect-error no such phase, further down
    deep: (props) => ({ ...props, jobs: [{ phase: 'runing' }] }),
    // @ts-expect-error nor such a step
    far: (props) => ({ ...props, step: 3 }),
    // @ts-expect-error a prop is missing
    part: () => ({ phase: 'idle' }),
  },
  receive: {
    arrived: (props, { done }) => ({ ...props, phase: done ? 'done' : 'running' }),
    // @ts-expect-error no such phase
    wrong: (props) => ({ ...props, phase: 'runing' }),
  },
  render: ({ phase }) => html`${phase}`,
})
const given: Handler<{ phase: Phase }> = (props) => ({ ...props, phase: 'done' })
loom.register('given', { props: { phase: 'idle' as Phase }, handle: { given }, render: ({ phase }) => html`${phase}` })

// A field of a form may not be there.
loom.register('form', {
  props: { name: '' },
  handle: {
    save: (_, { form }) => ({ name: form?.['name']?.toString() ?? '' }),
    // @ts-expect-error it may be undefined
    wrong: (_, { form }) => ({ name: form['name'].toString() }),
  },
  render: ({ name }) => html`${name}`,
})

async function sockets(): Promise<void> {
  const replies: SocketMessage[] = []
  const socket = await loom.start('x', (message) => void replies.push(message), counter, '{"count":1}')
  socket.send({ type: 'event', handler: 'increment', event: 'click', special_vars: { value: 'x', checked: true } })
  is<
    Equal<
      Awaited<ReturnType<typeof socket.state>>,
      { id: string; module: string; propsJson: string; treeJson: string }
    > extends boolean
      ? true
      : false
  >()
  socket.stop()
  // @ts-expect-error no such member
  socket.kill()
  // @ts-expect-error not a message
  socket.send({ type: 'leave' })
  // @ts-expect-error the actor's id is its own
  socket.id = 'y'
}
void sockets

const stats: Stats = loom.stats()
is<Equal<typeof stats.connections, number>>()
void loom.close({ timeout: 1000 })
const options: LoomOptions = {
  secret: ['new', 'old'],
  bind: async (request) => request.headers.cookie,
  origin: (origin, request) => origin === request.headers.host,
  trustProxy: ['loopback'],
  limits: { components: 10 },
  logger: console,
}
void options

try {
  void loom
} catch (error) {
  if (error instanceof StartError) is<Equal<typeof error.code, LoomError['code']>>()
}

loom.register('wrong', {
  props: { count: 0 },
  handle: {
    // @ts-expect-error no such prop
    a: (props) => ({ count: props.cuont }),
    // @ts-expect-error a prop of another type
    b: () => ({ count: 'one' }),
    // @ts-expect-error a prop is missing
    c: () => ({}),
    // @ts-expect-error not props
    d: () => 7,
    // @ts-expect-error no such member of an event
    e: (_, event) => void event.target,
    // @ts-expect-error no such member of the context
    f: (_, __, ctx) => void ctx.response,
  },
  render: ({ count }) => html`${count}`,
})

loom.register('wrong render', {
  props: { count: 0 },
  handle: {},
  // @ts-expect-error render gives a tree
  render: ({ count }) => `<p>${count}</p>`,
})

loom.register('async render', {
  props: { count: 0 },
  handle: {},
  // @ts-expect-error render is not async
  render: async ({ count }) => html`${count}`,
})

// A window on a list knows its neighbours, and nothing else does.
const rowsOfWindow = [{ id: 1 }]
const rowOfWindow = ({ id }: { id: number }) => html`<li>${id}</li>`
const shownWindow = each(rowsOfWindow, ({ id }) => id, rowOfWindow, { limit: 20, at: 0 })
export const neighbours: readonly (number | undefined)[] = [shownWindow.at, shownWindow.earlier, shownWindow.later]
// @ts-expect-error a list that is whole has none
export const none = each(rowsOfWindow, ({ id }) => id, rowOfWindow, []).later
// @ts-expect-error where it begins is to be said
each(rowsOfWindow, ({ id }) => id, rowOfWindow, { limit: 20 })
// @ts-expect-error no such option
each(rowsOfWindow, ({ id }) => id, rowOfWindow, { limit: 20, at: 0, from: 1 })

// What belongs to an address.
loom.register('addressed', {
  props: { page: 1, phase: 'idle' as Phase },
  async params(props, { pathname, search, searchParams }, ctx) {
    ctx.title(`${pathname}${search}`)
    // @ts-expect-error there is no step while the page is rendered
    ctx.publish('a')
    if (ctx.request.url === '') return
    return { ...props, page: Number(searchParams.get('page')), phase: 'running' }
  },
  handle: {
    go(props, _event, ctx) {
      ctx.flash('warning', 'Gone.')
      // @ts-expect-error no such kind
      ctx.flash('danger', 'Gone.')
      ctx.announce('Gone.')
      ctx.patch(`?page=${props.page + 1}`)
      ctx.patch('/rows', { replace: true })
      // @ts-expect-error no such option
      ctx.patch('/rows', { push: true })
    },
  },
  render: ({ page }) => html`${page}`,
})
loom.register('addressed', {
  props: { phase: 'idle' as Phase },
  // @ts-expect-error no such phase
  params: (props) => ({ ...props, phase: 'x' }),
  handle: {},
  render: ({ phase }) => html`${phase}`,
})

// Props flow into connected and receivers without annotations; a typed topic into a receiver with one.
interface Price {
  item: string
  price: number
}
const prices = loom.topic<Price>('prices')
void prices.publish({ item: 'a', price: 1 })
// @ts-expect-error data of another type
void prices.publish({ item: 'a' })
void loom.publish(prices, { item: 'a', price: 1 }, { id: 'a' })
// @ts-expect-error data of another type
void loom.publish(prices, { item: 'a' })
// @ts-expect-error the topic's data is missing
void loom.publish(prices)
void loom.publish('news')
// Data that may be nothing may be nothing in a receiver, too.
const maybe = loom.topic<Price | null>('maybe')
void maybe.publish(null)
is<Equal<MessageOf<typeof maybe>['data'], Price | null>>()
is<Equal<MessageOf<typeof prices>['data'], Price>>()

loom.register('live', {
  props: { rows: [] as Price[], now: 0, answer: '' },
  async connected(props, ctx) {
    const first: Price | undefined = props.rows[0]
    await ctx.subscribe(prices, 'priced')
    await ctx.subscribe('news', 'told', { from: 'history' })
    // @ts-expect-error from where
    await ctx.subscribe('news', 'told', { from: 'then' })
    // @ts-expect-error props are frozen here, too
    props.now = 1
    ctx.every('clock', 1_000)
    return ctx.revived || ctx.behind ? { now: first?.price ?? 0 } : undefined
  },
  handle: {
    ask(props, event, ctx) {
      ctx.task('token', async function* () {
        yield await Promise.resolve(event.value ?? '')
      })
      ctx.publish(prices, { item: 'b', price: 2 })
      // @ts-expect-error data of another type
      ctx.publish(prices, { item: 'b', price: '2' })
      ctx.publish('news', { any: 'thing' })
      ctx.send(ctx.self, 'told', 1)
      ctx.push('toast', { text: 'asked' })
      return props
    },
  },
  receive: {
    priced: (props, { data }: MessageOf<typeof prices>) => ({ ...props, rows: [...props.rows, data] }),
    clock: (props) => ({ ...props, now: props.now + 1 }),
    token: (props, { data, done, error }) =>
      done || error !== undefined ? props : { ...props, answer: props.answer + String(data as string) },
    // @ts-expect-error props are frozen, and new ones are returned
    frozen: (props) => void (props.now = 1),
    // @ts-expect-error nobody knows the data
    told: (props, { data }) => ({ ...props, answer: data.text }),
    // @ts-expect-error not a prop
    wrong: (props) => ({ ...props, now: props.then }),
  },
  render: ({ rows, now, answer }) => html`${rows.length} ${now} ${answer}`,
})

// Props of a module with receivers are frozen, and read-only in all its callbacks, whatever the order of the members.
const frozen = loom.register('frozen', {
  mount(props) {
    // @ts-expect-error frozen
    props.count = 1
    return { count: props.count }
  },
  render: (props) => {
    // @ts-expect-error frozen
    props.count = 1
    return html`${props.count}`
  },
  connected: (props) => {
    // @ts-expect-error frozen
    props.count = 1
  },
  handle: {
    // @ts-expect-error frozen
    add: (props) => void (props.count += 1),
    next: (props) => ({ ...props, count: props.count + 1 }),
    same: (props) => props,
    // @ts-expect-error a prop of another type
    wrong: () => ({ count: 'one', rows: [] }),
  },
  props: { count: 0, rows: [] as Row[] },
  receive: {
    told: (props) => {
      is<Equal<typeof props, Readonly<{ count: number; rows: Row[] }>>>()
      return { ...props, rows: [...props.rows, { id: 1 }] }
    },
  },
})
is<Equal<typeof frozen, RegisteredModule<{ count: number; rows: Row[] }>>>()
loom.register('frozen for one handler', {
  props: { count: 0 },
  // @ts-expect-error frozen
  handle: (props) => void (props.count += 1),
  receive: { told: (props) => props },
  render: ({ count }) => html`${count}`,
})
declare const receivers: Record<string, Receiver<{ count: number }>>
loom.register('frozen by receivers from elsewhere', {
  props: { count: 0 },
  // @ts-expect-error frozen
  handle: { add: (props) => void (props.count += 1) },
  receive: receivers,
  render: ({ count }) => html`${count}`,
})
// Without receivers they are not.
loom.register('changed in place', {
  props: { count: 0 },
  mount: (props) => void (props.count = 1),
  handle: { add: (props) => void (props.count += 1) },
  render: ({ count }) => html`${count}`,
})
loom.register('changed by one handler', {
  props: { count: 0 },
  handle: (props) => void (props.count += 1),
  render: ({ count }) => html`${count}`,
})
// Whoever names the type of the props says of them that they are read-only.
loom.register<Readonly<{ count: number }>>('frozen as stated', {
  props: { count: 0 },
  handle: {
    // @ts-expect-error frozen
    add: (props) => void (props.count += 1),
  },
  receive: { told: (props) => ({ count: props.count + 1 }) },
  render: ({ count }) => html`${count}`,
})

// Who may still see it: topics are read-only, and everywhere; a filter names whose components are meant.
loom.register('watched', {
  props: { count: 0 },
  version: 2,
  authorize: ({ topics }, event) => event !== undefined || topics.every((topic) => topic.startsWith('room:')),
  upgrade: (props, from, dropped) => {
    is<Equal<typeof dropped, readonly Dropped[]>>()
    const topic: string | undefined = dropped[0]?.topic
    // @ts-expect-error what is dropped is only to be read
    dropped.pop()
    return { count: Number(props['count']) + from + (topic === undefined ? 0 : (dropped[0]?.every ?? 0)) }
  },
  connected: (_, ctx) => {
    is<Equal<typeof ctx.topics, readonly string[]>>()
  },
  handle: {
    // @ts-expect-error topics are only to be read
    wrong: (_, __, ctx) => void ctx.topics.push('room:7'),
  },
  receive: { got: (_, __, { topics }) => void topics.length },
  render: ({ count }) => html`${count}`,
})
is<Equal<ReturnType<typeof loom.disconnect>, number>>()
loom.disconnect({ topic: 'room:7', bind: 'ada' })
loom.disconnect({ topic: prices, address: '10.0.0.7' })
loom.disconnect(({ bind }) => bind === 'ada')
// @ts-expect-error no such member
loom.disconnect({ topics: 'room:7' })
is<Equal<ReturnType<typeof loom.unsubscribe>, number>>()
loom.unsubscribe('room:7', { bind: 'ada' })
loom.unsubscribe(prices, {})
// @ts-expect-error whose is to be said
loom.unsubscribe('room:7')
// @ts-expect-error no such member
loom.unsubscribe('room:7', { topic: 'room:8' })
createLoom({ limits: { hiddenPatchTime: 5_000, authorizeTime: 300_000 } })

// Presence: a meta may be typed in the receiver, and is unknown otherwise.
interface Guest {
  name: string
  typing: boolean
}
loom.register('guests', {
  props: { guests: [] as readonly Person<Guest>[], count: 0 },
  connected(_, ctx) {
    ctx.track('house', { name: 'Ann', typing: false })
    ctx.track(prices, 'watching', { key: 'ann' })
    // @ts-expect-error no such option
    ctx.track('house', {}, { kye: 'ann' })
    // @ts-expect-error a key is text
    ctx.track('house', {}, { key: 7 })
    ctx.presence('house', 'came')
    ctx.presence(prices, 'any')
    ctx.untrack('house')
    // @ts-expect-error a receiver is missing
    ctx.presence('house')
  },
  handle: {},
  receive: {
    came(props, { data, from }: PresenceMessage<Guest>) {
      if (from !== 'presence') return props
      const { count, present, joined, changed, left } = data
      const [first] = present ?? joined ?? []
      const typing: boolean | undefined = first?.metas[0]?.typing
      if (joined !== undefined) is<Equal<typeof left, readonly Person<Guest>[]>>()
      // @ts-expect-error they are there only if `joined` is
      changed.length
      return typing === true ? props : { ...props, count, guests: peopleAfter(props.guests, data) }
    },
    // @ts-expect-error nobody knows the metas
    any: (props, { data }: PresenceMessage) => ({ ...props, count: data.present?.[0]?.metas[0].length ?? 0 }),
  },
  render: ({ guests, count }) => html`${guests.map(({ metas }) => metas[0]?.name ?? '')} ${count}`,
})
async function whoIsThere(): Promise<string | undefined> {
  const anybody = await loom.presence('house')
  is<Equal<typeof anybody, Everybody>>()
  const { present } = await loom.presence<Guest>(prices)
  // @ts-expect-error not if there are too many
  present.length
  return present?.[0]?.metas[0]?.name
}
void whoIsThere()

// A module that is mounted as a shared component: the props flow as ever, and each event has its viewer.
const board = loom.register('board', {
  props: { rows: [] as string[], here: [] as string[] },
  mount: (_, ctx) => ({ rows: [ctx.key.toUpperCase()] }),
  handle: {
    add(props, { viewer, value = '' }) {
      is<Equal<typeof viewer, Viewer | undefined>>()
      return { ...props, rows: [...props.rows, `${viewer?.bind ?? ''}: ${value}`] }
    },
    // @ts-expect-error a viewer's id cannot be set
    steal: (_, { viewer }) => void (viewer!.id = 'x'),
  },
  receive: {
    viewers: (props, { data, from }: Message<JoinedAndLeft>) => ({
      ...props,
      here: from === 'viewers' ? data.joined.map(({ bind }) => bind) : props.here,
    }),
  },
  render: ({ rows, here }) => html`${rows.join()} ${here.join()}`,
})
void loom.mount(board, {}, { shared: 'board-7', as: 'tbody' })
void loom.mount(board, undefined, { shared: 'board-7' })
// @ts-expect-error a key is text
void loom.mount(board, {}, { shared: 7 })
// @ts-expect-error no such limit
createLoom({ limits: { shareds: 1 } })
createLoom({ limits: { shared: 100, sharedPerAddress: 10, viewers: 1_000, mountTime: 5_000 } })

// @ts-expect-error render is missing
loom.register('half', { props: {}, handle: {} })

// @ts-expect-error a prop of another type
void loom.mount(counter, { count: 'one' })
// @ts-expect-error no such prop
void loom.mount(counter, { cuont: 1 })
// @ts-expect-error no registered module
void loom.mount({ render: () => html`` })
// @ts-expect-error not a request
void loom.mount(counter, {}, { request: '/page' })
// @ts-expect-error props are JSON text
void loom.start('x', () => undefined, counter, { count: 1 })
// @ts-expect-error no such option
createLoom({ secrets: ['x'] })
// @ts-expect-error no such limit
createLoom({ limits: { messages: 1 } })
// @ts-expect-error not a transport
createLoom({ transport: 'quic' })
// @ts-expect-error not a middleware
loom.attach(createServer(), { middleware: ['session'] })
// @ts-expect-error what a page is bound to is text
createLoom({ bind: () => 7 })
// @ts-expect-error not a server
loom.attach(7)
// @ts-expect-error not a template literal
html('<p>', 'x')
// @ts-expect-error not a string
raw(7)
// @ts-expect-error made by loom.start only
new LiveSocket()

createLoom({ store: { redis: 'redis://a', durability: 'replicas' } })
// @ts-expect-error: none of the three.
createLoom({ store: { redis: 'redis://a', durability: 'disk' } })

// A store in the application's hands, with promises or without, of a class or none.
class Rows implements OwnStore {
  private readonly rows = new Map<string, SavedState>()
  async claim(instance: string, after: number): Promise<ClaimedState | undefined> {
    const row = await Promise.resolve(this.rows.get(instance))
    if (row === undefined) return undefined
    return { life: Math.max(row.life, after) + 1, revision: row.revision, state: row.state, viewers: { a: 1 } }
  }
  save(states: readonly SavedState[]): Promise<readonly string[]> {
    for (const state of states) this.rows.set(state.instance, state)
    return Promise.resolve(states.map(({ instance }) => instance))
  }
}
createLoom({ store: new Rows() })
createLoom({ store: { claim: () => null, save: (states) => states.map(({ instance }) => instance) } })
is<Equal<SavedState['viewers'], { readonly [viewer: string]: number | null } | undefined>>()
// @ts-expect-error: both are needed.
createLoom({ store: { claim: () => null } })
// @ts-expect-error: it has to say which states it has kept.
createLoom({ store: { claim: () => null, save: () => undefined } })
// @ts-expect-error: a life is a number, also if a database gives text.
createLoom({ store: { claim: () => ({ life: '1', revision: 1, state: '' }), save: () => [] } })
// @ts-expect-error: a state is not for the application to change.
void ((state: SavedState) => (state.life = 1))

createLoom().register('arguments', {
  props: { rows: [1, 2] },
  handle: {
    // A handler says which arguments it takes; nothing is known of those of others.
    remove: (props, event: LiveEvent<{ id: number }>) => ({
      rows: props.rows.filter((row) => row !== event.args?.id),
    }),
    look: (_, { args, detail }) => {
      is<Equal<typeof args, unknown>>()
      is<Equal<typeof detail, Readonly<Record<string, unknown>> | undefined>>()
    },
  },
  render: ({ rows }) => html`<b @click=${on('remove', { id: rows[0] })} @dblclick=${on('look')}>${rows.length}</b>`,
})
is<Equal<ReturnType<typeof on>, BoundHandler>>()

// Commands are chained, and stand where handlers stand.
{
  const chain = js.toggle('#menu', { time: 100, transition: { start: 'a', end: 'b' } }).focus('#first')
  is<Equal<typeof chain, Commands>>()
  html`<b @click=${chain} @dblclick=${on('like').optimistic(js.addClass('liked'))}></b>`
  const push = (ctx: LiveContext): void => {
    ctx.push(chain)
    ctx.push('named', { any: 'data' })
    // @ts-expect-error commands have no data
    ctx.push(chain, 1)
  }
  void push
  // @ts-expect-error no such command
  js.tooggle('#menu')
  // @ts-expect-error an option is misspelt
  js.show('#menu', { tim: 1 })
  // @ts-expect-error no value
  js.setAttribute('title')
  // @ts-expect-error a text is no commands
  on('like').optimistic('liked')
}

// Controls that set props: the names are those of props, and what a schema or a type makes fits the prop.
{
  const withModel = createLoom()
  const props = { name: '', age: 0, size: 's' as 's' | 'm', tags: [] as string[], errors: {} }
  const module = { props, handle: {}, render: () => html`` }
  withModel.register('model', {
    ...module,
    model: { name: z.string(), age: 'number', size: z.enum(['s', 'm']), tags: 'string[]' },
  })
  // @ts-expect-error no prop
  withModel.register('model', { ...module, model: { nmae: 'string' } })
  // @ts-expect-error a number's text
  withModel.register('model', { ...module, model: { age: 'string' } })
  // @ts-expect-error more than the prop can hold
  withModel.register('model', { ...module, model: { size: 'string' } })
  // @ts-expect-error another output
  withModel.register('model', { ...module, model: { age: z.string() } })
  // @ts-expect-error no type
  withModel.register('model', { ...module, model: { name: 'text' } })
}

// The receiver of an upload gets a file; progress is typed where it is said.
loom.register('uploads', {
  props: { names: [] as string[], coming: 0 },
  uploads: { photo: { accept: ['image/*'], maxFiles: 3, progress: 'bars' } },
  handle: { cancel: (_, event, ctx) => ctx.cancelUpload(event.value ?? '') },
  receive: {
    photo: (props, { data }) => {
      const path: string | undefined = data.path
      return { ...props, names: [...props.names, data.name, path ?? '', String(data.size)] }
    },
    bars: (props, { data }: Message<readonly UploadEntry[]>) => ({ ...props, coming: data.length }),
    // @ts-expect-error what others send is not known
    other: (props, { data }) => ({ ...props, coming: data.size }),
  },
  render: () => html``,
})
loom.register('upload rules', {
  props: {},
  // @ts-expect-error misspelt
  uploads: { photo: { acept: [] } },
  handle: {},
  receive: { photo: () => undefined },
  render: () => html``,
})

// What a parent gives has the types of the module's props.
const gauge = loom.register('nested', {
  props: { range: 'day', zoom: 1 },
  handle: { up: (_props, _event, ctx) => (ctx.parent === undefined ? undefined : ctx.send(ctx.parent, 'up')) },
  receive: { given: (props, { data, from }) => (from === 'parent' ? { ...props, ...(data as object) } : props) },
  render: ({ range }) => html`${range}`,
})
html`${live(gauge, { range: 'week' }, { key: 7, as: 'tr' })}${live(gauge)}${live(gauge, {}, { shared: 'all' })}`
// @ts-expect-error no such prop
live(gauge, { ranges: 'week' })
// @ts-expect-error another type
live(gauge, { zoom: '1' })
// @ts-expect-error misspelt
live(gauge, {}, { keys: 1 })
// @ts-expect-error a name is no module
live('nested')

// Development.
createLoom({ development: { locations: true, overlay: false } })
// @ts-expect-error misspelt
createLoom({ development: { location: true } })
loom.watch()
loom.watch({ folder: 'src' })
// @ts-expect-error misspelt
loom.watch({ folders: ['src'] })
// @ts-expect-error no server of Vite
loom.watch({ vite: {} })
async function withVite(): Promise<void> {
  const { createServer } = await import('vite')
  loom.watch({ vite: await createServer({ appType: 'custom' }) })
}
void withVite
