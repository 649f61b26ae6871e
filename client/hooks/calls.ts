/**
 * Calls of hooks, and their answers. A call is an event with a number. The server pushes the answer, with the same
 * number, together with the change of the same step. If the event has its answer and the call has none, the event has
 * failed; or the call's answer was lost with the server: then the event was applied.
 */

import { components } from '../input/core'
import type { LiveEvent } from '../input/live_event'

/** The same as CALL in lib/call/reserved.ts. */
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

/** How much later than the answer of its event a call's answer may come. */
const LATE_MS = 5_000

let calls = 0
/** The calls without an answer. Each one has an event, so the bound of events bounds the calls. */
const waiting = new Map<number, Call>()

/** The server's answer: the number of the call, and the value if the handler gave one. */
export function answer([number, value]: [number, unknown?]): void {
  waiting.get(number)?.resolve(value)
}

export function call(container: Element, handler: unknown, args: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // In a binding, a text in parentheses would be the arguments.
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
          // A failure is said in this task. The call's answer comes in this task, too, or with a later change if the
          // page reads slowly; after a crash of the server the answer may be lost.
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
      // The event is one of the container, so that attributes of the element, as a debounce, do not count for it.
      component?.issue(event, container, undefined)
      return component
    }
    // The component of a container that has just come exists at the end of this task.
    if (!issue()) queueMicrotask(() => issue() ?? refuse('gone'))
  })
}
