import { readdir, readlink } from 'node:fs/promises'
import { html } from 'loom-live'
import { counter, Site, TRANSPORTS, type Transport } from '../support/site'
import { Gate, until } from '../support/until'

/** Open sockets of this process. */
async function sockets(): Promise<number> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return targets.filter((target) => target.startsWith('socket:')).length
}

const linux = process.platform === 'linux' ? describe : describe.skip

async function droppable(over: Transport) {
  const site = await Site.start({ over })
  const gate = new Gate()
  let aborted = 0
  let running = 0
  const module = site.loom.register('droppable', {
    props: { count: 0 },
    handle: {
      increment: ({ count }) => ({ count: count + 1 }),
      async wait(_, __, { signal }) {
        running += 1
        signal.addEventListener('abort', () => (aborted += 1))
        await gate.promise
      },
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  return { site, module, gate, aborted: () => aborted, running: () => running }
}

linux.each(TRANSPORTS)('over %s', (over) => {
  const rounds = over === 'http, descriptor' ? 4 : 1
  const each = 250

  test(`${rounds * each} connections dropped mid-event`, async () => {
    const { site, module, gate, aborted, running } = await droppable(over)
    const before = await sockets()
    const token = await site.token(module)
    for (let round = 1; round <= rounds; round++) {
      const clients = await Promise.all(Array.from({ length: each }, () => site.connect()))
      await Promise.all(clients.map((client) => client.joined('c0', 'droppable', token)))
      for (const client of clients) {
        client.event('c0', 'wait').catch(() => undefined)
        client.event('c0', 'increment').catch(() => undefined)
      }
      await until('the handlers to run', () => running() === round * each)
      // Not `before` and more: what an earlier test opened may close meanwhile.
      expect(await sockets()).toBeGreaterThanOrEqual(2 * each)
      for (const client of clients) client.drop()
      await site.empty()
      await until('the handlers to be told', () => aborted() === round * each)
    }
    await until('the descriptors to be closed', async () => (await sockets()) <= before)
    gate.open()
    const client = await site.live(module)
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  }, 30_000)

  test('connections that never get beyond their handshake, or not even there', async () => {
    const site = await Site.start({ over })
    const before = await sockets()
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    const request = (more: string): string =>
      `GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n\r\n`
    for (let count = 0; count < 20; count++) {
      const open = await Promise.all([site.socket(), site.socket(), site.socket(), site.socket()])
      open[0]?.write(request(`${key}\r\nSec-WebSocket-Version: 13`))
      open[1]?.write(request(key))
      open[2]?.write(request(`${key}\r\nSec-WebSocket-Version: 13\r\nOrigin: null`))
      open[3]?.write('GET /loom/ws HTTP/1.1\r\nHost: x\r\nUpgr')
      for (const socket of open) socket.destroy()
    }
    await site.empty()
    await until('the descriptors to be closed', async () => (await sockets()) <= before)
  })

  test('joins that failed, leaves and rejoins', async () => {
    const site = await Site.start({ over })
    const module = counter(site.loom)
    const failing = site.loom.register('failing', {
      props: { fail: false },
      handle: {},
      render({ fail }) {
        if (fail) throw new Error('render')
        return html`<p></p>`
      },
    })
    const client = await site.connect()
    const token = await site.token(module)
    // Sealed by a loom whose module renders what this one's does not.
    const sealing = await Site.start()
    sealing.loom.register('failing', { props: {}, handle: {}, render: () => html`` })
    const bad = await sealing.token('failing', { fail: true })
    for (let count = 0; count < 50; count++) {
      await client.joined('c0', 'counter', token)
      expect(await client.join('c1', failing.name, bad)).toMatchObject({ type: 'error', id: 'c1' })
      expect(await client.join('c2', 'nowhere', token)).toMatchObject({ type: 'error', id: 'c2' })
      await client.joined(`d${count}`, 'counter', token)
      client.leave(`d${count}`)
    }
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
    await until('all but one to end', () => site.loom.stats().components === 1)
    await client.close()
    await site.empty()
  })
})

test('a page whose first render failed may join again', async () => {
  const site = await Site.start()
  let broken = true
  const module = site.loom.register('mended', {
    props: {},
    handle: {},
    render() {
      if (broken) throw new Error('broken')
      return html`<p></p>`
    },
  })
  broken = false
  const token = await site.token(module)
  broken = true
  const client = await site.connect()
  expect(await client.join('c0', 'mended', token)).toMatchObject({ type: 'error', id: 'c0' })
  client.send({ type: 'event', id: 'c0', handler: 'x', event: 'click' })
  broken = false
  expect(await client.joined('c0', 'mended', token)).toBe('<p></p>')
  expect(client.unexpected).toEqual([])
  expect(site.loom.stats().components).toBe(1)
})
