import { Console } from 'node:console'
import type { LogCode, LogFields, Logger, Loom } from '../../index'
import { channels } from './channels'

/** A logger that takes the fields first. */
type FieldsFirst = Record<'error' | 'warn', (fields: LogFields, text: string) => void>

/** How a logger wants a line. */
type Way = 'console' | 'fields first' | 'text first'

/** pino's loggers and bunyan's take the fields first. Both have `child`; pino alone has `bindings`, bunyan `fields`. */
function wayOf(logger: Logger): Way {
  if (logger === console || logger instanceof Console) return 'console'
  const members = logger as Partial<Record<'child' | 'bindings' | 'fields', unknown>>
  const hasFieldsFirst =
    typeof members.child === 'function' &&
    (typeof members.bindings === 'function' || typeof members.fields === 'object')
  return hasFieldsFirst ? 'fields first' : 'text first'
}

/** The log of the application: lines with a level, a code and fields. */
export class Log {
  private readonly way: Way

  constructor(
    private readonly logger: Logger,
    /** The loom that writes the lines, for subscribers of the channel. */
    readonly loom: Loom,
  ) {
    this.way = wayOf(logger)
  }

  /** Writes one line. If the logger throws, this throws. */
  write(level: 'error' | 'warn', code: LogCode, text: string, more?: Omit<LogFields, 'code'>): void {
    const { logger } = this
    const fields: LogFields = { code, ...more }
    if (channels.log.hasSubscribers) channels.log.publish({ loom: this.loom, level, text, fields })
    if (this.way === 'console') {
      // A console shows no fields, so the code stands in the text.
      ;(logger as Pick<Console, 'error' | 'warn'>)[level](`loom-live ${code}: ${text}`)
    } else if (this.way === 'fields first') {
      ;(logger as unknown as FieldsFirst)[level](fields, `loom-live: ${text}`)
    } else logger[level](`loom-live: ${text}`, fields)
  }
}
