// loom.metrics(), read by a parser that is not ours.

import { html } from 'loom-live'
import parse from 'parse-prometheus-text-format'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

interface Family {
  name: string
  help: string
  type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM'
  metrics: {
    value?: string
    labels?: Record<string, string>
    buckets?: Record<string, string>
    count?: string
    sum?: string
  }[]
}

function read(text: string): Map<string, Family> {
  expect(text.endsWith('\n')).toBe(true)
  const families = parse(text) as Family[]
  return new Map(families.map((family) => [family.name, family]))
}

const endOf = (text: string): number => (text === '+Inf' ? Infinity : Number(text))

const valueOf = (families: Map<string, Family>, name: string, labels?: Record<string, string>): number => {
  const found = families
    .get(name)
    ?.metrics.find((metric) => labels === undefined || JSON.stringify(metric.labels) === JSON.stringify(labels))
  return Number(found?.value)
}

test('counts what the application has done, and measures from the first call on', async () => {
  const site = await Site.start({ development: false })
  const { loom } = site
  const before = read(loom.metrics())
  expect(valueOf(before, 'loom_live_events_total')).toBe(0)
  expect(before.has('loom_live_errors_total')).toBe(false)
  const room = loom.register('room', {
    props: { heard: 0 },
    handle: {},
    connected: (_, ctx) => void ctx.subscribe('news', 'heard'),
    receive: { heard: ({ heard }) => ({ heard: heard + 1 }) },
    render: ({ heard }) => html`${heard}`,
  })
  const client = await site.live(counter(loom))
  await client.joined('c1', 'room', await site.token(room))
  await client.shows('c0', 'increment')
  await client.shows('c0', 'increment')
  await client.fails('c0', 'boom')
  await loom.publish('news', 1)
  await until('the news to be heard', () => valueOf(read(loom.metrics()), 'loom_live_messages_total') === 1)
  const after = read(loom.metrics())
  const numbers = {
    loom_live_joins_total: 2,
    loom_live_events_total: 2,
    loom_live_connections: 1,
    loom_live_components: 2,
    loom_live_queued_events: 0,
    loom_live_topics: 1,
    loom_live_subscriptions: 1,
  }
  for (const [name, value] of Object.entries(numbers)) expect([name, valueOf(after, name)]).toEqual([name, value])
  expect(valueOf(after, 'loom_live_errors_total', { code: 'LOOM_FAILED' })).toBe(1)
  expect(valueOf(after, 'loom_live_workers')).toBeGreaterThan(0)
  expect(valueOf(after, 'loom_live_sent_bytes_total')).toBeGreaterThan(100)
  expect(valueOf(after, 'loom_live_received_bytes_total')).toBeGreaterThan(100)
  const [event] = after.get('loom_live_event_duration_seconds')?.metrics ?? []
  expect(event?.count).toBe('3')
  expect(Number(event?.sum)).toBeGreaterThan(0)
  expect(event?.buckets?.['+Inf']).toBe('3')
  const ends = Object.entries(event?.buckets ?? {}).sort(([a], [b]) => endOf(a) - endOf(b))
  const counts = ends.map(([, count]) => Number(count))
  expect(counts).toHaveLength(15)
  expect(counts.every((count, index) => index === 0 || count >= (counts[index - 1] ?? 0))).toBe(true)
  expect(after.get('loom_live_join_duration_seconds')?.metrics[0]?.count).toBe('2')
  expect(after.get('loom_live_visit_duration_seconds')?.metrics[0]?.count).toBe('1')
  expect(after.get('loom_live_event_duration_seconds')?.type).toBe('HISTOGRAM')
  for (const { name, help, type } of after.values()) {
    expect([name, help]).toEqual([name, expect.stringMatching(/\w+\.$/)])
    expect([name, type === 'COUNTER']).toEqual([name, name.endsWith('_total')])
  }
})

test('a loom that is closed still says what it has counted', async () => {
  const site = await Site.start()
  const client = await site.live(counter(site.loom))
  await client.shows('c0', 'increment')
  await site.loom.close({ timeout: 0 })
  const families = read(site.loom.metrics())
  expect(valueOf(families, 'loom_live_events_total')).toBe(1)
  expect(valueOf(families, 'loom_live_connections')).toBe(0)
})
