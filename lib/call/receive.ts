import { isThenable, typeOf } from '../check'
import { AGAIN } from '../codec'
import { GivenUp, LoomError, stackOf, textOf } from '../errors'
import { suggestion } from '../nearest'
import type { Call } from './call'
import type { Asked } from './context'
import type { Development } from './development'
import type { Arrived } from './messages'
import { type LiveEntry, receiverOf } from './modules'

type Props = Record<string, unknown>

/** The parts of a visit beside its call and its messages. */
export interface Visit {
  readonly entry: LiveEntry
  readonly development: Development | undefined
  /** Whether somebody still waits for the visit. */
  isWanted(): boolean
}

/**
 * Handles the messages of a visit, one after the other; gives the props after the last one. A message that throws ends
 * the visit: the changes of the messages before it stay, and the call says at which message the visit ended. If nobody
 * waits for the visit any more, no further message is begun: its messages are then handled again.
 */
export function receive(call: Call, visit: Visit, props: Props, messages: readonly Arrived[], at = 0): unknown {
  const { module } = visit.entry
  let next = props
  for (let index = at; index < messages.length; index++) {
    const { receiver: name, message, position } = messages[index] as Arrived
    if (name === AGAIN) {
      call.receiver = AGAIN
      next = again(message.data, next)
      continue
    }
    call.receiver = name
    if (visit.development !== undefined && message.from === 'timer') (call.rung ??= []).push(name)
    const asked = call.context.asked()
    try {
      if (!visit.isWanted()) throw new GivenUp()
      const receiver = receiverOf(module, name) ?? (message.from === 'parent' ? merged : undefined)
      if (receiver === undefined) throw unknownReceiver(visit, name)
      // The ids of the receiver's own messages begin with this text.
      call.context.begins(position === undefined ? message.id : `${call.kept.component.instance}-${position}`)
      const given = receiver.call(module.receive, next, message, call.context)
      if (isThenable(given)) {
        return Promise.resolve(given).then(
          (later) => {
            let props: Props
            try {
              props = propsOf(visit, later, next, name)
            } catch (error) {
              return ended(call, visit, next, index, asked, error)
            }
            return receive(call, visit, props, messages, index + 1)
          },
          (error: unknown) => ended(call, visit, next, index, asked, error),
        )
      }
      next = propsOf(visit, given, next, name)
    } catch (error) {
      return ended(call, visit, next, index, asked, error)
    }
  }
  return next
}

/** Props that a parent gives replace props of the same names, unless the module has a receiver for them. */
export function merged(props: Props, { data }: Arrived['message']): Props {
  // A copy: modules without receivers may change their props in place.
  return { ...props, ...(JSON.parse(JSON.stringify(data)) as Props) }
}

/**
 * Development has the component render again: with its own props, or with the earlier props that it is to go back to.
 */
function again(given: unknown, props: Props): Props {
  return given === undefined ? props : (given as Props)
}

function unknownReceiver({ entry: { module } }: Visit, name: string): LoomError {
  const known = suggestion(name, Object.keys(module.receive ?? {}), 'receivers')
  return new LoomError('LOOM_ARGUMENT', `the module has no receiver ${JSON.stringify(name)}${known}`)
}

/** The props that a receiver gave, checked. */
export function propsOf(
  { entry, development }: Pick<Visit, 'entry' | 'development'>,
  given: unknown,
  before: Props,
  receiver: string,
): Props {
  if (given === undefined) return before
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    development?.checkPart(entry, 'receiver', receiver, before, given)
    return given as Props
  }
  throw new LoomError(
    'LOOM_PROPS',
    `Expected the next props, or nothing, from the receiver ${JSON.stringify(receiver)} but received ${typeOf(given)}`,
  )
}

function ended(call: Call, visit: Visit, props: Props, index: number, asked: Asked, error: unknown): Props {
  if (error instanceof GivenUp) throw error
  call.context.takeBack(asked)
  // Data is frozen, whatever the props are.
  const text = visit.development?.thrown(error, true) ?? textOf(error)
  call.thrown = [index, `the receiver ${JSON.stringify(call.receiver)}: ${text}`, stackOf(error)]
  call.failure = error
  return props
}
