import { checkString, invalid } from '../check'
import { LoomError, textOf } from '../errors'

/** As MAX_JSON in src/protocol/client.rs: the server refuses more. */
const MOST_BYTES = 4096

/**
 * The text that src/protocol/extended/parse.rs takes apart again. A text and no object, so that it is compared, escaped
 * and sent as other attributes are, and other template languages can write it, too.
 */
export function on(handler: string, args?: unknown): string {
  checkString(handler, 'the handler of on')
  if (handler.includes('(')) throw invalid('a name without "("', 'the handler of on', handler)
  if (args === undefined) return handler
  const json = jsonOf(handler, args)
  const bytes = Buffer.byteLength(json)
  if (bytes > MOST_BYTES) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `Expected at most ${MOST_BYTES} bytes of JSON for the arguments of on(${JSON.stringify(handler)}) but received ${bytes}; ` +
        'give an id, and keep the rest in the props',
    )
  }
  return `${handler}(${json})`
}

function jsonOf(handler: string, args: unknown): string {
  const what = `the arguments of on(${JSON.stringify(handler)})`
  let json: string | undefined
  try {
    json = JSON.stringify(args)
  } catch (cause) {
    throw new LoomError('LOOM_ARGUMENT', `Expected JSON for ${what}: ${textOf(cause)}`, { cause })
  }
  if (json === undefined) throw invalid('JSON', what, args)
  return json
}
