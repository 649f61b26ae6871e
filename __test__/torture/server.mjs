// The server of the torture run: a counter and a to-do list whose handlers fail by a rule that depends on
// nothing but the event's id, so that an event which is repeated fails again. Both also read two topics: news,
// which a route publishes, and talk, which handlers publish. What they have read of each is a part of their
// state; `reading.mjs` compares each message with the last one.

import { createServer } from 'node:http'
import { createLoom, each, html } from 'loom-live'
import { isThrown, NOTHING, readNews, readTalk, summary } from './reading.mjs'

const [port, secret, run, redis = ''] = process.argv.slice(2)

const loom = createLoom({
  secret,
  development: false,
  ...(redis !== '' && { store: { redis }, backplane: { redis } }),
  logger: { error: () => undefined, warn: () => undefined },
  limits: {
    eventRate: 1_000_000,
    eventBurst: 1_000_000,
    eventRatePerAddress: 1_000_000,
    eventBurstPerAddress: 1_000_000,
    joinRatePerAddress: 1_000_000,
    eventAge: 3_600_000,
    queuedEvents: 1000,
    // So much that only a killed server is a gap. In Redis a topic outlives its servers, and each new one copies the
    // history: there it is what is published while a page is away.
    topicMessages: redis === '' ? 10_000_000 : 30_000,
    topicBytes: 1 << 30,
    topicsBytes: 1 << 30,
    topicIds: 10_000_000,
    topicTime: 3_600_000,
  },
})

function hash(text) {
  let value = 0
  for (let at = 0; at < text.length; at++) value = (value * 31 + text.charCodeAt(at)) | 0
  return value >>> 0
}

/** One event in 31 throws, one in 37 takes its time first. */
function disturb({ id }) {
  const number = hash(id)
  if (number % 31 === 0) throw new Error('by the rule')
  return number % 37 === 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined
}

function disturbed(handler) {
  return (props, event, ctx) => {
    const wait = disturb(event)
    return wait === undefined ? handler(props, event, ctx) : wait.then(() => handler(props, event, ctx))
  }
}

/** What both modules have: a name, which the page gives, and what they have read of the topics. */
const common = { name: '', said: 0, read: NOTHING }

async function connected(_, ctx) {
  await ctx.subscribe('news', 'news')
  await ctx.subscribe('talk', 'talk')
}

/** Says something to all pages. The number is the same whenever the event is handled again. */
const say = disturbed((props, _, ctx) => {
  const said = props.said + 1
  ctx.publish('talk', { name: props.name, number: said, run })
  return { ...props, said }
})

/** One message in 29 throws, one in 41 takes its time first. */
const receive = {
  news(props, { data, gap }) {
    if (!gap && isThrown(data.number)) throw new Error('by the rule')
    const next = () => ({ ...props, read: readNews(props.read, data, gap) })
    return !gap && data.number % 41 === 0 ? new Promise((resolve) => setTimeout(resolve, 1)).then(next) : next()
  },
  talk: (props, { data, gap }) => ({ ...props, read: readTalk(props.read, data, gap, run) }),
}

loom.register('counter', {
  props: { ...common, count: 0 },
  connected,
  handle: { say, add: disturbed((props, { value }) => ({ ...props, count: props.count + Number(value) })) },
  receive,
  render: ({ count, said, read }) => html`<b>${count}</b>${said}|${summary(read)}`,
})

/** A handler that changes the items only. */
const ofItems = (change) => disturbed((props, { value }) => ({ ...props, items: change(props.items, value) }))

loom.register('todo', {
  props: { ...common, items: [] },
  connected,
  handle: {
    say,
    add: ofItems((items, value) =>
      items.some(({ id }) => id === value) ? items : [...items, { id: value, done: false }],
    ),
    toggle: ofItems((items, value) => items.map((item) => (item.id === value ? { ...item, done: !item.done } : item))),
    remove: ofItems((items, value) => items.filter(({ id }) => id !== value)),
    first: ofItems((items, value) => [
      ...items.filter(({ id }) => id === value),
      ...items.filter(({ id }) => id !== value),
    ]),
  },
  receive,
  render: ({ items, said, read }) =>
    html`${each(
      items,
      ({ id }) => id,
      ({ id, done }) => html`${id}${done ? '+' : '-'};`,
    )}${said}|${summary(read)}`,
})

/** One for the pages of all processes, in which nothing is read: each page adds to it. */
loom.register('tally', {
  props: { sum: 0 },
  handle: { add: disturbed(({ sum }, { value }) => ({ sum: sum + Number(value) })) },
  render: ({ sum }) => html`${sum}|`,
})

/** `/counter?name=3` gives a page's token, `/publish?from=1&to=50` publishes news, with `&only=3` in process 3 only. */
async function answer(url) {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (pathname !== '/publish') {
    const shared = searchParams.get('shared')
    const props = shared ? {} : { name: searchParams.get('name') }
    const page = await loom.mount(pathname.slice(1), props, shared ? { shared } : {})
    return /data-l-token="([^"]+)"/.exec(page)[1]
  }
  // What is published a second time is for the process that has published it.
  if ((searchParams.get('only') ?? run) !== run) return run
  const to = Number(searchParams.get('to'))
  for (let number = Number(searchParams.get('from')); number <= to; number++)
    await loom.publish('news', { number, run }, { id: `news ${number}` })
  return run
}

const server = createServer((request, response) => {
  answer(request.url).then(
    (text) => response.end(text),
    () => response.writeHead(404).end(),
  )
})
loom.attach(server)
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
