/**
 * Floods, each of ten seconds at most, and the bounds that have to hold: bytes of memory, and counts. Times are printed
 * and not judged: they are the machine's.
 */

import { type Attack, fate, KB, mb, MB, open, pause, SECONDS, text, WORK } from './attack'
import { SHARED } from './shared_attacks'
import { frame, type Raw } from './target'

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
  {
    name: 'hidden and seen',
    publishes: 20,
    bytes: WORK,
    async run(target, { hears }) {
      const raws = await open(target, 20, () => '198.51.100.11')
      const wrong = [['h'], ['h', 2], ['h', -1], ['h', true], ['h', '1'], ['h', 1, 1], ['h', {}]]
      // Before any join, and what is none.
      raws.forEach((raw) => raw.read())
      for (const message of [['h', 1], ['h', 0], ...wrong]) raws.forEach((raw) => raw.send(message))
      for (let id = 0; id < 20; id++) raws.forEach((raw) => raw.send(['j', id, 'hears', hears]))
      await pause(2 * SECONDS)
      const says = Buffer.concat(Array.from({ length: 1000 }, (_, index) => text(['h', index % 2])))
      await Promise.all(raws.map((raw) => raw.flood(says, 100 * MB, 4 * SECONDS)))
      // What was said last counts.
      const before = raws.map(({ text }) => text)
      raws.forEach((raw) => raw.send(['h', 0]))
      await pause(2 * SECONDS)
      const told = raws.filter((raw, index) => raw.text !== before[index]).length
      const closed = raws.filter(({ closed }) => closed).length
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `${closed} of 20 closed; ${told} are told of changes again`,
        told + closed < 20 && 'a page that is seen is told nothing',
      )
    },
  },
  {
    name: 'reads nothing of a fast topic',
    publishes: 1000,
    bytes: WORK,
    async run(target, { hears }) {
      const raws = await open(target, 10, () => '198.51.100.12')
      for (let id = 0; id < 5; id++) raws.forEach((raw) => raw.send(['j', id, 'hears', hears]))
      await pause(8 * SECONDS)
      const { components, published } = await target.sample()
      // Those who read at last have all of it.
      raws.forEach((raw) => raw.read(1 << 20))
      await pause(SECONDS)
      const texts = raws.map(({ text }) => text)
      const last = texts.filter((text) => Number(/.*\[\d+,0(?:,0,"(\d+)")/s.exec(text)?.[1] ?? 0) >= published).length
      raws.forEach(({ socket }) => socket.destroy())
      return fate(
        `${published} messages for ${components - 1} components that nobody read; ${last} of 10 pages show the newest now`,
        components < 51 && 'components are gone',
        last < 10 && 'a page that reads again does not show the newest',
      )
    },
  },
  {
    name: 'comes and goes',
    publishes: 200,
    bytes: WORK,
    async run(target, { hears }) {
      let rounds = 0
      let resumed = 0
      const faults = new Set<string>()
      const end = Date.now() + 8 * SECONDS
      const page = async (index: number): Promise<void> => {
        let join: unknown[] = ['j', 0, 'hears', hears]
        while (Date.now() < end) {
          const [raw] = await open(target, 1, () => `198.51.100.${20 + (index % 10)}`)
          if (raw === undefined) return
          raw.read(1 << 16).send(join)
          const heard = /\["([ja])",0,\d+,(?:(\d+),.*?,)?"([^"]+\.[^"]+)"/s
          for (let waited = 0; waited < 400 && !heard.test(raw.text); waited += 5) await pause(5)
          const found = heard.exec(raw.text)
          if (found) {
            rounds += 1
            if (found[1] === 'a') resumed += 1
            // In a tree, and in a change of the second slot.
            const fault = /\[\d+,"\d+","[1-9]\d*"\]|,1,"[1-9]\d*"/.exec(raw.text)
            if (fault) faults.add(fault[0])
            // The revision that is shown is not known here: the whole tree is asked for every other time.
            join = ['j', 0, 'hears', hears, found[3], 0, Number(found[2] ?? 0), 0, ...(rounds % 2 ? [1] : [])]
          }
          raw.socket.destroy()
        }
      }
      await Promise.all(Array.from({ length: 40 }, (_, index) => page(index)))
      const { components, parked } = await target.sample()
      return fate(
        `${rounds} times back in 8 seconds, ${resumed} of them to what was shown; ${components} components, ${parked} parked`,
        rounds < 100 && 'pages do not come back',
        components > 41 && 'a page that comes back leaves components behind',
        faults.size > 0 && `a message was lost or came twice: ${[...faults][0]}`,
      )
    },
  },
  {
    name: 'what all share',
    limits: { tasks: 2_000, topics: 10_000, presenceEntriesPerTopic: 2_000 },
    bytes: 64 * MB + WORK,
    async run(target, { room }) {
      const raws = await open(target, 21, () => '198.51.100.13')
      raws.forEach((raw) => raw.read(KB))
      for (let id = 0; id < 100; id++) {
        raws.forEach((raw) => raw.send(['j', id, 'room', room]))
        await pause(20)
      }
      for (let id = 0; id < 100; id++) {
        raws.forEach((raw, index) => raw.send(['e', id, 1, 0, 'take', 'click', { v: `${index} ${id}` }]))
        raws.forEach((raw) => raw.send(['e', id, 2, 0, 'send', 'click', { v: 'no address' }]))
        await pause(20)
      }
      await pause(2 * SECONDS)
      const { components, tasks, lines } = await target.sample()
      const [other] = await open(target, 1, () => '203.0.113.2')
      other?.read().send(['j', 0, 'room', room])
      await pause(500)
      other?.send(['e', 0, 1, 0, 'take', 'click', { v: 'mine' }])
      await pause(SECONDS)
      raws.forEach(({ socket }) => socket.destroy())
      other?.socket.destroy()
      return fate(
        `${components - 1} of 2,100 components live, with ${tasks} tasks; ${lines} lines of log`,
        other?.text.includes('[0,1,0,"1"]') !== true && 'another address gets no place, no task or no subscription',
        lines > 400 && `${lines} lines of log`,
      )
    },
  },
  ...SHARED,
]
