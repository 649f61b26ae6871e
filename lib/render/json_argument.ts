import { invalid } from '../check'
import { LoomError, textOf } from '../errors'

/** `value` as JSON. `what`: whose it is, for a message. */
export function jsonOf(what: string, value: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (cause) {
    throw new LoomError('LOOM_ARGUMENT', `Expected JSON for ${what}: ${textOf(cause)}`, { cause })
  }
  if (json === undefined) throw invalid('JSON', what, value)
  return json
}
