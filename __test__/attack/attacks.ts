/**
 * Floods, each of ten seconds at most, and the bounds that have to hold: bytes of memory, and counts. Times are printed
 * and not judged: they are the machine's.
 */

import { frame, type Raw, type Target, type Tokens } from './target'

/** What became of the attacker, and which bounds did not hold. */
export interface Fate {
  said: string
  faults: string[]
}

export interface Attack {
  name: string
  limits?: Record<string, number>
  /** By how much the server's resident memory may grow. */
  bytes: number
  run(target: Target, tokens: Tokens): Promise<Fate>
}

const KB = 1 << 10
const MB = 1 << 20
const SECONDS = 1000
/** What a process that has work to do takes beside what it holds: heaps that are not collected yet. */
const WORK = 120 * MB

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

function fate(said: string, ...faults: (string | false)[]): Fate {
  return { said, faults: faults.filter((fault) => fault !== false) }
}

function open(target: Target, count: number, address: (index: number) => string): Promise<Raw[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => target.open(address(index))))
}

const text = (message: unknown): Buffer => frame(1, JSON.stringify(message))
const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`

/** Joins as fast as they are taken, over these connections, and counts what they are answered with. */
async function join(raws: Raw[], module: string, token: string, seconds: number): Promise<number> {
  let sent = 0
  const end = Date.now() + seconds * SECONDS
  const joining = raws.map(async (raw) => {
    raw.read(KB)
    for (let id = 0; Date.now() < end && !raw.closed; id++) {
      raw.send(['j', id % 90, module, token])
      sent += 1
      if (id % 10 === 9) await pause(5)
    }
  })
  await Promise.all(joining)
  return sent
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'pings',
    bytes: WORK,
    async run(target) {
      const [raw] = await open(target, 1, () => '198.51.100.1')
      if (raw === undefined) return fate('', 'no connection')
      const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(9, Buffer.alloc(125))))
      const taken = await raw.flood(pings, 2000 * MB, 5 * SECONDS)
      raw.socket.destroy()
      // Beside what is written the kernel holds both directions.
      return fate(
        `the server took ${mb(taken)} of pings and then no more`,
        taken > 64 * MB && 'it reads on although nobody reads its pongs',
      )
    },
  },
  {
    name: 'form',
    bytes: WORK,
    async run(target, { counter }) {
      const [raw] = await open(target, 1, () => '198.51.100.2')
      if (raw === undefined) return fate('', 'no connection')
      raw.read()
      raw.send(['j', 0, 'counter', counter])
      await pause(200)
      const value = Array.from({ length: 40_000 }, (_, index) => `f${index}=1`).join('&')
      for (let number = 1; number <= 3; number++) raw.send(['e', 0, number, 0, 'nothing', 'submit', { v: value }])
      await pause(5 * SECONDS)
      const answers = raw.text.split('["e",0,').length - 1
      raw.socket.destroy()
      return fate(`${answers} of 3 forms of 40,000 fields were refused`, answers === 0 && 'no form was answered')
    },
  },
  {
    name: 'half messages',
    limits: { messageTime: 4 * SECONDS, waitingBytes: 64 * MB },
    bytes: 64 * MB + 2 * WORK,
    async run(target) {
      const raws = await open(target, 400, () => '198.51.100.3')
      const half = frame(1, Buffer.alloc(900 * KB, ' '), MB)
      raws.forEach((raw) => raw.read(KB).socket.write(half))
      await pause(7 * SECONDS)
      const left = raws.filter(({ closed, code }) => !closed && code === undefined).length
      const codes = [1008, 1013].map((code) => `${raws.filter((raw) => raw.code === code).length} with ${code}`)
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `${left} of 400 are left; closed ${codes.join(', ')}`,
        left > 0 && `${left} hold half a message after its time`,
      )
    },
  },
  {
    name: 'slow authorize',
    bytes: 64 * MB + WORK,
    async run(target, { asks, counter }) {
      const raws = await open(target, 100, () => '198.51.100.4')
      const joining = join(raws, 'asks', asks, 5)
      await pause(2 * SECONDS)
      const [other] = await open(target, 1, () => '203.0.113.1')
      const began = performance.now()
      other?.read().send(['j', 0, 'counter', counter])
      while (other && !other.text.includes('["j",0,') && performance.now() - began < 5 * SECONDS) await pause(1)
      const waited = performance.now() - began
      const sent = await joining
      raws.forEach(({ socket }) => socket.destroy())
      other?.socket.destroy()
      return fate(
        `sent ${sent} joins; another address's join took ${waited.toFixed(0)} ms`,
        other?.text.includes('["j",0,') !== true && "another address's join was not answered",
      )
    },
  },
  {
    name: 'joins of fifty addresses',
    bytes: 128 * MB + WORK,
    async run(target, { table }) {
      const raws = await open(target, 100, (index) => `198.51.${index % 50}.5`)
      const sent = await join(raws, 'table', table, 5)
      raws.forEach(({ socket }) => socket.destroy())
      return fate(`sent ${sent} joins of a table`)
    },
  },
  {
    name: 'long names',
    bytes: WORK,
    async run(target, { counter }) {
      const raws = await open(target, 20, () => '198.51.100.6')
      const name = 'x'.repeat(1_000_000)
      const before = await target.sample()
      for (const raw of raws) {
        raw.read(KB).send(['j', 0, 'counter', counter])
        for (let number = 1; number <= 20; number++) raw.send(['e', 0, number, 0, name, 'click'])
      }
      // Short ones, which are handlers that are not there.
      const [raw] = await open(target, 1, () => '198.51.100.7')
      raw?.read(KB).send(['j', 0, 'counter', counter])
      for (let number = 1; number <= 400; number++) raw?.send(['e', 0, number, 0, `no${number}`, 'click'])
      await pause(8 * SECONDS)
      const after = await target.sample()
      const [lines, bytes] = [after.lines - before.lines, after.bytes - before.bytes]
      const closed = raws.filter(({ code }) => code === 1008).length
      raws.forEach(({ socket }) => socket.destroy())
      raw?.socket.destroy()
      return fate(
        `${closed} of 20 closed with 1008 so far; ${lines} lines of log, ${bytes} bytes`,
        lines > 200 && `${lines} lines of log`,
        bytes > 64 * KB && `${bytes} bytes of log`,
      )
    },
  },
  {
    name: 'refused joins',
    bytes: WORK,
    async run(target) {
      const raws = await open(target, 20, () => '198.51.100.8')
      const joins = Buffer.concat(Array.from({ length: 500 }, (_, id) => text(['j', id % 90, 'counter', 'no token'])))
      const taken = await Promise.all(raws.map((raw) => raw.flood(joins, 100 * MB, 4 * SECONDS)))
      const most = Math.max(...taken)
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `at most ${mb(most)} of joins were taken of one that reads no answer`,
        most > 64 * MB && 'it reads on although nobody reads its answers',
      )
    },
  },
  {
    name: 'many components',
    limits: { componentBytesPerAddress: 64 * MB },
    bytes: 64 * MB + 2 * WORK,
    async run(target, { table }) {
      const raws = await open(target, 48, () => '198.51.100.9')
      for (const raw of raws) raw.read(KB)
      for (let id = 0; id < 100; id++) {
        for (const raw of raws) raw.send(['j', id, 'table', table])
        await pause(40)
      }
      await pause(4 * SECONDS)
      const { components } = await target.sample()
      raws.forEach(({ socket }) => socket.destroy())
      return fate(`${components} of 4,800 components live`, components >= 4800 && 'no component gave way')
    },
  },
  {
    name: 'large events',
    bytes: 64 * MB + 2 * WORK,
    async run(target, { counter }) {
      const raws = await open(target, 20, () => '198.51.100.10')
      const value = 'x'.repeat(1_000_000)
      const flooding = raws.map(async (raw) => {
        raw.read(KB).send(['j', 0, 'counter', counter])
        await pause(200)
        let number = 0
        const end = Date.now() + 5 * SECONDS
        let taken = 0
        while (Date.now() < end && !raw.closed) {
          number += 1
          taken = await raw.flood(
            text(['e', 0, number, 0, 'increment', 'click', { v: value }]),
            raw.socket.bytesWritten + 1,
            end - Date.now(),
          )
        }
        return taken
      })
      const taken = (await Promise.all(flooding)).reduce((sum, bytes) => sum + bytes, 0)
      raws.forEach(({ socket }) => socket.destroy())
      // Of each the burst, one message more, five seconds of the rate, and what kernels hold.
      const most = 20 * (2 * MB + 7 * 256 * KB + 8 * MB)
      return fate(
        `the server and the kernel took ${mb(taken)} of 20 connections`,
        taken > most && `more than ${mb(most)}`,
      )
    },
  },
]
