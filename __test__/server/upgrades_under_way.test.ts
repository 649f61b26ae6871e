import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { AttachOptions, LoomOptions } from 'loom-live'
import { Client } from '../support/client'
import { counter, Site, testLoom } from '../support/site'
import { Gate, turn, until } from '../support/until'

const UPGRADE =
  'GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** An upgrade that has been asked for, and what came of it. */
class Asked {
  answer = ''
  ended = false

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.answer += chunk.toString('latin1')))
    socket.on('close', () => (this.ended = true))
  }

  static async at(site: Site, headers = ''): Promise<Asked> {
    const asked = new Asked(await site.socket())
    asked.socket.write(`${UPGRADE}${headers}\r\n`)
    return asked
  }

  /** The status that it got, once the server has closed it. */
  async refused(): Promise<string> {
    await until('the server to close an upgrade', () => this.ended)
    return this.answer.slice(9, 12)
  }
}

async function siteOf(options: LoomOptions, attach: AttachOptions = {}) {
  const { loom, log } = testLoom(options)
  const module = counter(loom)
  const server = createServer()
  loom.attach(server, attach)
  return { site: await Site.of(loom, server), loom, log, module }
}

/** A `bind` and a middleware that answer when they are told to; the bind is who the header says. */
function gated() {
  const gate = new Gate()
  let started = 0
  const who = (headers: IncomingHttpHeaders): string => headers['x-user']?.toString() ?? ''
  const ways: [string, LoomOptions, AttachOptions][] = [
    [
      'bind',
      {
        bind: async ({ headers }) => {
          started += 1
          await gate.promise
          return who(headers)
        },
      },
      {},
    ],
    [
      'middleware',
      { bind: ({ headers }) => who(headers) },
      {
        middleware: [
          (_, __, next) => {
            started += 1
            void gate.promise.then(() => {
              next()
            })
          },
        ],
      },
    ],
  ]
  return { gate, ways, started: () => started }
}

