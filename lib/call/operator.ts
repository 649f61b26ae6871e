import type { ErrorContext, LogCode, LogFields, LoomOptions } from '../../index'
import { isThenable } from '../check'
import { traceOf } from '../errors'
import { channels } from '../telemetry/channels'
import type { Log } from '../telemetry/log'
import type { Call } from './call'
import type { Isolation } from './isolation'
import type { Witness } from './witness'

/** The parts of a call that a report of its error needs. */
export interface Reported extends Pick<Call, 'event' | 'step'> {
  readonly context: Pick<Call['context'], 'anyRequest' | 'connection'>
  readonly kept: { readonly component: { readonly module: { readonly name: string } } }
}

/**
 * Tells the people who run the application: by the logger and the option `onError`. If one of these throws, no call
 * fails.
 */
export class Operator {
  /** Set by tests of the application. */
  witness: Witness | undefined

  constructor(
    private readonly isolation: Isolation,
    private readonly log: Log,
    private readonly onError: LoomOptions['onError'],
  ) {}

  /** Writes to the log. If the logger throws, the process goes on. */
  tell(level: 'error' | 'warn', code: LogCode, text: string, more?: Omit<LogFields, 'code'>): void {
    try {
      this.isolation.run(this.write, this, level, code, text, more)
    } catch {
      // There is nobody else to tell.
    }
  }

  /** Reports an error that nothing should have thrown. */
  readonly failed = (error: unknown): void => {
    this.tell('error', 'LOOM_FAULT', traceOf(error))
  }

  private write(level: 'error' | 'warn', code: LogCode, text: string, more?: Omit<LogFields, 'code'>): void {
    this.log.write(level, code, text, more)
  }

  /** Hands the thrown value to `onError`, unchanged. If `onError` throws, nothing else fails. */
  report({ kept, event, context, step }: Reported, callback: string, error: unknown): void {
    const { onError, witness } = this
    witness?.failed(error, context.connection)
    if (channels.error.hasSubscribers) {
      const { name: module } = kept.component.module
      channels.error.publish({
        loom: this.log.loom,
        code: 'LOOM_FAILED',
        module,
        callback,
        handler: event?.handler,
        error,
        step,
      })
    }
    if (step !== undefined) step.hasThrown = true
    if (onError === undefined) return
    const failed = (problem: unknown): void => {
      this.tell('error', 'LOOM_CALLBACK', `the option onError failed: ${traceOf(problem)}`)
    }
    try {
      const { anyRequest: request } = context
      const about = { module: kept.component.module.name, callback, handler: event?.handler, event, request }
      const returned: unknown = onError(error, about as ErrorContext)
      if (isThenable(returned)) Promise.resolve(returned).catch(failed)
    } catch (problem) {
      failed(problem)
    }
  }
}
