import type { ErrorContext, LogCode, LogFields, LoomOptions } from '../../index'
import { isThenable } from '../check'
import { traceOf } from '../errors'
import { channels } from '../telemetry/channels'
import type { Log } from '../telemetry/log'
import type { Call } from './call'
import type { Isolation } from './isolation'
import type { Witness } from './witness'

/** What is said of the call in which something was thrown. */
export interface Reported extends Pick<Call, 'event' | 'step'> {
  readonly context: Pick<Call['context'], 'anyRequest' | 'connection'>
  readonly kept: { readonly component: { readonly module: { readonly name: string } } }
}

/** Tells whoever runs the application: the logger, and the option `onError`. Neither can harm a call. */
export class Operator {
  /** Set by tests of the application. */
  witness: Witness | undefined

  constructor(
    private readonly isolation: Isolation,
    private readonly log: Log,
    private readonly onError: LoomOptions['onError'],
  ) {}

  /** Writes to the log. A logger that throws is no reason to end the process. */
  tell(level: 'error' | 'warn', code: LogCode, text: string, more?: Omit<LogFields, 'code'>): void {
    try {
      this.isolation.run(this.write, this, level, code, text, more)
    } catch {
      // There is nobody else to tell.
    }
  }

  /** What should not have been thrown at all. */
  readonly failed = (error: unknown): void => {
    this.tell('error', 'LOOM_FAULT', traceOf(error))
  }

  private write(level: 'error' | 'warn', code: LogCode, text: string, more?: Omit<LogFields, 'code'>): void {
    this.log.write(level, code, text, more)
  }

  /** Hands what was thrown to the application, as it was thrown. What comes of that harms nobody. */
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
