import type { LiveEvent } from '../../index'
import { CALL } from './reserved'

/** A hook's call: the event as the application sees it, and the number of the call, which the answer has, too. */
export interface HookCall {
  readonly event: LiveEvent
  readonly number: number
}

/** The type that the application sees. */
const TYPE = 'call'

/** A client sent an event of this type whose value is not a call. Only the page itself is told. */
export class UnreadableCall extends Error {
  constructor() {
    super(
      `Expected the JSON of [a whole number] or [a whole number, arguments] as the value of an event of the type ${CALL}`,
    )
  }
}

/**
 * Reads the call of a hook, `this.call(handler, args)`; of other events nothing. Its value is JSON, `[number, args]`, as
 * client/hooks/calls.ts writes it: the arguments of a binding have a bound of their own, which the text of an editor
 * would exceed.
 *
 * @throws UnreadableCall
 */
export function hookCallOf(event: LiveEvent, isRaw: boolean): HookCall | undefined {
  if (event.type !== CALL) return undefined
  const { value, ...rest } = event
  const [number, args] = read(value)
  const seen: LiveEvent = { ...rest, type: TYPE, ...(args !== undefined && { args }) }
  // A raw module knows texts only.
  return { number, event: isRaw && args !== undefined ? { ...seen, value: JSON.stringify(args) } : seen }
}

function read(value: string | undefined): readonly [number: number, args?: unknown] {
  let given: unknown
  try {
    given = JSON.parse(value ?? '')
  } catch {
    throw new UnreadableCall()
  }
  if (!Array.isArray(given) || given.length > 2 || !Number.isSafeInteger(given[0]) || given[0] < 0)
    throw new UnreadableCall()
  return given as [number, unknown?]
}
