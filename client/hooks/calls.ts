/**
 * What hooks call, and its answers. A call is an event with a number, which its answer, pushed by the server with the
 * change of the same step, has as well. An event that has its answer, while the call has none, has failed, or is one of
 * those whose answer was lost with the server: then it was applied.
 */

import { components } from '../input/core'
import type { LiveEvent } from '../input/live_event'

/** As CALL in lib/call/reserved.ts. */
const TYPE = 'loom.call'

/** Why a call has no answer; `failed` if the server says something else. */
const REASONS: Record<string, string | undefined> = {
  'expired': 'the event was made too long ago',
  'full': 'too many events wait',
  'large': 'the arguments are larger than the server takes',
  'error': 'the component has failed',
  'reset': "the component's state is gone, and nobody knows whether the event was applied",
  'gone': 'the component has left the page',
  'unanswered': 'the event was applied, and its answer was lost with the server',
}

interface Call {
  resolve(value: unknown): void
  refuse(problem: string): void
}

/** How much later than its event's an answer may come. */
const LATE_MS = 5_000

let calls = 0
/** Each has its event, so what bounds those bounds these. */
const waiting = new Map<number, Call>()

/** The server's answer: the number of the call, and the value if the handler gave one. */
export function answer([number, value]: [number, unknown?]): void {
  waiting.get(number)?.resolve(value)
}

export function call(container: Element, handler: unknown, args: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // The text in parentheses is the arguments of a binding.
    if (typeof handler !== 'string' || !handler || handler.includes('('))
      throw new TypeError("Expected the name of a handler: this.call('save', { … })")
    const number = ++calls
    const v = JSON.stringify(args === undefined ? [number] : [number, args])
    const event: LiveEvent = {
      handler,
      type: TYPE,
      vars: { v },
      guess: {
        begin() {},
        end(problem) {
          if (problem) refuse(problem)
          else if (!components.has(container)) refuse('gone')
          // A failure is said in this very task. The answer comes in it, too, or with a later change if the page reads
          // slowly; after a crash it may be gone.
          else setTimeout(() => refuse('unanswered'), LATE_MS)
        },
      },
    }
    const refuse = (problem: string) => {
      if (!waiting.delete(number)) return
      const [reason, text] = REASONS[problem] ? [problem, REASONS[problem]] : ['failed', problem]
      reject(
        Object.assign(new Error(`The call of ${JSON.stringify(handler)} has failed: ${text}`), { 'reason': reason }),
      )
    }
    waiting.set(number, {
      resolve(value) {
        waiting.delete(number)
        resolve(value)
      },
      refuse,
    })
    const issue = () => {
      const component = components.get(container)
      // For its container, so that nothing at the element counts for it, as a debounce of its bindings would.
      component?.issue(event, container, undefined)
      return component
    }
    // A container that has just come is a component at the end of this task.
    if (!issue()) queueMicrotask(() => issue() ?? refuse('gone'))
  })
}
