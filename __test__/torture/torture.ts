/**
 * Clients send numbered events while their connections are cut at random points of frames, and the server is
 * killed and started again; at the end every component's state has to be the model's. Meanwhile a route and the
 * components themselves publish to two topics that all components read: each message has to be in each state once
 * and in order, or, if the server was killed, a gap has to be said before the next one.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LivePage, type Outcome, type Sent } from '../support/live_page'
import { freePort } from '../support/process'
import { News } from './news'

export interface TortureOptions {
  events: number
  /** So many are published by a route; the components publish with one event in `SAYS`. */
  messages: number
  pages: number
  /** Between two kills of the server, in milliseconds. */
  killEvery: number
  /** How many processes there are, behind a network that sends each connection to any of them; with more than one, with Redis. */
  processes?: number
  /**
   * Redis writes each change to its disk before it answers, and is killed and started again on its own files, instead of
   * having its connections killed and standing still. For more than one process.
   */
  redisRestarts?: boolean
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
  /** How often connections to Redis were killed, and how often Redis stood still for two seconds. */
  redisCuts: number
  redisStops: number
  /** How often Redis was killed and started again. */
  redisKills: number
  /** How often a page had shown more than the state includes that a kill has left: its events are sent again. */
  behinds: number
  /** Messages that a route has published. */
  published: number
  /** Messages that the components have published, as their states count them. */
  said: number
  /** Gaps that were said, in all states together. */
  gaps: number
  /** Components whose state is not the model's. */
  wrong: string[]
}

/** One event in so many publishes a message. */
const SAYS = 16
/** One time in so many a page whose connection was cut stays away for longer. */
const STAYS_AWAY = 16
/** Published when nobody is killed any more. */
const LAST_NEWS = 100
/** Events of one page on their way at the same time. */
const WINDOW = 24
/** How long Redis is away at most when it is killed, in milliseconds. */
const REDIS_AWAY = 500
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

/** A Redis of the run's own, which is killed, whose connections are killed, and which stands still for a while. */
class Redis {
  cuts = 0
  stops = 0
  kills = 0
  private child: ChildProcess | undefined
  private readonly folder = mkdtempSync(join(tmpdir(), 'loom-torture-'))

  private constructor(
    private readonly port: number,
    private readonly options: readonly string[],
  ) {}

  /** `keeps`: what it has answered is on its disk. */
  static async start(keeps: boolean): Promise<Redis> {
    const redis = new Redis(await freePort(), keeps ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [])
    await redis.run()
    return redis
  }

  private async run(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    this.child = spawn('redis-server', [...where, ...this.options], { stdio: 'ignore' })
    while (this.ask('PING') !== 'PONG') await sleep(20)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  private ask(...command: string[]): string {
    return spawnSync('redis-cli', ['-p', String(this.port), ...command], { encoding: 'utf8' }).stdout.trim()
  }

  /** The processes' connections, of one kind or the other. */
  cut(kind: 'normal' | 'pubsub'): void {
    this.cuts += 1
    this.ask('CLIENT', 'KILL', 'TYPE', kind)
  }

  async standStill(): Promise<void> {
    this.stops += 1
    this.child?.kill('SIGSTOP')
    await sleep(2_000)
    this.child?.kill('SIGCONT')
  }

  /** Killed, and started again on its own files after so long, in milliseconds. */
  async restart(after: number): Promise<void> {
    this.kills += 1
    await this.kill()
    await sleep(after)
    await this.run()
  }

  private async kill(): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
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
    private readonly redis?: Redis,
  ) {}

