import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { Loom } from './index'

export interface OpenTelemetryOptions {
  /** The one that is registered globally, by default. */
  tracerProvider?: Pick<TracerProvider, 'getTracer'>
  /** The one that is registered globally, by default. */
  meterProvider?: Pick<MeterProvider, 'getMeter'>
}

/**
 * Makes spans and metrics of what the loom does. Call it once for each loom, after the SDK was started.
 *
 * @returns a function that ends it.
 * @throws LoomError `LOOM_ARGUMENT` for what is no loom, and for an unknown option.
 */
export function instrument(loom: Loom, options?: OpenTelemetryOptions): () => void
