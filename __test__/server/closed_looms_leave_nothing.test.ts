import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'

interface Held {
  threads: number
  descriptors: number
  /** Resident memory, in MiB. */
  memory: number
}

/** Each loom has a store, a server, a live socket and a page that has been joined over its WebSocket, and stays referenced. */
const PROGRAM = `
  const { createServer } = require('node:http')
  const { readdirSync } = require('node:fs')
  const { WebSocket } = require('ws')
  const { createLoom, html } = require('loom-live')
  const [folder, count] = process.argv.slice(1)
  const kept = []

  async function once(number) {
    const loom = createLoom({ secret: 'x'.repeat(32), store: { sqlite: folder + '/' + number + '.sqlite' }, bind: async () => 'ada' })
    kept.push(loom)
    loom.register('counter', {
      props: { count: 0 },
      handle: { increment: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html\`<b>\${count}</b>\`,
    })
    const server = createServer()
    loom.attach(server)
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const token = /token="([^"]+)/.exec(await loom.mount('counter', {}, { request: {} }))[1]
    const socket = new WebSocket('ws://127.0.0.1:' + server.address().port + '/loom/ws')
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(JSON.stringify({ type: 'join', id: 'c0', module: 'counter', token }))
    await new Promise((resolve) => socket.once('message', resolve))
    socket.send(JSON.stringify({ type: 'event', id: 'c0', handler: 'increment', event: 'click', special_vars: {} }))
    await new Promise((resolve) => socket.once('message', resolve))
    const live = await loom.start('x', () => {}, 'counter', '{"count":1}')
    await live.state()
    const over = new Promise((resolve) => socket.once('close', resolve))
    await loom.close()
    await over
    await new Promise((resolve) => server.close(resolve))
  }

  const look = () => {
    gc()
    return {
      threads: readdirSync('/proc/self/task').length,
      descriptors: readdirSync('/proc/self/fd').length,
      memory: process.memoryUsage().rss / 2 ** 20,
    }
  }

  /** What ends by itself after close() has a moment for that. */
  async function settled(before) {
    for (let round = 0; round < 500; round++) {
      const held = look()
      if (before === undefined || (held.threads <= before.threads && held.descriptors <= before.descriptors)) return held
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return look()
  }

  async function main() {
    // All threads of the process, and its caches, are there after a few.
    for (let number = 0; number < 20; number++) await once('first' + number)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const before = look()
    for (let number = 0; number < Number(count); number++) await once(number)
    console.log(JSON.stringify([before, await settled(before)]))
    process.exit()
  }
  main()
`

const linux = process.platform === 'linux' ? test : test.skip

linux(
  '200 looms with a store, made, used and closed, leave threads, descriptors and memory as they were',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'loom-live-closed-'))
    atEnd(() => rm(folder, { recursive: true, force: true }))
    const child = Child.start(
      `require('node:v8').setFlagsFromString('--expose-gc'); globalThis.gc = require('node:vm').runInNewContext('gc');${PROGRAM}`,
      {
        parameters: [folder, '200'],
      },
    )
    const { code } = await child.exited
    expect({ code, errors: child.errors }).toEqual({ code: 0, errors: '' })
    const [before, after] = JSON.parse(child.output) as [Held, Held]
    expect(after.threads).toBeLessThanOrEqual(before.threads)
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    // What a loom leaves in a program that keeps it is its JavaScript: some tens of KiB. SQLite alone would be 2 MiB each.
    expect(after.memory - before.memory).toBeLessThan(60)
  },
  120_000,
)

test('a loom that is closed says so, and does nothing', async () => {
  const child = Child.start(`
    const { createLoom, html } = require('loom-live')
    const loom = createLoom({ secret: 'x'.repeat(32) })
    const module = { props: {}, handle: {}, render: () => html\`\` }
    loom.register('a', module)
    async function main() {
      await loom.close()
      const said = []
      for (const call of [() => loom.mount('a'), () => loom.register('b', module), () => loom.attach(require('node:http').createServer())])
        await Promise.resolve().then(call).catch((error) => said.push(error.code))
      console.log(JSON.stringify([said, loom.disconnect({ bind: 'x' }), loom.disconnect(() => true), loom.stats().connections, await loom.close()]))
    }
    main()`)
  expect(JSON.parse(await child.result())).toEqual([['LOOM_STOPPED', 'LOOM_STOPPED', 'LOOM_STOPPED'], 0, 0, 0, null])
})
