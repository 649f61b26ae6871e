import type { Development } from './development'
import { LoomError } from '../errors'
import { atPlace } from '../places'

/**
 * Makes the promise of `mount` throw an error if it is joined as text, which would show `[object Promise]`. Returns the
 * same promise.
 */
export function explainPromise(
  page: Promise<string>,
  module: string,
  place: string | undefined,
  development: Development,
): Promise<string> {
  const explain = (): never => {
    const text =
      `loom.mount(${JSON.stringify(module)})${atPlace(place)} gave a promise, and the promise was joined as text, which would show ` +
      '[object Promise]. Wait for its HTML: await loom.mount(…), in an async function'
    development.warn(text)
    throw new LoomError('LOOM_ARGUMENT', text)
  }
  return Object.defineProperties(page, {
    [Symbol.toPrimitive]: { value: explain },
    toString: { value: explain },
    toJSON: { value: explain },
  })
}
