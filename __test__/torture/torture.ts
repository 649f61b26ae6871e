/**
 * Clients send numbered events while their connections are cut at random points of frames, and the server is
 * killed and started again; at the end every component's state has to be the model's.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { LivePage, type Outcome, type Sent } from '../support/live_page'

export interface TortureOptions {
  events: number
  pages: number
  /** Between two kills of the server, in milliseconds. */
  killEvery: number
  /** The repository's root. */
  root: string
  seed: number
}

export interface TortureReport {
  events: number
  applied: number
  failed: number
  expired: number
  cuts: number
  kills: number
  joins: number
  resumes: number
  resets: number
  /** Components whose state is not the model's. */
  wrong: string[]
}

/** Events of one page on their way at the same time. */
const WINDOW = 24
/** A connection is cut after so many bytes at most. */
const MOST_BYTES = 60_000

/** Small, seeded: a run can be repeated, as far as the network's own timing allows. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** A network that cuts every connection sooner or later, in the middle of whatever it carries. */
class Network {
  cuts = 0
  private readonly server: Server

  private constructor(target: () => number, roll: (below: number) => number) {
    this.server = createServer((near) => {
      const far = connect(target(), '127.0.0.1')
      let budget = 1 + roll(MOST_BYTES)
      const cut = (): void => {
        near.destroy()
        far.destroy()
      }
      const carry = (from: Socket, to: Socket): void => {
        from.on('error', cut)
        from.on('close', cut)
        from.on('data', (chunk) => {
          budget -= chunk.length
          if (budget >= 0) {
            to.write(chunk)
            return
          }
          // What is left of the budget still arrives: half a frame.
          this.cuts += 1
          to.end(chunk.subarray(0, chunk.length + budget), cut)
          from.pause()
        })
      }
      carry(near, far)
      carry(far, near)
    })
  }

  static async open(target: () => number, roll: (below: number) => number): Promise<Network> {
    const network = new Network(target, roll)
    await new Promise<void>((resolve) => network.server.listen(0, '127.0.0.1', resolve))
    return network
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  close(): void {
    this.server.close()
  }
}

/** The server's process, which is killed and started again on the same port. */
class Victim {
  kills = 0
  private child: ChildProcess | undefined

  constructor(
    private readonly root: string,
    readonly port: number,
    private readonly secret: string,
  ) {}

  async start(): Promise<void> {
    const script = join(this.root, '__test__/torture/server.mjs')
    const child = spawn(process.execPath, [script, String(this.port), this.secret], {
      cwd: this.root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.child = child
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => {
        resolve()
      })
      child.once('exit', (code) => {
        reject(new Error(`Expected the server to start but it ended with ${code}`))
      })
    })
  }

