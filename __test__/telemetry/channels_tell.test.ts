// What the channels of node:diagnostics_channel tell, in which order.

import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  html,
  type ErrorMessage,
  type PartMessage,
  Refusal,
  type StepEndMessage,
  type StepMessage,
  type TopicMessage,
} from 'loom-live'
import { atEnd } from '../support/cleanup'
import { counter, Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

const NAMES = [
  'step:start',
  'handle',
  'render',
  'store',
  'patch',
  'commit',
  'topic',
  'error',
  'join',
  'step:end',
] as const
type Name = (typeof NAMES)[number]
type Told = [name: Name, message: unknown]

function listen(names: readonly Name[] = NAMES): Told[] {
  const told: Told[] = []
  for (const name of names) {
    const listener = (message: unknown): void => void told.push([name, message])
    subscribe(`loom-live:${name}`, listener)
    atEnd(() => unsubscribe(`loom-live:${name}`, listener))
  }
  return told
}

const stepOf = (message: unknown): StepMessage | undefined => (message as { step?: StepMessage }).step
const names = (told: Told[], about: (step: StepMessage) => boolean): Name[] =>
  told
    .filter(([name, message]) => {
      const step = name === 'step:start' ? (message as StepMessage) : stepOf(message)
      return step !== undefined && about(step)
    })
    .map(([name]) => name)
const ended = (told: Told[], about: (step: StepMessage) => boolean): Promise<unknown> =>
  until('the step to be over', () => names(told, about).includes('step:end'))
const isEvent = (handler: string) => (step: StepMessage) => step.kind === 'event' && step.name === handler

async function started(options: SiteOptions = {}) {
  const site = await Site.start({ development: false, ...options })
  return { site, module: counter(site.loom) }
}

test('an event, part by part', async () => {
  const told = listen()
  const { site, module } = await started()
  const client = await site.live(module, {}, { headers: { 'x-user': 'ada' } })
  await client.shows('c0', 'increment')
  await ended(told, isEvent('increment'))
  expect(names(told, isEvent('increment'))).toEqual(['step:start', 'handle', 'render', 'patch', 'commit', 'step:end'])
  const start = told.find(
    ([name, message]) => name === 'step:start' && isEvent('increment')(message as StepMessage),
  )?.[1] as StepMessage
  expect(start).toMatchObject({
    module: 'counter',
    kind: 'event',
    name: 'increment',
    event: { handler: 'increment', type: 'click' },
  })
  expect(start.loom).toBe(site.loom)
  const of = (wanted: Name): unknown =>
    told.find(([name, message]) => name === wanted && stepOf(message) === start)?.[1]
  const end = of('step:end') as StepEndMessage
  expect(end.code).toBeUndefined()
  // All of it, on one clock of Rust's; the parts are parts of it.
  const parts = (['handle', 'render', 'patch'] as const).map((name) => of(name) as PartMessage)
  expect(parts.every(({ duration }) => duration >= 0)).toBe(true)
  expect(end.duration).toBeGreaterThan(0)
  expect(end.endTime).toBeGreaterThanOrEqual(start.startTime)
})

test('a join, and the request of its page', async () => {
  const requests: unknown[] = []
  const listener = (step: unknown): void => void requests.push((step as StepMessage).request.headers['x-user'])
  subscribe('loom-live:step:start', listener)
  atEnd(() => unsubscribe('loom-live:step:start', listener))
  const told = listen()
  const { site, module } = await started()
  await site.live(module, {}, { headers: { 'x-user': 'ada' } })
  const isJoin = (step: StepMessage): boolean => step.kind === 'join'
  await ended(told, isJoin)
  expect(names(told, isJoin)).toEqual(['step:start', 'handle', 'render', 'patch', 'commit', 'join', 'step:end'])
  expect(requests).toEqual(['ada'])
})

test('a store takes its part', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-live-channels-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const told = listen()
  const { site, module } = await started({ store: { sqlite: join(folder, 'states.sqlite') } })
  const client = await site.live(module)
  await client.shows('c0', 'increment')
  await ended(told, isEvent('increment'))
  expect(names(told, isEvent('increment'))).toEqual([
    'step:start',
    'handle',
    'render',
    'store',
    'patch',
    'commit',
    'step:end',
  ])
})

