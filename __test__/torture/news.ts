/** The news of the torture run: messages with numbers, which a route of the server publishes one after the other. */

import { setTimeout as sleep } from 'node:timers/promises'

/** The most messages of one request. */
const BATCH = 60
/** One request in so many is made twice. */
const TWICE = 5
/** The receiver of the news throws at each message with a multiple of this number: `isThrown` in reading.mjs. */
const THROWN = 29

const goodUpTo = (number: number): number => number - Math.floor(number / THROWN)

export class News {
  /** The number of the last message. */
  last = 0

  /** `again`: the topic outlives a process, so that what a request may not have published is published by the next one. */
  constructor(
    private readonly port: () => number,
    private readonly roll: (below: number) => number,
    private readonly again = false,
  ) {}

  /** Publishes up to this number. What a request had published when the server was killed nobody knows: the next one goes on behind it. */
  async publish(to: number): Promise<void> {
    while (this.last < to) {
      const from = this.last + 1
      this.last = Math.min(to, this.last + 1 + this.roll(BATCH))
      let run = await this.ask(from, this.last)
      while (this.again && run === undefined) {
        await sleep(20)
        run = await this.ask(from, this.last)
      }
      // Under the same ids, so that a process which has them publishes nothing more. Another process has none of them.
      if (run !== undefined && this.roll(TWICE) === 0) await this.ask(from, this.last, run)
      await sleep(this.roll(10))
    }
  }

  /** Gives the process that has published them; nothing if the server is not there. */
  private async ask(from: number, to: number, only?: string): Promise<string | undefined> {
    try {
      const query = new URLSearchParams({ from: String(from), to: String(to), ...(only !== undefined && { only }) })
      const response = await fetch(`http://127.0.0.1:${this.port()}/publish?${query}`)
      return response.ok ? await response.text() : undefined
    } catch {
      return undefined
    }
  }

  /** What is wrong in a state that should have read everything. `heard` is what the components have said. */
  differences(read: readonly [number, number, number, number, number, number, string[]], heard: number): string[] {
    const [first, last, count, missed, ofPages, , faults] = read
    const wrong = [...faults]
    const newest = this.last % THROWN === 0 ? this.last - 1 : this.last
    if (last !== newest) wrong.push(`expected news up to ${newest} but it has read them up to ${last}`)
    const between = goodUpTo(last) - goodUpTo(first - 1)
    if (count + missed !== between) wrong.push(`${count} news read and ${missed} said to be missing, of ${between}`)
    if (ofPages !== heard) wrong.push(`expected ${heard} to have been said but it has heard ${ofPages}`)
    return wrong
  }
}
