import type { Message } from '../../index'
import { From, Part } from '../codec'
import { freeze } from '../render/frozen'
import type { CrossingMessage, TopicMessage } from './jobs'

/**
 * How many messages of topics are kept, and how many bytes of JSON they may have together; the oldest goes first. If a
 * message is needed again, Rust sends it again.
 */
const MOST = 1024
const MOST_BYTES = 16 << 20

const SOURCES = {
  [From.TIMER]: 'timer',
  [From.TASK]: 'task',
  [From.VIEWERS]: 'viewers',
  [From.PARENT]: 'parent',
  [From.AGAIN]: 'server',
} as const

/** A message for a receiver of one component. */
export interface Arrived {
  readonly receiver: string
  readonly message: Message
  /** The message's position in its topic; nothing if a timer or a task has sent it. */
  readonly position: string | undefined
}

interface Kept {
  readonly message: Message
  readonly position: string | undefined
  readonly bytes: number
}

/**
 * Messages from the server, as receivers see them. A message of a topic is one frozen object for all its receivers, and
 * so is the news of a topic's presence: it crosses once and is parsed once.
 */
export class Messages {
  /** By their keys. */
  private readonly kept = new Map<number, Kept>()
  private bytes = 0

  /** These messages; nothing if the data of one is not here any more. */
  arrived(crossing: readonly CrossingMessage[]): Arrived[] | undefined {
    const all: Arrived[] = []
    let isComplete = true
    // To the end in any case: these messages do not come again.
    for (const one of crossing) {
      const arrived = isOfTopic(one) && one[6] !== undefined ? this.shared(one, one[6]) : own(one)
      if (arrived === undefined) isComplete = false
      else all.push(arrived)
    }
    return isComplete ? all : undefined
  }

  /** The message of this key; nothing if it is not here any more. */
  of(key: number, receiver: string): Arrived | undefined {
    const kept = this.kept.get(key)
    return kept && { receiver, message: kept.message, position: kept.position }
  }

  private shared(crossing: TopicMessage, key: number): Arrived | undefined {
    const [receiver, id, from, , topic, position, , bytes, data] = crossing
    const isPresence = from === From.PRESENCE
    if (bytes !== undefined) {
      freeze(data)
      const source = isPresence ? 'presence' : 'topic'
      const message: Message = Object.freeze({ id, from: source, topic, gap: false, done: false, data })
      this.keep(key, { message, position: isPresence ? undefined : position, bytes })
    }
    const arrived = this.of(key, receiver)
    // News of presence has another id for each component.
    return arrived && isPresence ? { ...arrived, message: Object.freeze({ ...arrived.message, id }) } : arrived
  }

  private keep(key: number, kept: Kept): void {
    this.drop(key)
    this.kept.set(key, kept)
    this.bytes += kept.bytes
    for (const oldest of this.kept.keys()) {
      // The newest message stays in any case: it is about to be handled.
      if (oldest === key || (this.kept.size <= MOST && this.bytes <= MOST_BYTES)) return
      this.drop(oldest)
    }
  }

  private drop(key: number): void {
    this.bytes -= this.kept.get(key)?.bytes ?? 0
    this.kept.delete(key)
  }
}

function isOfTopic(crossing: CrossingMessage): crossing is TopicMessage {
  return crossing[2] === From.TOPIC || crossing[2] === From.PRESENCE
}

/** A message that no other component gets. */
function own(crossing: CrossingMessage): Arrived {
  const [receiver, id, from] = crossing
  switch (from) {
    case From.PRESENCE:
    case From.TOPIC: {
      const [, , , gap, topic, position] = crossing
      const message: Message = { id, from: 'topic', topic, gap: gap === 1, done: false, data: undefined }
      return { receiver, message: Object.freeze(message), position }
    }
    case From.COMPONENT:
    case From.SERVER: {
      const [, , , gap, position, data] = crossing
      freeze(data)
      const sender = from === From.SERVER ? 'server' : 'component'
      const message: Message = { id, from: sender, gap: gap === 1, done: false, data }
      return { receiver, message: Object.freeze(message), position }
    }
    default: {
      const [, , , part, data] = crossing
      freeze(data)
      const rest = { id, from: SOURCES[from], gap: false, done: part !== Part.VALUE } as const
      const message: Message =
        part === Part.ERROR ? { ...rest, data: undefined, error: new Error(String(data)) } : { ...rest, data }
      return { receiver, message: Object.freeze(message), position: undefined }
    }
  }
}
