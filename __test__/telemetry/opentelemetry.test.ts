// With the SDK of OpenTelemetry, and an exporter in memory.

import { createServer } from 'node:http'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { createLoom, html, type Loom } from 'loom-live'
import { instrument } from 'loom-live/opentelemetry'
import { atEnd } from '../support/cleanup'
import { SECRET, Site, tokenIn } from '../support/site'
import { until } from '../support/until'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

beforeAll(() => {
  provider.register()
})

beforeEach(() => {
  exporter.reset()
})

afterAll(async () => {
  await provider.shutdown()
  trace.disable()
  context.disable()
  propagation.disable()
})

const tracer = trace.getTracer('the application')

function shop(loom: Loom) {
  return loom.register('shop', {
    props: { count: 0 },
    handle: {
      buy: async ({ count }) => {
        // As the instrumentation of a database makes it.
        await tracer.startActiveSpan('INSERT orders', async (span) => {
          await new Promise((resolve) => setTimeout(resolve, 2))
          span.end()
        })
        return { count: count + 1 }
      },
      fail: () => {
        throw new TypeError('sold out')
      },
    },
    render: ({ count }) => html`<button data-l-click="buy">${count}</button>`,
  })
}

const spansOf = (trace: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === trace)
const named = (name: string): ReadableSpan | undefined => exporter.getFinishedSpans().find((span) => span.name === name)
const millis = ([seconds, nanos]: readonly [number, number]): number => seconds * 1e3 + nanos / 1e6

/** A page that is rendered in a request with a span, and its component on a connection. */
async function clicked(handler: 'buy' | 'fail') {
  const loom = createLoom({ secret: SECRET, development: false, logger: { error: () => 0, warn: () => 0 } })
  atEnd(() => loom.close({ timeout: 0 }))
  atEnd(instrument(loom))
  const module = shop(loom)
  const server = createServer()
  loom.attach(server)
  const site = await Site.of(loom, server)
  const request = tracer.startSpan('GET /shop')
  const page = await context.with(trace.setSpan(context.active(), request), () => loom.mount(module))
  request.end()
  const client = await site.connect()
  await client.joined('c0', 'shop', tokenIn(page))
  await client.event('c0', handler)
  await until('the span of the click', () => named(`shop ${handler}`) !== undefined)
  return { loom, request: request.spanContext() }
}

test('the trace of one click', async () => {
  const { request } = await clicked('buy')
  const root = named('shop buy') as ReadableSpan
  const { traceId, spanId } = root.spanContext()
  // It is the root, and linked to the request that rendered the page, which may be hours ago.
  expect(root.parentSpanContext).toBeUndefined()
  expect(traceId).not.toBe(request.traceId)
  expect(root.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId }))).toEqual([
    { traceId: request.traceId, spanId: request.spanId },
  ])
  expect(root.kind).toBe(SpanKind.SERVER)
  expect(root.attributes).toMatchObject({
    'loom_live.module': 'shop',
    'loom_live.handler': 'buy',
    'loom_live.step.kind': 'event',
    'loom_live.wait.duration': expect.any(Number) as number,
  })
  expect(root.status.code).toBe(SpanStatusCode.UNSET)
  const inside = spansOf(traceId).filter((span) => span !== root)
  expect(inside.map(({ name }) => name).sort()).toEqual(['INSERT orders', 'handle', 'patch', 'render'])
  const parent = Object.fromEntries(inside.map((span) => [span.name, span.parentSpanContext?.spanId]))
  expect(parent).toEqual({
    'handle': spanId,
    'render': spanId,
    'patch': spanId,
    // What the handler does is inside of the handler.
    'INSERT orders': inside.find(({ name }) => name === 'handle')?.spanContext().spanId,
  })
  for (const span of inside) {
    expect([span.name, millis(span.startTime) >= millis(root.startTime) - 1]).toEqual([span.name, true])
    expect([span.name, millis(span.endTime) <= millis(root.endTime) + 1]).toEqual([span.name, true])
  }
  // Neither ids nor topics.
  const keys = exporter.getFinishedSpans().flatMap(({ attributes }) => Object.keys(attributes))
  expect([...new Set(keys)].sort()).toEqual([
    'loom_live.handler',
    'loom_live.module',
    'loom_live.step.kind',
    'loom_live.wait.duration',
  ])
  const join = named('shop join')
  expect(join?.links).toHaveLength(1)
})

test('a click that fails', async () => {
  await clicked('fail')
  const root = named('shop fail') as ReadableSpan
  expect(root.status).toEqual({ code: SpanStatusCode.ERROR, message: 'LOOM_FAILED' })
  expect(root.attributes['error.type']).toBe('LOOM_FAILED')
  const handle = spansOf(root.spanContext().traceId).find(({ name }) => name === 'handle')
  expect(handle?.events[0]).toMatchObject({ name: 'exception', attributes: { 'exception.message': 'sold out' } })
})

test('metrics: durations by handler, and what the loom counts', async () => {
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 1 << 30 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  atEnd(() => meterProvider.shutdown())
  const loom = createLoom({ secret: SECRET, development: false })
  atEnd(() => loom.close({ timeout: 0 }))
  const stop = instrument(loom, { meterProvider })
  const module = shop(loom)
  const server = createServer()
  loom.attach(server)
  const site = await Site.of(loom, server)
  const client = await site.live(module)
  await client.shows('c0', 'buy')
  await until('the span of the click', () => named('shop buy') !== undefined)
  await reader.forceFlush()
  const found = metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  const points = (name: string) => found.find(({ descriptor }) => descriptor.name === name)?.dataPoints
  expect(points('loom_live.server.step.duration')?.map(({ attributes }) => attributes)).toEqual([
    { 'loom_live.module': 'shop', 'loom_live.step.kind': 'join' },
    { 'loom_live.module': 'shop', 'loom_live.step.kind': 'event', 'loom_live.handler': 'buy' },
  ])
  expect(points('loom_live.server.events')?.[0]?.value).toBe(1)
  expect(points('loom_live.server.connections')?.[0]?.value).toBe(1)
  stop()
  exporter.reset()
  await client.shows('c0', 'buy')
  expect(named('shop buy')).toBeUndefined()
})

test('what is no loom, and what is no option, is an error', () => {
  const loom = createLoom({ secret: SECRET })
  atEnd(() => loom.close({ timeout: 0 }))
  expect(() => instrument({} as Loom)).toThrow(/Expected a loom, which createLoom gives/)
  expect(() => instrument(loom, { tracerProviders: trace } as object)).toThrow(/did you mean "tracerProvider"/)
})
