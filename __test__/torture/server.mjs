// The server of the torture run: a counter and a to-do list whose handlers fail by a rule that depends on
// nothing but the event's id, so that an event which is repeated fails again.

import { createServer } from 'node:http'
import { createLoom, each, html } from 'loom-live'

const [port, secret] = process.argv.slice(2)

const loom = createLoom({
  secret,
  development: false,
  logger: { error: () => undefined, warn: () => undefined },
  limits: {
    eventRate: 1_000_000,
    eventBurst: 1_000_000,
    eventRatePerAddress: 1_000_000,
    eventBurstPerAddress: 1_000_000,
    joinRatePerAddress: 1_000_000,
    eventAge: 3_600_000,
    queuedEvents: 1000,
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
  return (props, event) => {
    const wait = disturb(event)
    return wait === undefined ? handler(props, event) : wait.then(() => handler(props, event))
  }
}

loom.register('counter', {
  props: { count: 0 },
  handle: { add: disturbed(({ count }, { value }) => ({ count: count + Number(value) })) },
  render: ({ count }) => html`<b>${count}</b>`,
})

loom.register('todo', {
  props: { items: [] },
  handle: {
    add: disturbed(({ items }, { value }) => ({
      items: items.some(({ id }) => id === value) ? items : [...items, { id: value, done: false }],
    })),
    toggle: disturbed(({ items }, { value }) => ({
      items: items.map((item) => (item.id === value ? { ...item, done: !item.done } : item)),
    })),
    remove: disturbed(({ items }, { value }) => ({ items: items.filter(({ id }) => id !== value) })),
    first: disturbed(({ items }, { value }) => ({
      items: [...items.filter(({ id }) => id === value), ...items.filter(({ id }) => id !== value)],
    })),
  },
  render: ({ items }) =>
    html`${each(
      items,
      ({ id }) => id,
      ({ id, done }) => html`${id}${done ? '+' : '-'};`,
    )}`,
})

const server = createServer((request, response) => {
  const module = request.url.slice(1)
  loom.mount(module).then(
    (page) => response.end(/data-l-token="([^"]+)"/.exec(page)[1]),
    () => response.writeHead(404).end(),
  )
})
loom.attach(server)
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
