/** Floods of a shared component. One honest viewer clicks meanwhile, and has to see each of its clicks counted once. */

import { randomBytes } from 'node:crypto'
import { type Attack, fate, MB, open, pause, SECONDS, text, WORK } from './attack'
import type { Raw, Target } from './target'

/** Clicks every 50 ms until it is told to stop. */
class Viewer {
  clicks = 0
  private clicking: Promise<void> | undefined
  private isOver = false

  private constructor(private readonly raw: Raw) {}

  static async join(target: Target, token: string, address: string): Promise<Viewer> {
    const viewer = new Viewer(await target.open(address))
    viewer.raw.read(4 * MB).send(['j', 0, 'board', token])
    await viewer.hears('["j",0,')
    viewer.clicking = viewer.click()
    return viewer
  }

  /** Waits for a text of the server's, for ten seconds at most; true if it came. */
  private async hears(text: string): Promise<boolean> {
    for (let waited = 0; waited < 10 * SECONDS && !this.raw.text.includes(text); waited += 20) await pause(20)
    return this.raw.text.includes(text)
  }

  private async click(): Promise<void> {
    while (!this.isOver) {
      this.raw.send(['e', 0, ++this.clicks, 0, 'mine', 'click'])
      await pause(50)
    }
  }

  /** The last click is answered, and the component says how many of these clicks it has counted. */
  async end(): Promise<false | string> {
    this.isOver = true
    await this.clicking
    const isCounted = await this.hears(`"mine ${this.clicks}"`)
    const said = /\["[fe]",0,[^\]]*\]/.exec(this.raw.text)?.[0]
    this.raw.socket.destroy()
    return (
      !isCounted &&
      `the honest viewer clicked ${this.clicks} times, which was not shown; it was told ${said ?? 'nothing'}`
    )
  }
}

export const SHARED: readonly Attack[] = [
  {
    name: 'viewers without end',
    limits: { viewers: 2_000 },
    bytes: WORK,
    async run(target, { board }) {
      const honest = await Viewer.join(target, board, '203.0.113.3')
      const end = Date.now() + 6 * SECONDS
      let [joins, viewers] = [0, 0]
      /** What is none, or not of this viewer: random bytes, a page's token, a ticket that was cut or changed. */
      const tickets = ['', 'x', board, randomBytes(120).toString('base64url'), 'A'.repeat(100_000)]
      const come = async (): Promise<void> => {
        while (Date.now() < end) {
          const [raw] = await open(target, 1, () => `198.51.100.${joins++ % 20}`)
          if (raw === undefined || raw.closed) continue
          const secret = tickets[joins % tickets.length] as string
          raw.read().send(['j', 0, 'board', board, secret, joins, joins, 0])
          const heard = /\["[ja]",0,.*"([^"]{40,})"(?:,2)?\]/s
          for (let waited = 0; waited < 2 * SECONDS && !heard.test(raw.text) && !raw.closed; waited += 5) await pause(5)
          const ticket = heard.exec(raw.text)?.[1]
          if (ticket !== undefined) {
            viewers += 1
            tickets[5] = ticket.slice(0, -6)
            tickets[6] = ticket.slice(0, 40) + (ticket[40] === 'A' ? 'B' : 'A') + ticket.slice(41)
          }
          raw.send(['e', 0, 1, 0, 'add', 'click'])
          // Some leave, most are only gone.
          if (joins % 10 === 0) raw.send(['l', 0])
          raw.socket.destroy()
        }
      }
      await Promise.all(Array.from({ length: 40 }, come))
      const { components, connections } = await target.sample()
      const fault = await honest.end()
      return fate(
        `${joins} joins, ${viewers} of which became viewers; ${components} components, ${connections} connections`,
        fault,
        viewers < 100 && 'nobody became a viewer, so that nothing was tried',
        components > 2 && 'viewers that are gone leave components behind',
      )
    },
  },
  {
    name: 'reads nothing of a shared table',
    publishes: 30,
    // Each page has its own bound (limits.outgoingBytes).
    bytes: 100 * MB + WORK,
    async run(target, { board }) {
      const honest = await Viewer.join(target, board, '203.0.113.4')
      const raws = await open(target, 100, (index) => `198.51.100.${index}`)
      raws.forEach((raw) => raw.send(['j', 0, 'board', board]))
      // What they ask for is answered as well.
      for (let number = 1; number <= 60; number++) {
        raws.forEach((raw) => raw.send(['e', 0, number, 0, 'add', 'click']))
        await pause(100)
      }
      const fault = await honest.end()
      const { published } = await target.sample()
      raws.forEach((raw) => raw.read(MB / 4))
      await pause(4 * SECONDS)
      const newest = raws.filter(({ text }) => {
        const all = [...text.matchAll(/"news (\d+)"/g)]
        return Number(all.at(-1)?.[1] ?? 0) >= published
      }).length
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `100 pages read nothing for 6 seconds of ${published} changes; ${newest} of them show the newest now`,
        fault,
        newest < 100 && 'a page that reads again does not show the newest',
      )
    },
  },
  {
    name: 'clicks without end on a shared component',
    limits: {
      eventRate: 100_000,
      eventBurst: 100_000,
      eventRatePerAddress: 1_000_000,
      eventBurstPerAddress: 1_000_000,
    },
    bytes: WORK,
    async run(target, { board }) {
      const honest = await Viewer.join(target, board, '203.0.113.5')
      const raws = await open(target, 20, (index) => `198.51.100.${index}`)
      raws.forEach((raw) => raw.read().send(['j', 0, 'board', board]))
      await pause(500)
      const end = Date.now() + 5 * SECONDS
      let sent = 0
      const floods = raws.map(async (raw, index) => {
        // Names that a browser cannot call are among them: receivers, and what every object has.
        const names = ['add', 'heard', 'viewers', '__proto__', 'constructor', 'connected', 'render']
        for (let number = 1; Date.now() < end && !raw.closed; number += 100) {
          const events = Array.from({ length: 100 }, (_, at) =>
            text(['e', 0, number + at, 0, index === 0 ? names[at % names.length] : 'add', 'click']),
          )
          await raw.flood(Buffer.concat(events), raw.socket.bytesWritten + 1, end - Date.now())
          sent += 100
          await pause(1)
        }
      })
      await Promise.all(floods)
      const fault = await honest.end()
      const { lines, queuedEvents } = await target.sample()
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `${sent} events of 20 viewers; ${queuedEvents} wait at the end, ${lines} lines of log`,
        fault,
        queuedEvents > 21 * 64 && 'more events wait than the mailboxes of all viewers take',
        lines > 400 && `${lines} lines of log`,
      )
    },
  },
]
