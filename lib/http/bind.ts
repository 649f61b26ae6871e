import type { LoomOptions } from '../../index'
import type { PageRequest, Requests } from '../call/context'
import { rawOf } from '../call/context'
import { invalid, isThenable } from '../check'
import { LoomError } from '../errors'

/**
 * What `bind` gave, checked. Only strings: `disconnect` compares strings, so it would never find a number, and all
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
  constructor(
    private readonly bind: LoomOptions['bind'],
    private readonly requests: Requests,
  ) {}

  /** Whether the application has the option. */
  get isAsked(): boolean {
    return this.bind !== undefined
  }

  /** @throws LoomError if the option needs a request and there is none. */
  bindOf(request: PageRequest | undefined): string | Promise<string> {
    if (this.bind === undefined) return ''
    if (request === undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'The option bind reads the request: pass it as loom.mount(module, props, { request })',
      )
    }
    // `ctx.request` is a copy of the request of a connection or a page, which `bind` was asked about before.
    const origin = this.requests.originOf(request)
    if (origin !== undefined && 'bind' in origin) return origin.bind
    const page = origin?.page ?? request
    const bound = this.bind(rawOf(page), page)
    return isThenable(bound) ? Promise.resolve(bound).then(boundText) : boundText(bound)
  }
}