  async start(): Promise<void> {
    const script = join(this.root, '__test__/torture/server.mjs')
    // What is in Redis outlives a process: there is no gap between one and the next.
    const [run, redis] = this.redis ? ['0', this.redis.url] : [String(this.kills), '']
    const child = spawn(process.execPath, [script, String(this.port), this.secret, run, redis], {
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

/** What a component's state says of its topics: `summary` in reading.mjs. */
type Read = [first: number, last: number, count: number, missed: number, heard: number, gaps: number, faults: string[]]

type Module = 'counter' | 'todo' | 'tally'

/** A page, its quota of events, and what its component should show. */
class Subject {
  readonly page: LivePage
  readonly counts: Record<Outcome, number> = { applied: 0, failed: 0, expired: 0 }
  private readonly outcomes = new Map<number, Outcome>()
  private readonly sent: Sent[] = []
  /** The number of the last event of the quota. */
  private lastOfQuota = Infinity

  constructor(
    readonly module: Module,
    token: string,
    url: string,
    private left: number,
    private readonly roll: (below: number) => number,
    comesBack: boolean,
  ) {
    const retry = (): number => (roll(STAYS_AWAY) === 0 ? 200 + roll(600) : 5 + roll(40))
    this.page = new LivePage({ url: () => url, module, token, retry, comesBack })
    this.page.onAnswer = ({ number }, outcome) => {
      this.outcomes.set(number, outcome)
      if (number <= this.lastOfQuota) this.counts[outcome] += 1
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

  /** Publishes one message more, beyond the quota. */
  async say(): Promise<void> {
    if (this.module === 'tally') return
    if (this.lastOfQuota === Infinity) this.lastOfQuota = this.sent.at(-1)?.number ?? 0
    // An event that throws by the rule says nothing.
    for (let outcome: Outcome | undefined; outcome !== 'applied';) {
      const event = this.page.event('say')
      this.sent.push(event)
      while ((outcome = this.outcomes.get(event.number)) === undefined) await sleep(5)
    }
  }

  private applied(): Sent[] {
    return this.sent.filter(({ number }) => this.outcomes.get(number) === 'applied')
  }

  /** How many messages the component has published. */
  get said(): number {
    return this.applied().filter(({ handler }) => handler === 'say').length
  }

  /** What the component shows, without what it has read of the topics. */
  get shown(): string {
    return this.page.text.slice(0, this.page.text.indexOf('|'))
  }

  get read(): Read {
    return JSON.parse(this.page.text.slice(this.page.text.indexOf('|') + 1)) as Read
  }

  /** What this page has added to the sum of all. */
  get added(): number {
    return this.applied().reduce((sum, { value }) => sum + Number(value), 0)
  }

  private choose(): [handler: string, value: string] {
    if (this.module === 'tally') return ['add', String(1 + this.roll(9))]
    if (this.roll(SAYS) === 0) return ['say', '']
    if (this.module === 'counter') return ['add', String(1 + this.roll(9))]
    const choice = this.roll(4)
    const handler = choice === 0 ? 'add' : choice === 1 ? 'toggle' : choice === 2 ? 'first' : 'remove'
    // The list stays short: a tree that never fits between two cuts would never arrive.
    return [handler, String(this.roll(60))]
  }

  /** What is shown when each event that did not fail is applied once, in order. */
  expected(): string {
    const applied = this.applied()
    const { said } = this
    if (this.module === 'counter') {
      const count = applied.reduce((sum, { handler, value }) => sum + (handler === 'add' ? Number(value) : 0), 0)
      return `<b>${count}</b>${said}`
    }
    let items: { id: string; done: boolean }[] = []
    for (const { handler, value = '' } of applied) {
      if (handler === 'add') {
        if (!items.some(({ id }) => id === value)) items.push({ id: value, done: false })
      } else if (handler === 'say') continue
      else if (handler === 'remove') items = items.filter(({ id }) => id !== value)
      else if (handler === 'toggle') items.forEach((item) => (item.done = item.id === value ? !item.done : item.done))
      else items = [...items.filter(({ id }) => id === value), ...items.filter(({ id }) => id !== value)]
    }
    return items.map(({ id, done }) => `${id}${done ? '+' : '-'};`).join('') + String(said)
  }
}

/** The port of any of them. */
const anyOf = (victims: Victim[], roll: (below: number) => number): number =>
  (victims[roll(victims.length)] as Victim).port

export async function torture(options: TortureOptions, tell: (line: string) => void): Promise<TortureReport> {
  const roll = random(options.seed)
  const { processes = 1, redisRestarts = false } = options
  const redis = processes > 1 ? await Redis.start(redisRestarts) : undefined
  const secret = randomBytes(32).toString('hex')
  const victims: Victim[] = []
  for (let count = 0; count < processes; count++)
    victims.push(new Victim(options.root, await freePort(), secret, redis))
  await Promise.all(victims.map((victim) => victim.start()))
  const network = await Network.open(() => anyOf(victims, roll), roll)
  const url = `ws://127.0.0.1:${network.port}/loom/ws`
  const news = new News(() => anyOf(victims, roll), roll, processes > 1)
  const modules: Module[] = processes > 1 ? ['counter', 'todo', 'tally'] : ['counter', 'todo']
  const subjects: Subject[] = []
  let stopping = false
  const restart = async (): Promise<void> => {
    const victim = victims[roll(victims.length)] as Victim
    await victim.kill()
    await victim.start()
  }
  const disturb = async (redis: Redis, round: number): Promise<void> => {
    if (redisRestarts) {
      await redis.restart(roll(REDIS_AWAY))
      return
    }
    redis.cut(roll(2) === 0 ? 'normal' : 'pubsub')
    if (round % 8 === 5) await redis.standStill()
  }
  try {
    for (let index = 0; index < options.pages; index++) {
      const module = modules[index % modules.length] as Module
      const query = module === 'tally' ? 'shared=all' : `name=${index}`
      const token = await (await fetch(`http://127.0.0.1:${anyOf(victims, roll)}/${module}?${query}`)).text()
      const share = Math.ceil(
        (options.events - Math.floor((options.events * index) / options.pages)) / (options.pages - index),
      )
      const quota = index === options.pages - 1 ? options.events - subjects.length * share : share
      subjects.push(new Subject(module, token, url, Math.max(0, quota), roll, processes > 1))
    }
    const killing = (async () => {
      for (let round = 0; !stopping; round++) {
        await sleep(options.killEvery / 2 + roll(options.killEvery))
        if (stopping) return
        await restart()
        if (redis) await disturb(redis, round)
      }
    })()
    let ticks = 0
    const published = news.publish(options.messages)
    await until(subjects, () => {
      if (++ticks % 500 === 0) {
        const kills = victims.reduce((sum, one) => sum + one.kills, 0)
        const ofRedis = redis?.kills ? `, ${redis.kills} kills of Redis` : ''
        const counts = `${total(subjects, 'applied')} applied, ${news.last} published`
        tell(`${counts}, ${kills} kills${ofRedis}, ${network.cuts} cuts`)
      }
    })
    await published
    stopping = true
    await killing
    // Nobody is killed any more, so from here on each message has to arrive.
    await until(subjects, () => undefined)
    await news.publish(options.messages + LAST_NEWS)
    for (const subject of subjects) await subject.say()
    const heard = subjects.reduce((sum, { said }) => sum + said, 0)
    const readers = subjects.filter(({ module }) => module !== 'tally')
    const ofRead = (subject: Subject): string[] =>
      subject.module === 'tally' ? [] : news.differences(subject.read, heard)
    const wrong = await differences(subjects, ofRead)
    const gaps = readers.reduce((sum, { read: [, , , , , gaps] }) => sum + gaps, 0)
    // Once more: what the checkpoints and the events since then make of it in yet another process.
    await restart()
    await sleep(500)
    await until(subjects, () => undefined)
    // A gap is said for what was published before, so that only what is wrong in itself counts.
    wrong.push(...(await differences(subjects, (subject) => (subject.module === 'tally' ? [] : subject.read[6]))))
    return {
      events: total(subjects, 'applied') + total(subjects, 'failed') + total(subjects, 'expired'),
      applied: total(subjects, 'applied'),
      failed: total(subjects, 'failed'),
      expired: total(subjects, 'expired'),
      cuts: network.cuts,
      kills: victims.reduce((sum, { kills }) => sum + kills, 0),
      redisCuts: redis?.cuts ?? 0,
      redisStops: redis?.stops ?? 0,
      redisKills: redis?.kills ?? 0,
      joins: subjects.reduce((sum, { page }) => sum + page.joins, 0),
      resumes: subjects.reduce((sum, { page }) => sum + page.resumes, 0),
      resets: subjects.reduce((sum, { page }) => sum + page.resets - page.behinds, 0),
      behinds: subjects.reduce((sum, { page }) => sum + page.behinds, 0),
      published: news.last,
      said: heard,
      gaps,
      wrong,
    }
  } finally {
    stopping = true
    for (const { page } of subjects) page.end()
    network.close()
    await Promise.all(victims.map((victim) => victim.kill()))
    await redis?.end()
  }
}

/** How long a message may take to be in every state, in milliseconds. */
const ARRIVAL = 30_000

/** What is wrong in each component, when there has been time for what is under way to arrive. */
async function differences(subjects: Subject[], ofRead: (subject: Subject) => string[]): Promise<string[]> {
  // All pages of the shared component show one sum.
  const sum = (): number => subjects.reduce((sum, subject) => sum + (subject.module === 'tally' ? subject.added : 0), 0)
  const all = (): string[] =>
    subjects.flatMap((subject, index) => {
      const expected = subject.module === 'tally' ? String(sum()) : subject.expected()
      const own = subject.shown === expected ? [] : [`expected ${expected} but it shows ${subject.shown}`]
      return [...own, ...ofRead(subject)].map((fault) => `${subject.module} ${index}: ${fault}`)
    })
  const end = Date.now() + ARRIVAL
  while (all().length > 0 && Date.now() < end) await sleep(50)
  return all()
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
