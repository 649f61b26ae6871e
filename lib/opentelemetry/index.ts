import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type Attributes,
  context,
  isSpanContextValid,
  type Link,
  metrics,
  type ObservableResult,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api'
import type { Loom, MountMessage, PartMessage, StepEndMessage, StepMessage } from '../../index'
import type { OpenTelemetryOptions } from '../../opentelemetry'
import { checkNames, invalid, isObject } from '../check'
import { textOf } from '../errors'
import { type Metric, NUMBERS } from '../telemetry/prometheus'

const NAME = 'loom-live'

/** The spans of a step that is under way. */
interface Spans {
  readonly root: Span
  readonly handle: Span
}

/** The attributes of a span. Ids and topics are not among them, because there is no end of their values. */
function attributesOf({ kind, module, name }: StepMessage): Attributes {
  const attributes: Attributes = { 'loom_live.module': module, 'loom_live.step.kind': kind }
  if (kind === 'event') attributes['loom_live.handler'] = name
  else if (kind === 'message') attributes['loom_live.receiver'] = name
  return attributes
}

/**
 * A link to the request that rendered the page. The page may live for hours after this request, so the request is not
 * the parent.
 */
function linksOf({ traceparent }: StepMessage): Link[] {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  const linked = { traceId, spanId, traceFlags: parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
  return isSpanContextValid(linked) ? [{ context: linked }] : []
}

function traceparentOf(span: Span | undefined): string {
  const given = span?.spanContext()
  if (given === undefined || !isSpanContextValid(given)) return ''
  return `00-${given.traceId}-${given.spanId}-${given.traceFlags.toString(16).padStart(2, '0')}`
}

/** Listens to this loom's messages of a channel. Returns a function that ends this. */
function listen(loom: Loom, channel: string, on: (message: never) => void): () => void {
  const listener = (given: unknown): void => {
    const { loom: own, step } = given as { loom?: Loom; step?: StepMessage }
    if ((own ?? step?.loom) === loom) on(given as never)
  }
  subscribe(channel, listener)
  return () => unsubscribe(channel, listener)
}

/** Makes spans and metrics from the messages on a loom's channels. Returns a function that ends this. */
export function instrument(loom: Loom, options: OpenTelemetryOptions = {}): () => void {
  const numbers = isObject(loom) ? (loom as { [NUMBERS]?: () => Metric[] })[NUMBERS] : undefined
  if (numbers === undefined) throw invalid('a loom, which createLoom gives', 'the loom of instrument', loom)
  checkNames(
    options,
    { tracerProvider: true, meterProvider: true },
    'the options of instrument',
    'an option of instrument',
  )
  const { tracerProvider = trace, meterProvider = metrics } = options
  const tracer = tracerProvider.getTracer(NAME)
  const spans = new WeakMap<StepMessage, Spans>()

  const begin = (step: StepMessage): void => {
    const { startTime } = step
    const attributes = attributesOf(step)
    const name = step.kind === 'join' ? `${step.module} join` : `${step.module} ${step.name}`
    const kind = step.kind === 'message' ? SpanKind.CONSUMER : SpanKind.SERVER
    const root = tracer.startSpan(name, { root: true, kind, startTime, attributes, links: linksOf(step) })
    const around = trace.setSpan(context.active(), root)
    const handle = tracer.startSpan('handle', { startTime, attributes }, around)
    spans.set(step, { root, handle })
    const inside = trace.setSpan(around, handle)
    step.within((callback) => context.with(inside, callback))
  }

  const part =
    (name: string) =>
    ({ step, startTime, duration }: PartMessage): void => {
      const known = spans.get(step)
      if (known === undefined) return
      const around = trace.setSpan(context.active(), known.root)
      tracer.startSpan(name, { startTime, attributes: attributesOf(step) }, around).end(startTime + duration)
    }

  const handled = ({ step, startTime, duration, error }: PartMessage): void => {
    const handle = spans.get(step)?.handle
    if (error !== undefined) handle?.recordException(error instanceof Error ? error : textOf(error))
    handle?.end(startTime + duration)
  }

  const meter = meterProvider.getMeter(NAME)
  const durations = meter.createHistogram('loom_live.server.step.duration', {
    unit: 's',
    description: 'How long events, messages and joins took, from the mailbox to the answer.',
    advice: {
      explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    },
  })

  const end = ({ step, duration, endTime, waited, code }: StepEndMessage): void => {
    const attributes = { ...attributesOf(step), ...(code !== undefined && { 'error.type': code }) }
    durations.record(duration / 1_000, attributes)
    const known = spans.get(step)
    if (known === undefined) return
    spans.delete(step)
    known.root.setAttribute('loom_live.wait.duration', waited / 1_000)
    if (code !== undefined) {
      known.root.setAttribute('error.type', code)
      // A refusal of `authorize` or of a handler is an answer.
      if (code !== 'LOOM_REFUSED') known.root.setStatus({ code: SpanStatusCode.ERROR, message: code })
    }
    known.root.end(endTime)
  }

  const observing = observe(meter, numbers.bind(loom))
  const listening = [
    listen(loom, 'loom-live:mount', (message: MountMessage) => {
      message.traceparent ||= traceparentOf(trace.getActiveSpan())
    }),
    listen(loom, 'loom-live:step:start', begin),
    listen(loom, 'loom-live:handle', handled),
    listen(loom, 'loom-live:render', part('render')),
    listen(loom, 'loom-live:store', part('store')),
    listen(loom, 'loom-live:patch', part('patch')),
    listen(loom, 'loom-live:step:end', end),
  ]
  return () => {
    for (const stop of listening) stop()
    observing()
  }
}

/** The numbers of the loom, read whenever a reader of metrics asks. Returns a function that ends this. */
function observe(meter: ReturnType<typeof metrics.getMeter>, numbers: () => Metric[]): () => void {
  const observed = numbers().map(({ name, kind, help }) => {
    const own = `loom_live.server.${name.replace(/^loom_live_/, '').replace(/_total$/, '')}`
    const options = { description: help, unit: name.includes('bytes') ? 'By' : '1' }
    const instrument =
      kind === 'counter'
        ? meter.createObservableCounter(own, options)
        : meter.createObservableUpDownCounter(own, options)
    const callback = (result: ObservableResult): void => {
      for (const { labels, value } of numbers().find((one) => one.name === name)?.samples ?? [])
        result.observe(value, attributesFrom(labels))
    }
    instrument.addCallback(callback)
    return () => {
      instrument.removeCallback(callback)
    }
  })
  return () => {
    for (const stop of observed) stop()
  }
}

/** OpenTelemetry's name for a code is the type of an error. */
function attributesFrom(labels: Readonly<Record<string, string>> = {}): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name === 'code' ? 'error.type' : `loom_live.${name}`, value]),
  )
}