describe.each([0, 1])('while middleware or bind runs (way %#)', (way) => {
  async function waiting(limits: LoomOptions['limits'] = {}) {
    const { gate, ways, started } = gated()
    const [, options, attach] = ways[way] as (typeof ways)[0]
    const made = await siteOf({ ...options, limits }, attach)
    const ask = async (user: string): Promise<Asked> => {
      const before = started()
      const asked = await Asked.at(made.site, `X-User: ${user}\r\n`)
      await until('the upgrade to wait', () => started() > before)
      await turn()
      return asked
    }
    return { ...made, gate, ask, started }
  }

  test('disconnect by bind finds who it is about once that is known, and nobody else', async () => {
    const { loom, gate, ask } = await waiting()
    const [ada, bob] = [await ask('ada'), await ask('bob')]
    loom.disconnect({ bind: 'ada' })
    gate.open()
    expect(await ada.refused()).toBe('503')
    await until('the other to be let in', () => bob.answer.startsWith('HTTP/1.1 101 '))
    await until('one connection', () => loom.stats().connections === 1)
    // Who comes afterwards is let in.
    const again = await ask('ada')
    await until('the next to be let in', () => again.answer.startsWith('HTTP/1.1 101 '))
  })

  test('disconnect by address finds it at once, and counts it', async () => {
    const { loom, ask } = await waiting()
    const ada = await ask('ada')
    expect(loom.disconnect({ address: '192.0.2.1' })).toBe(0)
    expect(loom.disconnect({ address: '127.0.0.1' })).toBe(1)
    expect(await ada.refused()).toBe('503')
  })

  test('disconnect by a function sees the request; one that throws lets nobody stay', async () => {
    const { loom, log, gate, ask } = await waiting()
    const all = [await ask('ada'), await ask('bob')]
    loom.disconnect(({ bind, request }) => bind === 'ada' && request.headers['x-user'] === 'ada')
    loom.disconnect(({ bind }) => {
      if (bind === 'bob') throw new Error('no such user')
      return false
    })
    gate.open()
    expect(await Promise.all(all.map((one) => one.refused()))).toEqual(['503', '503'])
    expect(log.errors.join()).toContain('no such user')
  })

  test('what never settles is given up after upgradeTime, and that is logged once', async () => {
    const { loom, log, ask } = await waiting({ upgradeTime: 50 })
    const all = [await ask('ada'), await ask('bob')]
    expect(await Promise.all(all.map((one) => one.refused()))).toEqual(['503', '503'])
    expect(log.errors).toEqual([expect.stringContaining('limits.upgradeTime')])
    expect(loom.stats().connections).toBe(0)
  })

  test('what comes late is nobody any more', async () => {
    const { site, loom, gate, ask } = await waiting({ upgradeTime: 50 })
    expect(await (await ask('ada')).refused()).toBe('503')
    gate.open()
    await turn()
    await site.empty()
    expect(loom.stats().connections).toBe(0)
  })

  test('they count as connections of their address, open ones together with those that wait', async () => {
    const { site, gate, ask, started } = await waiting({ connectionsPerAddress: 3 })
    const waits = [await ask('a'), await ask('b'), await ask('c')]
    expect(await (await Asked.at(site)).refused()).toBe('503')
    // One that has left is counted no more, though its middleware is still waiting.
    waits[0]?.socket.destroy()
    const again = await until('its place to be free', async () => {
      const before = started()
      const next = await Asked.at(site, 'X-User: d\r\n')
      await until('it to be asked about', () => started() > before)
      await turn()
      // Whoever is refused is answered before the next one is.
      await (await Asked.at(site, 'Origin: null\r\n')).refused()
      return next.answer === '' ? next : undefined
    })
    waits.push(again)
    gate.open()
    await until('all to be let in', () => waits.slice(1).every(({ answer }) => answer.startsWith('HTTP/1.1 101 ')))
  })

  test('and there is a bound on all of them', async () => {
    const { site, ask } = await waiting({ pendingUpgrades: 2 })
    await ask('a')
    await ask('b')
    expect(await (await Asked.at(site)).refused()).toBe('503')
  })

  test('close() ends them', async () => {
    const { loom, ask } = await waiting()
    const ada = await ask('ada')
    await loom.close({ timeout: 0 })
    expect(await ada.refused()).toBe('503')
  })
})

test('a connection that has been let in and is not open yet is found: nobody slips through', async () => {
  const letIn = new Map<string, number>()
  const bind: LoomOptions['bind'] = ({ headers }) => {
    const user = String(headers['x-user'] ?? '')
    letIn.set(user, (letIn.get(user) ?? 0) + 1)
    return user
  }
  const { site, loom, module } = await siteOf({ bind })
  const token = await site.token(module, {}, { request: { headers: { 'x-user': 'ada' } } as never })
  for (let round = 0; round < 20; round++) {
    const user = `user ${round}`
    const asked = await Promise.all(Array.from({ length: 10 }, () => Asked.at(site, `X-User: ${user}\r\n`)))
    // At any moment of the handshakes.
    for (let turns = 0; turns < round / 2; turns++) await turn()
    const count = loom.disconnect(round % 2 === 0 ? ({ bind }) => bind === user : { bind: user })
    expect(count).toBe(letIn.get(user) ?? 0)
    await until('those that were let in to be closed', () => asked.filter(({ ended }) => ended).length >= count)
    for (const { socket } of asked) socket.destroy()
    await site.empty()
  }
  const client = await Client.open(site.url(), { headers: { 'x-user': 'ada' } })
  await client.joined('c0', 'counter', token)
})

test('a middleware that has answered does not leave the socket to a client that never closes', async () => {
  const { site } = await siteOf({}, { middleware: [(_, response) => response.writeHead(401).end('who are you')] })
  const socket = await site.socket()
  socket.write(`${UPGRADE}\r\n`)
  socket.resume()
  // A client that keeps its side open.
  socket.allowHalfOpen = true
  await site.freed()
})
