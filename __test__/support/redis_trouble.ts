/** What the tests of Redis in trouble have in common: components that need it in each way, and what is said of it. */

import {
  html,
  type Loom,
  type LoomOptions,
  type Message,
  peopleAfter,
  type Person,
  type PresenceMessage,
} from 'loom-live'
import type { LivePage, Outcome } from './live_page'
import { settled } from './shared'
import type { Site } from './site'
import { until } from './until'

/** States and topics, both by this way. */
export const all = ({ url }: { url: string }, stored = true): LoomOptions => ({
  backplane: { redis: url },
  ...(stored && { store: { redis: url } }),
})

const outcomesOf = (page: LivePage): Outcome[] => {
  const outcomes: Outcome[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  return outcomes
}

/** Makes an event and gives what became of it. */
export async function make(page: LivePage, handler: string, value?: string): Promise<Outcome | undefined> {
  const outcomes = outcomesOf(page)
  page.event(handler, value)
  await settled(page)
  return outcomes.at(-1)
}

export const isBack = (site: Site): Promise<unknown> =>
  until('the log to say that it is over', () => site.log.warnings.join().includes('Redis is back'))

/** What was said to the operator of one loss: that it is lost, and that it is over. */
export async function saidOnce(site: Site): Promise<void> {
  await isBack(site)
  expect(site.log.errors.filter((line) => line.includes('until Redis is back'))).toHaveLength(1)
  expect(site.log.warnings.filter((line) => line.includes('Redis is back'))).toHaveLength(1)
}

export const reader = (loom: Loom): { name: string } =>
  loom.register('reader', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived')
    },
    handle: {},
    receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
    render: ({ got }) => html`${got.join(' ')}`,
  })

export const room = (loom: Loom): { name: string } =>
  loom.register('room', {
    props: { people: [] as readonly Person[], told: [] as string[] },
    connected(_, ctx) {
      ctx.presence('room', 'people')
    },
    handle: {
      track(props, { value = '' }, ctx) {
        ctx.track('room', null, { key: value })
        return { ...props }
      },
    },
    receive: {
      people: (props, { data }: PresenceMessage) => ({
        people: peopleAfter(props.people, data),
        told: [
          ...props.told,
          ...(data.present === undefined ? [] : ['all']),
          ...(data.joined ?? []).map(({ key }) => `+${key}`),
        ],
      }),
    },
    render: ({ people, told }) => html`${people.map(({ key }) => key).join(' ')} | ${told.join(' ')}`,
  })
