/** A page in a real browser, whose network sends each of its connections to the next process. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { html, type Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { redis, withRedis } from '../support/redis'
import { pageSite, testLoom } from '../support/site'
import { Harness, until } from './harness'

const harness = new Harness()

/** A proxy that sends each connection to the next of these ports, and can be cut. */
async function roundRobin(ports: number[]): Promise<{ url: string; cut: () => void }> {
  const sockets = new Set<Socket>()
  let turn = 0
  const server = createServer((near) => {
    const far = connect(ports[turn++ % ports.length] as number, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  atEnd(() => {
    cut()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}

withRedis('a page of which each connection goes to the next process', () => {
  test('goes on in another process without a loss, clicks on its way among it', async () => {
    const { store } = await redis()
    const handled: string[] = []
    const lives: boolean[] = []
    const register = (loom: Loom): void => {
      loom.register('counter', {
        props: { count: 0 },
        connected(_, ctx) {
          lives.push(ctx.revived)
        },
        handle: {
          async up({ count }, { id }) {
            handled.push(id)
            await new Promise((resolve) => setTimeout(resolve, 20))
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`<button @click="up">${count}</button><input>`,
      })
    }
    const looms = [1, 2, 3].map(() => testLoom({ backplane: store as { redis: string; prefix: string } }).loom)
    const ports: number[] = []
    for (const loom of looms) {
      register(loom)
      ports.push((await pageSite(loom, 'counter')).port)
    }
    const proxy = await roundRobin(ports)
    const page = await harness.blank()
    await page.addInitScript(() => {
      const told: string[] = []
      const states: string[] = []
      Object.assign(window, { told, states })
      const note = (): unknown =>
        states.push(document.querySelector('[data-l-state]')?.getAttribute('data-l-state') ?? '')
      new MutationObserver(note).observe(document, { subtree: true, attributeFilter: ['data-l-state'] })
      for (const type of ['loom:reset', 'loom:lost', 'loom:error']) addEventListener(type, () => told.push(type))
    })
    await page.goto(proxy.url)
    await page.waitForSelector('[data-l-state="live"]', { state: 'attached' })
    await page.fill('input', 'what was typed')
    for (let click = 1; click <= 12; click++) {
      await page.evaluate(() => document.querySelector('button')?.click())
      if (click % 3 > 0) continue
      proxy.cut()
      // A cut on the way back would send the page on once more, perhaps to where it came from.
      await page.waitForFunction((cuts) => {
        const { states } = window as unknown as { states: string[] }
        return states.filter((state) => state === 'offline').length === cuts && states.at(-1) !== 'offline'
      }, click / 3)
      await page.waitForSelector('[data-l-state="live"],[data-l-state="waiting"]', { state: 'attached' })
    }
    await page.waitForSelector('button:text-is("12")')
    await page.waitForSelector('[data-l-state="live"]', { state: 'attached' })
    expect([handled.length, new Set(handled).size]).toEqual([12, 12])
    expect(await page.evaluate(() => (window as unknown as { told: string[] }).told)).toEqual([])
    expect(await page.inputValue('input')).toBe('what was typed')
    expect(lives[0]).toBe(false)
    expect(lives.slice(1).every((revived) => revived)).toBe(true)
    expect(lives.length).toBeGreaterThan(1)
    await until('one component', () => looms.reduce((sum, loom) => sum + loom.stats().components, 0) === 1)
  })
})
