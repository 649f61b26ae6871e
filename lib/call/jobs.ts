import type { LoomError } from '../errors'
import type { LiveEvent, LogCode, SavedState, SocketMessage } from '../../index'
import { EVENT_TYPES, type From, type JobKind, type LogLevel, type Part, SUBMIT } from '../codec'
import type { Origin } from './join'
import type { TimedJob } from '../telemetry/steps'

/**
 * A message of a topic, or of its presence, as it crosses. Without a key it carries nothing; without bytes its data has
 * crossed before.
 */
export type TopicMessage = [
  receiver: string,
  id: string,
  from: From.TOPIC | From.PRESENCE,
  gap: 0 | 1,
  topic: string,
  position: string,
  key?: number,
  bytes?: number,
  data?: unknown,
]

/** A message for a receiver, as it crosses. */
export type CrossingMessage =
  | [
      receiver: string,
      id: string,
      from: From.TIMER | From.TASK | From.VIEWERS | From.PARENT | From.AGAIN,
      part: Part,
      data?: unknown,
    ]
  | TopicMessage
  | [receiver: string, id: string, from: From.COMPONENT | From.SERVER, gap: 0 | 1, position: string, data?: unknown]

/** The messages that are handled together. */
export interface Visit {
  readonly messages: CrossingMessage[]
}

// Jobs as src/bridge/jobs.rs writes them.
export type CallJob = [
  kind: JobKind.CALL,
  call: number,
  actor: number,
  sequence: number,
  version: number,
  number: number,
  module: number,
  id: string,
  instance: string,
  event: Omit<LiveEvent, 'id'> | Visit | Origin,
  props?: unknown,
  bytes?: number,
  frozen?: 0 | 1,
]
/** The arguments of the application's store: to save, or to claim. */
export type StoreCall = [states: SavedState[]] | [instance: string, after: number]
/** Whom an application removes, from its connections or from a topic. */
export interface Removal {
  bind?: string
  address?: string
  topic?: string
  /** Components go on without the topic. If this is not set, they end. */
  unsubscribes?: true
}
/**
 * A message of one process to all others: whom the application has removed; and in development a question in which
 * process pages of a module have joined, or the answer that they have joined there.
 */
export type Announcement = { removal: Removal } | { asks: string } | { joined: string }
/** A line for the application's log. `about` is a module's name, or a reason; empty if there is neither. */
export type LogJob = [kind: JobKind.LOG, level: LogLevel, code: LogCode, about: string, leftOut: number, text: string]
export type Job =
  | CallJob
  | [kind: JobKind.ABORT, call: number]
  | [kind: JobKind.REPLY, reply: number, message: SocketMessage]
  | [kind: JobKind.SETTLE, request: number, error: string | null, value?: unknown]
  | [kind: JobKind.RELAY, relay: number, resume: 0 | 1]
  | LogJob
  | [kind: JobKind.FORGET, actor: number]
  | [kind: JobKind.CALLS, calls: number]
  | [kind: JobKind.NEXT_VALUE, task: number]
  | [kind: JobKind.END_TASK, task: number]
  | [kind: JobKind.STORE, call: number, ...asked: StoreCall]
  | [kind: JobKind.ANNOUNCED, announcement: Announcement]
  | TimedJob

/** Types of events that come as numbers: all that the browser client sends, except `submit`, which has a form. */
export const TYPES = EVENT_TYPES.filter((type) => type !== SUBMIT)

/**
 * Makes a promise that Rust settles, and passes its number to `begin`. If `begin` gives true, it is done already.
 */
export type MakePromise = (
  begin: (request: number) => boolean,
  failure: (text: string) => LoomError,
) => Promise<unknown>

/** The functions that take jobs which are not calls. */
export interface Receivers {
  promise: MakePromise
  reply(reply: number, message: SocketMessage): void
  settle(request: number, error: string | null, value: unknown): void
  relay(relay: number, resume: boolean): void
  store(call: number, ...asked: StoreCall): void
  announced(announcement: Announcement): void
}
