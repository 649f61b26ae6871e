import type { Commands as PublicCommands, BoundHandler as PublicHandler } from '../../index'
import { checkString, invalid } from '../check'
import { LoomError } from '../errors'
import { AttributeText } from './attribute_text'
import { jsonOf } from './json_argument'

/** As MAX_JSON in src/protocol/client.rs: the server refuses more. */
export const MOST_ARGUMENT_BYTES = 4096

/** Commands of an optimistic binding; `commands.ts`, which knows them, sets it. */
type Guess = (handler: string, args: unknown, commands: PublicCommands) => AttributeText
let guess: Guess

export function setGuess(hook: Guess): void {
  guess = hook
}

class Handler extends AttributeText implements PublicHandler {
  constructor(
    private readonly handler: string,
    private readonly args: unknown,
    readonly text: string,
  ) {
    super()
  }

  optimistic(commands: PublicCommands): AttributeText {
    return guess(this.handler, this.args, commands)
  }
}

/**
 * src/protocol/extended/parse.rs takes this text apart again. It is a text and not an object, so that it is compared,
 * escaped and sent as other attributes are, and other template languages can write it, too.
 */
export function on(handler: string, args?: unknown): Handler {
  return new Handler(handler, args, handlerText(handler, args, 'on'))
}

/** `caller`: the function whose arguments these are, for messages. */
export function handlerText(handler: string, args: unknown, caller: string): string {
  checkString(handler, `the handler of ${caller}`)
  if (handler.includes('(')) throw invalid('a name without "("', `the handler of ${caller}`, handler)
  if (args === undefined) return handler
  // `js([…])` in an attribute is commands.
  if (handler === 'js')
    throw invalid('another name than "js" for a handler with arguments', `the handler of ${caller}`, handler)
  const json = jsonOf(`the arguments of ${caller}(${JSON.stringify(handler)})`, args)
  const bytes = Buffer.byteLength(json)
  if (bytes > MOST_ARGUMENT_BYTES) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `Expected at most ${MOST_ARGUMENT_BYTES} bytes of JSON for the arguments of ${caller}(${JSON.stringify(handler)}) but received ${bytes}; ` +
        'give an id, and keep the rest in the props',
    )
  }
  return `${handler}(${json})`
}
