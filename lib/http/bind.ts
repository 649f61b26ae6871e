import type { LoomOptions } from '../../index'
import type { PageRequest } from '../call/context'
import { rawOf } from '../call/context'
import { invalid, isThenable } from '../check'
import { LoomError } from '../errors'

/**
 * The result of `bind`, checked. Only strings: `disconnect` compares strings, so it would never find a number, and all
 * objects would have the same text.
 */
function boundText(bound: unknown): string {
  if (bound === undefined || bound === null) return ''
  if (typeof bound !== 'string')
    throw invalid('a string, or undefined for nobody,', 'what the option bind gives', bound)
  return bound
}

/** Asks the option `bind` whom a page or a connection belongs to. */
export class Binder {
  constructor(private readonly bind: LoomOptions['bind']) {}

  /** Whether the application has the option. */
  get isAsked(): boolean {
    return this.bind !== undefined
  }

  /** @throws LoomError if the option needs a request and none was given. */
  bindOf(request: PageRequest | undefined): string | Promise<string> {
    if (this.bind === undefined) return ''
    if (request === undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The option bind reads the request: pass the request, as in loom.mount(module, props, { request })',
      )
    }
    const bound = this.bind(rawOf(request), request)
    return isThenable(bound) ? Promise.resolve(bound).then(boundText) : boundText(bound)
  }
}
