// What all users share is bounded in all; and no user, or else no address, may have more than a part of it.

import { html, type LiveModule, type LoomOptions } from 'loom-live'
import { Site, tokenIn } from '../support/site'
import type { Client } from '../support/client'
import { until } from '../support/until'

type Limits = NonNullable<LoomOptions['limits']>

/** A user may have a thousand of each. */
const limits = { tasks: 5_000, topics: 5_000, presenceEntries: 5_000, presenceEntriesPerTopic: 5_000 }
const MOST = 1_000
const TASKS = Array.from({ length: 16 }, (_, index) => `task${index}`)

const many: LiveModule<{ count: number }> = {
  props: { count: 0 },
  handle: {
    run(props, _, ctx) {
      for (const task of TASKS) {
        ctx.task(task, (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)))
      }
      return { count: props.count + 1 }
    },
    end(props, _, ctx) {
      for (const task of TASKS) ctx.cancel(task)
      return { count: props.count - 1 }
    },
    async subscribe(props, { value }, ctx) {
      for (let index = 0; index < 100; index++) await ctx.subscribe(`${value}/${index}`, 'got')
      return { count: props.count + 1 }
    },
    unsubscribe(props, { value }, ctx) {
      for (let index = 0; index < 100; index++) ctx.unsubscribe(`${value}/${index}`)
      return { count: props.count - 1 }
    },
    track(props, { value }, ctx) {
      for (let index = 0; index < 16; index++) ctx.track(`${value}/${index}`)
      return { count: props.count + 1 }
    },
    untrack(props, { value }, ctx) {
      for (let index = 0; index < 16; index++) ctx.untrack(`${value}/${index}`)
      return { count: props.count - 1 }
    },
    enter(props, _, ctx) {
      ctx.track('room')
      return { count: props.count + 1 }
    },
    leave(props, _, ctx) {
      ctx.untrack('room')
      return { count: props.count - 1 }
    },
  },
  receive: { got: () => undefined, ...Object.fromEntries(TASKS.map((task) => [task, () => undefined])) },
  render: ({ count }) => html`<b>${count}</b>`,
}

async function start(more: Limits = {}) {
  const site = await Site.start({
    limits: { ...limits, ...more },
    trustProxy: true,
    bind: (request) => request.headers['x-user']?.toString(),
  })
  const module = site.loom.register('many', many)
  const from = async (address: string, count: number, user?: string): Promise<[Client, string][]> => {
    const headers = { 'x-forwarded-for': address, ...(user !== undefined && { 'x-user': user }) }
    const request = { headers, url: '/', socket: {} } as never
    const token = tokenIn(await site.loom.mount(module, {}, { request }))
    const all: [Client, string][] = []
    for (let first = 0; first < count; first += 100) {
      const client = await site.connect({ headers })
      const ids = Array.from({ length: Math.min(100, count - first) }, (_, index) => `c${index}`)
      await Promise.all(ids.map((id) => client.joined(id, 'many', token)))
      all.push(...ids.map((id): [Client, string] => [client, id]))
    }
    return all
  }
  return { site, from }
}

test.each([
  ['tasks', 'run', 'end', TASKS.length, /has 1000 tasks, and may have no more \(an eighth of limits\.tasks, or/],
  ['subscriptions', 'subscribe', 'unsubscribe', 100, /has 1000 subscriptions.*\(an eighth of limits\.topics, or/],
  ['entries in presence', 'track', 'untrack', 16, /has 1000 components that are tracked.*limits\.presenceEntries, or/],
  [
    'entries of one topic',
    'enter',
    'leave',
    1,
    /has 1000 components.*in this topic.*limits\.presenceEntriesPerTopic, or/,
  ],
])(
  '%s: a user has a part of them, others have theirs, and what is given back can be had again',
  async (...all) => {
    const [, take, giveBack, each, text] = all
    const { site, from } = await start()
    const fit = Math.floor(MOST / each)
    const components = await from('198.51.100.1', fit + 1)
    const send = ([client, id]: [Client, string], handler: string, index: number) =>
      client.event(id, handler, { value: `topic ${index}` })
    const taken = await Promise.all(components.slice(0, fit).map((one, index) => send(one, take, index)))
    expect(taken.filter(({ type }) => type === 'patch')).toHaveLength(fit)

    const last = components[fit] as [Client, string]
    expect(await send(last, take, fit)).toMatchObject({ type: 'error' })
    await until('the log', () => text.test(site.log.all))
    expect(last[0].html(last[1])).toBe('<b>0</b>')

    // Of the same address, and somebody else.
    const [known] = await from('198.51.100.1', 1, 'ann')
    const [other] = await from('198.51.100.2', 1)
    for (const one of [known, other] as [Client, string][]) {
      expect(await send(one, take, fit + 1)).toMatchObject({ type: 'patch' })
    }

    expect(await send(components[0] as [Client, string], giveBack, 0)).toMatchObject({ type: 'patch' })
    expect(await send(last, take, fit)).toMatchObject({ type: 'patch' })
    // With its connection all is given back.
    for (const client of new Set(components.map(([client]) => client))) client.socket.close()
    await until('the components to end', () => site.loom.stats().components === 2)
    const [again] = await from('198.51.100.1', 1)
    expect(await send(again as [Client, string], take, 0)).toMatchObject({ type: 'patch' })
  },
  60_000,
)
