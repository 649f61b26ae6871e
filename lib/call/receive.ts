import type { Message } from '../../index'
import { isThenable, typeOf } from '../check'
import { From, Part } from '../codec'
import { GivenUp, LoomError, stackOf, textOf } from '../errors'
import { freeze } from '../render/frozen'
import type { Call } from './call'
import type { Asked } from './context'
import type { CrossingMessage } from './jobs'
import type { AnyModule } from './modules'

type Props = Record<string, unknown>
type Receiver = (props: Props, message: Message, ctx: Call['context']) => unknown

const SOURCES = { [From.TIMER]: 'timer', [From.TASK]: 'task', [From.VIEWERS]: 'viewers' } as const

/** A message as its receiver sees it, and what the ids of what it causes begin with. */
function messageOf(crossing: CrossingMessage, carried: unknown, instance: string): { message: Message; cause: string } {
  const [, id, from] = crossing
  switch (from) {
    case From.TOPIC: {
      const [, , , gap, topic, position] = crossing
      const message: Message = { id, from: 'topic', topic, gap: gap === 1, done: false, data: carried }
      return { message, cause: `${instance}-${position}` }
    }
    case From.COMPONENT: {
      const [, , , gap, position, data] = crossing
      freeze(data)
      const message: Message = { id, from: 'component', gap: gap === 1, done: false, data }
      return { message, cause: `${instance}-${position}` }
    }
    default: {
      const [, , , part, data] = crossing
      freeze(data)
      const rest = { id, from: SOURCES[from], gap: false, done: part !== Part.VALUE } as const
      const message: Message =
        part === Part.ERROR ? { ...rest, data: undefined, error: new Error(String(data)) } : { ...rest, data }
      return { message, cause: id }
    }
  }
}

/** A receiver by name. Only own properties are receivers. */
function receiverOf(module: AnyModule, name: string): Receiver | undefined {
  const receive = module.receive as Readonly<Record<string, Receiver>> | undefined
  return receive !== undefined && Object.hasOwn(receive, name) ? receive[name] : undefined
}

/**
 * Handles the messages of a visit, one after the other; gives the props after the last one. A message that throws ends
 * the visit: what came before it stays, and the call says where it ended. Nor is one begun if nobody waits for the visit
 * any more: its messages are then handled again. `carried` is what the topics' messages carry.
 */
export function receive(
  call: Call,
  module: AnyModule,
  props: Props,
  messages: CrossingMessage[],
  carried: readonly unknown[],
  isWanted: () => boolean,
  at = 0,
): unknown {
  let next = props
  for (let index = at; index < messages.length; index++) {
    const message = messages[index] as CrossingMessage
    const [name] = message
    call.receiver = name
    const asked = call.context.asked()
    try {
      if (!isWanted()) throw new GivenUp()
      const receiver = receiverOf(module, name)
      if (receiver === undefined)
        throw new LoomError('LOOM_ARGUMENT', `the module has no receiver ${JSON.stringify(name)}`)
      const { message: seen, cause } = messageOf(message, carried[index], call.kept.component.instance)
      call.context.begins(cause)
      const given = receiver.call(module.receive, next, seen, call.context)
      if (isThenable(given)) {
        return Promise.resolve(given).then(
          (later) => {
            let props: Props
            try {
              props = propsOf(later, next, name)
            } catch (error) {
              return ended(call, next, index, asked, error)
            }
            return receive(call, module, props, messages, carried, isWanted, index + 1)
          },
          (error: unknown) => ended(call, next, index, asked, error),
        )
      }
      next = propsOf(given, next, name)
    } catch (error) {
      return ended(call, next, index, asked, error)
    }
  }
  return next
}

function propsOf(given: unknown, before: Props, receiver: string): Props {
  if (given === undefined) return before
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Props
  throw new LoomError(
    'LOOM_PROPS',
    `Expected the next props, or nothing, from the receiver ${JSON.stringify(receiver)} but received ${typeOf(given)}`,
  )
}

function ended(call: Call, props: Props, index: number, asked: Asked, error: unknown): Props {
  if (error instanceof GivenUp) throw error
  call.context.takeBack(asked)
  call.thrown = [index, `the receiver ${JSON.stringify(call.receiver)}: ${textOf(error)}`, stackOf(error)]
  call.failure = error
  return props
}
