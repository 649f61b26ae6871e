/** What `loom-live/testing` does with a loom, beside what everybody can: see lib/testing/. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Witness } from './call/witness'
import { LoomError } from './errors'
import type { Pass } from './http/accept'
import type { Server } from './http/upgrade'
import type { Promises } from './live_socket'
import type { NativeLoom } from './native'

/** What only the loom itself can give. */
interface Given {
  /** The loom's path, and the members of requests that it keeps. */
  readonly path: string
  readonly keep: readonly string[]
  /** Who is told of joins and failures. */
  witness(witness: Witness): void
  /** Takes the loom's upgrades from a server, which need not listen. */
  attach(server: Server, pass: Pass): void
  /** Answers a request for an upload. False: the request is for something else. */
  serveUpload(request: IncomingMessage, response: ServerResponse): boolean
  /** Ends the loom as a process ends, and begins it anew as the next process does, with the same modules. */
  restart(): Promise<void>
}

export interface Seam extends Given {
  /** From here on timers of components run by a clock that only `advance` moves. */
  holdTime(): void
  /** Moves that clock; resolves when all timers that rang have been handled. */
  advance(ms: number): Promise<void>
  /** Resolves when no component has anything to do. */
  settled(): Promise<void>
  /** The committed props of a component, by its actor's number; `undefined` if it has ended. */
  propsOf(actor: number): Promise<object | undefined>
}

export function makeSeam(native: NativeLoom, promises: Promises, given: Given): Seam {
  const ask = (begin: (request: number) => void): Promise<unknown> =>
    promises.make(begin, (text) => new LoomError('LOOM_STOPPED', text))
  return {
    ...given,
    holdTime: () => {
      native.holdTime(0)
    },
    advance: async (ms) => {
      await ask((request) => {
        native.advance(ms, request)
      })
    },
    settled: async () => {
      await ask((request) => {
        native.settled(request)
      })
    },
    propsOf: async (actor) => {
      const props = await ask((request) => {
        native.propsOf(actor, request)
      })
      return props ?? undefined
    },
  }
}
