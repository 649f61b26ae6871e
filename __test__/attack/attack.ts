/** What an attack is, and what all of them need. */

import { frame, type Raw, type Target, type Tokens } from './target'

/** What became of the attacker, and which bounds did not hold. */
export interface Fate {
  said: string
  faults: string[]
}

export interface Attack {
  name: string
  limits?: Record<string, number>
  /** How many messages a second the server publishes to the topic of `hears` and `board`. */
  publishes?: number
  /** By how much the server's resident memory may grow. */
  bytes: number
  run(target: Target, tokens: Tokens): Promise<Fate>
}

export const KB = 1 << 10
export const MB = 1 << 20
export const SECONDS = 1000
/** What a process that has work to do takes beside what it holds: heaps that are not collected yet. */
export const WORK = 120 * MB

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

export function fate(said: string, ...faults: (string | false)[]): Fate {
  return { said, faults: faults.filter((fault) => fault !== false) }
}

export function open(target: Target, count: number, address: (index: number) => string): Promise<Raw[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => target.open(address(index))))
}

export const text = (message: unknown): Buffer => frame(1, JSON.stringify(message))
export const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`
