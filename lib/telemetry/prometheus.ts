import type { Stats } from '../../index'
import type { NativeHistogram, NativeMetrics } from '../native'

/** One value of a metric. */
interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric that is a number. `names` are those of Prometheus; OpenTelemetry has its own. */
export interface Metric {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** The member of a loom that gives its numbers, for `loom-live/opentelemetry`, which is a bundle of its own. */
export const NUMBERS = Symbol.for('loom-live.numbers')

/** The numbers that an application has, without the histograms. */
export function metricsOf(stats: Stats, more: NativeMetrics): Metric[] {
  const one = (value: number): Sample[] => [{ value }]
  const failures = Object.entries(more.failures).map(([code, value]) => ({ labels: { code }, value }))
  const redis = stats.redis.map(({ usedFor, isUp }) => ({ labels: { used_for: usedFor }, value: isUp ? 1 : 0 }))
  const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
    name: `loom_live_${name}_total`,
    kind: 'counter',
    help,
    samples,
  })
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
    name: `loom_live_${name}`,
    kind: 'gauge',
    help,
    samples,
  })
  return [
    counter('joins', 'Components that pages have joined.', one(more.joins)),
    counter('events', 'Events of pages that were committed.', one(stats.events)),
    counter('messages', 'Messages from the server that were handled.', one(more.messages)),
    counter('errors', 'Joins, events and messages that failed, by code.', failures),
    counter('received_bytes', 'Bytes of messages from pages.', one(more.bytesReceived)),
    counter('sent_bytes', 'Bytes of messages to pages.', one(more.bytesSent)),
    counter(
      'redis_losses',
      'How often Redis was lost.',
      stats.redis.map(({ usedFor, losses }) => ({ labels: { used_for: usedFor }, value: losses })),
    ),
    gauge('connections', 'Open connections.', one(stats.connections)),
    gauge('components', 'Components that live.', one(stats.components)),
    gauge('parked_components', 'Components that wait for their page to come back.', one(stats.parked)),
    gauge('stored_states', 'States in the store, of all processes that share it.', one(stats.stored)),
    gauge('queued_events', 'Events that wait in mailboxes.', one(stats.queuedEvents)),
    gauge('waiting_calls', 'Calls that wait for the JavaScript thread.', one(stats.waitingCalls)),
    gauge('calls_in_flight', 'Calls that wait or run, async handlers included.', one(stats.callsInFlight)),
    gauge('tasks', 'Tasks that run.', one(stats.tasks)),
    gauge('waiting_bytes', 'Bytes that wait to be written to pages, or have come in part.', one(more.waitingBytes)),
    gauge('topics', 'Topics that this process has.', one(more.topics)),
    gauge('topic_bytes', 'Bytes of the messages that topics keep.', one(more.topicBytes)),
    gauge('subscriptions', 'Subscriptions to topics.', one(more.subscriptions)),
    gauge('workers', 'Threads that run components and connections.', one(more.workers)),
    gauge('redis_up', 'Whether there is a connection to Redis.', redis),
  ]
}

/** The help text of each histogram, by the name that Rust gives it. */
const HISTOGRAMS: Readonly<Record<string, string>> = {
  join: 'First renders: from the turn to what the page is shown.',
  event: 'Events: from the mailbox to the answer.',
  visit: 'Messages that were handled together: from the mailbox to the change.',
  call: 'Calls into JavaScript, with the wait for the thread.',
  store: 'Steps in the store, until it has their states.',
}

/** The numbers as Prometheus reads them: the text form 0.0.4. */
export function prometheusText(stats: Stats, more: NativeMetrics): string {
  const lines: string[] = []
  for (const { name, kind, help, samples } of metricsOf(stats, more)) {
    if (samples.length === 0) continue
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`)
    for (const { labels, value } of samples) lines.push(`${name}${labelsOf(labels)} ${value}`)
  }
  for (const [part, help] of Object.entries(HISTOGRAMS)) {
    const histogram = more.durations[part]
    if (histogram !== undefined)
      lines.push(...histogramLines(`loom_live_${part}_duration_seconds`, help, histogram, more))
  }
  return `${lines.join('\n')}\n`
}

function histogramLines(
  name: string,
  help: string,
  { counts, sum }: NativeHistogram,
  { buckets }: NativeMetrics,
): string[] {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  let count = 0
  for (const [index, some] of counts.entries()) {
    count += some
    lines.push(`${name}_bucket{le="${buckets[index] ?? '+Inf'}"} ${count}`)
  }
  return [...lines, `${name}_sum ${sum}`, `${name}_count ${count}`]
}

/** Values of labels are codes and uses of Redis. No character in them has to be escaped. */
function labelsOf(labels: Sample['labels'] = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
