// Compiled, never run. Each `@ts-expect-error` is a mistake that the compiler has to find.

import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { createLoom, type LogCode, type StepEndMessage, type StepMessage } from 'loom-live'
import { instrument } from 'loom-live/opentelemetry'
import pino from 'pino'
import winston from 'winston'

export const looms = [
  createLoom({ logger: console }),
  createLoom({ logger: pino() }),
  createLoom({ logger: winston.createLogger() }),
  createLoom({ logger: { error: (text) => void text.length, warn: (text, { code }) => void [text, code] } }),
  // @ts-expect-error: warnings have nowhere to go
  createLoom({ logger: { error: () => undefined } }),
]

const loom = createLoom()
export const text: string = loom.metrics()
export const stop: () => void = instrument(loom, {
  tracerProvider: new NodeTracerProvider(),
  meterProvider: new MeterProvider(),
})
// @ts-expect-error: the name is misspelt
instrument(loom, { tracer: new NodeTracerProvider() })

export function told({ step, code }: StepEndMessage): LogCode | undefined {
  step.within((callback) => callback())
  // @ts-expect-error: what comes of the callback is lost
  step.within(() => undefined)
  return code
}

export function kindOf(step: StepMessage): 'event' | 'message' | 'join' {
  return step.kind
}