test('what is thrown is told as it was thrown, once, and nothing is committed', async () => {
  const told = listen()
  const { site, module } = await started()
  const client = await site.live(module)
  await client.fails('c0', 'boom')
  await ended(told, isEvent('boom'))
  expect(names(told, isEvent('boom'))).toEqual(['step:start', 'handle', 'error', 'step:end'])
  const error = told.find(([name]) => name === 'error')?.[1] as ErrorMessage
  expect(error).toMatchObject({
    code: 'LOOM_FAILED',
    module: 'counter',
    callback: 'handle',
    handler: 'boom',
    error: new Error('boom'),
  })
  expect((told.at(-1)?.[1] as StepEndMessage).code).toBe('LOOM_FAILED')
})

test('a handler that takes too long is an error without anything thrown; a refusal is none', async () => {
  const told = listen()
  const site = await Site.start({ development: false, limits: { handlerTime: 500 } })
  const module = site.loom.register('slow', {
    props: {},
    handle: {
      wait: () => new Promise<void>(() => undefined),
      refuse: () => {
        throw new Refusal('no')
      },
    },
    render: () => html`x`,
  })
  const client = await site.live(module)
  await client.fails('c0', 'wait')
  await client.fails('c0', 'refuse')
  await ended(told, isEvent('refuse'))
  expect(names(told, isEvent('wait'))).toEqual(['step:start', 'handle', 'error', 'step:end'])
  expect(names(told, isEvent('refuse'))).toEqual(['step:start', 'handle', 'step:end'])
  const codes = told.flatMap(([name, message]) => (name === 'step:end' ? [(message as StepEndMessage).code] : []))
  expect(codes).toEqual([undefined, 'LOOM_DEADLINE', 'LOOM_REFUSED'])
})

test('topics: what a step does to them, and what the application publishes', async () => {
  const told = listen()
  const site = await Site.start({ development: false })
  const room = site.loom.register('room', {
    props: { heard: 0 },
    handle: {},
    connected: (_, ctx) => void ctx.subscribe('news', 'heard'),
    receive: { heard: ({ heard }) => ({ heard: heard + 1 }) },
    render: ({ heard }) => html`${heard}`,
  })
  await site.live(room)
  await site.loom.publish('news', 1)
  const isMessage = (step: StepMessage): boolean => step.kind === 'message'
  await ended(told, isMessage)
  expect(names(told, isMessage)).toEqual(['step:start', 'handle', 'render', 'patch', 'commit', 'step:end'])
  const topics = told.flatMap(([name, message]) => (name === 'topic' ? [message as TopicMessage] : []))
  expect(topics.map(({ action, topic }) => [action, topic]).sort()).toEqual([
    ['publish', 'news'],
    ['subscribe', 'news'],
  ])
  const publish = topics.find(({ action }) => action === 'publish')
  expect(publish?.duration).toBeGreaterThanOrEqual(0)
})

test('a subscriber can have the callbacks called within a store of its own, async ones, too', async () => {
  const store = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const listener = (step: unknown): void => {
    const { name, within } = step as StepMessage
    within.call(step as StepMessage, (callback) => store.run(`in ${name}`, callback))
  }
  subscribe('loom-live:step:start', listener)
  atEnd(() => unsubscribe('loom-live:step:start', listener))
  const site = await Site.start({ development: false })
  const module = site.loom.register('seeing', {
    props: {},
    handle: {
      now: () => void seen.push(store.getStore()),
      later: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        seen.push(store.getStore())
      },
    },
    render: () => html`x`,
  })
  const client = await site.live(module)
  await client.shows('c0', 'now')
  await client.shows('c0', 'later')
  expect(seen).toEqual(['in now', 'in later'])
})

test('who stops listening is told nothing more, and steps under way are forgotten', async () => {
  const { site, module } = await started()
  const client = await site.live(module)
  const told: unknown[] = []
  const listener = (message: unknown): void => void told.push(message)
  subscribe('loom-live:commit', listener)
  await client.shows('c0', 'increment')
  await client.shows('c0', 'increment')
  await until('a commit', () => told.length > 0)
  unsubscribe('loom-live:commit', listener)
  await client.shows('c0', 'increment')
  const { length } = told
  await client.shows('c0', 'increment')
  expect(told).toHaveLength(length)
})

test('a name that a page has made up is none of the names that are told', async () => {
  const told = listen(['step:start'])
  const site = await Site.start({ development: true })
  const client = await site.live(counter(site.loom))
  await client.fails('c0', 'x'.repeat(20))
  expect(told.map(([, message]) => (message as StepMessage).name)).toEqual(['', '_OTHER'])
})