  async kill(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    this.kills += 1
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A page, its quota of events, and what its component should show. */
class Subject {
  readonly page: LivePage
  readonly counts: Record<Outcome, number> = { applied: 0, failed: 0, expired: 0 }
  private readonly outcomes = new Map<number, Outcome>()
  private readonly sent: Sent[] = []

  constructor(
    readonly module: 'counter' | 'todo',
    token: string,
    url: string,
    private left: number,
    private readonly roll: (below: number) => number,
  ) {
    this.page = new LivePage({ url: () => url, module, token, retry: () => 5 + roll(40) })
    this.page.onAnswer = ({ number }, outcome) => {
      this.outcomes.set(number, outcome)
      this.counts[outcome] += 1
      this.push()
    }
    this.push()
  }

  get isDone(): boolean {
    return this.left === 0 && this.page.isSettled
  }

  private push(): void {
    while (this.left > 0 && this.sent.length - this.outcomes.size < WINDOW) {
      this.left -= 1
      const [handler, value] = this.choose()
      this.sent.push(this.page.event(handler, value))
    }
  }

  private choose(): [handler: string, value: string] {
    if (this.module === 'counter') return ['add', String(1 + this.roll(9))]
    const choice = this.roll(4)
    const handler = choice === 0 ? 'add' : choice === 1 ? 'toggle' : choice === 2 ? 'first' : 'remove'
    // The list stays short: a tree that never fits between two cuts would never arrive.
    return [handler, String(this.roll(60))]
  }

  /** What is shown when each event that did not fail is applied once, in order. */
  expected(): string {
    const applied = this.sent.filter(({ number }) => this.outcomes.get(number) === 'applied')
    if (this.module === 'counter') {
      const count = applied.reduce((sum, { value }) => sum + Number(value), 0)
      return `<b>${count}</b>`
    }
    let items: { id: string; done: boolean }[] = []
    for (const { handler, value = '' } of applied) {
      if (handler === 'add') {
        if (!items.some(({ id }) => id === value)) items.push({ id: value, done: false })
      } else if (handler === 'remove') items = items.filter(({ id }) => id !== value)
      else if (handler === 'toggle') items.forEach((item) => (item.done = item.id === value ? !item.done : item.done))
      else items = [...items.filter(({ id }) => id === value), ...items.filter(({ id }) => id !== value)]
    }
    return items.map(({ id, done }) => `${id}${done ? '+' : '-'};`).join('')
  }
}

export async function torture(options: TortureOptions, tell: (line: string) => void): Promise<TortureReport> {
  const roll = random(options.seed)
  const victim = new Victim(options.root, await freePort(), randomBytes(32).toString('hex'))
  await victim.start()
  const network = await Network.open(() => victim.port, roll)
  const url = `ws://127.0.0.1:${network.port}/loom/ws`
  const subjects: Subject[] = []
  let stopping = false
  try {
    for (let index = 0; index < options.pages; index++) {
      const module = index % 2 === 0 ? 'counter' : 'todo'
      const token = await (await fetch(`http://127.0.0.1:${victim.port}/${module}`)).text()
      const share = Math.ceil(
        (options.events - Math.floor((options.events * index) / options.pages)) / (options.pages - index),
      )
      const quota = index === options.pages - 1 ? options.events - subjects.length * share : share
      subjects.push(new Subject(module, token, url, Math.max(0, quota), roll))
    }
    const killing = (async () => {
      while (!stopping) {
        await sleep(options.killEvery / 2 + roll(options.killEvery))
        if (stopping) return
        await victim.kill()
        await victim.start()
      }
    })()
    let ticks = 0
    await until(subjects, () => {
      if (++ticks % 500 === 0)
        tell(`${total(subjects, 'applied')} applied, ${victim.kills} kills, ${network.cuts} cuts`)
    })
    stopping = true
    await killing
    // Once more: what the checkpoints and the events since then make of it in yet another process.
    await victim.kill()
    await victim.start()
    await sleep(500)
    await until(subjects, () => undefined)
    const wrong = subjects
      .map((subject, index) => ({ index, subject, expected: subject.expected() }))
      .filter(({ subject, expected }) => subject.page.text !== expected)
      .map(
        ({ index, subject, expected }) =>
          `${subject.module} ${index}: expected ${expected} but it shows ${subject.page.text}`,
      )
    return {
      events: total(subjects, 'applied') + total(subjects, 'failed') + total(subjects, 'expired'),
      applied: total(subjects, 'applied'),
      failed: total(subjects, 'failed'),
      expired: total(subjects, 'expired'),
      cuts: network.cuts,
      kills: victim.kills,
      joins: subjects.reduce((sum, { page }) => sum + page.joins, 0),
      resumes: subjects.reduce((sum, { page }) => sum + page.resumes, 0),
      resets: subjects.reduce((sum, { page }) => sum + page.resets, 0),
      wrong,
    }
  } finally {
    stopping = true
    for (const { page } of subjects) page.end()
    network.close()
    await victim.kill()
  }
}

function total(subjects: Subject[], outcome: Outcome): number {
  return subjects.reduce((sum, { counts }) => sum + counts[outcome], 0)
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(subjects: Subject[], tick: () => void): Promise<void> {
  while (!subjects.every(({ isDone }) => isDone)) {
    const refused = subjects.find(({ page }) => page.refused !== undefined)?.page.refused
    if (refused !== undefined) throw new Error(`Expected no refusal but received ${JSON.stringify(refused)}`)
    tick()
    await sleep(20)
  }
}
