import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { Loom } from './index'

export interface OpenTelemetryOptions {
  /** Where spans go. The default is the provider that is registered globally. */
  tracerProvider?: Pick<TracerProvider, 'getTracer'>
  /** Where metrics go. The default is the provider that is registered globally. */
  meterProvider?: Pick<MeterProvider, 'getMeter'>
}

/**
 * Makes spans and metrics of the loom's steps. A step is a join, an event or a message of the server; the metrics are those
 * of `loom.metrics()`, and the time of each step in seconds. Call it once for each loom, after the SDK was started.
 *
 * @returns a function that ends the spans and metrics of this loom.
 * @throws LoomError `LOOM_ARGUMENT` if `loom` is not a loom, or if an option is unknown.
 */
export function instrument(loom: Loom, options?: OpenTelemetryOptions): () => void
