import { once } from 'node:events'
import { connect } from 'node:net'
import { freePort } from '../support/process'
import { Demo, live, shows } from './demo'

/** What a server that is gone leaves in the console: the socket's error, and in development what is asked over HTTP. */
const broken = /WebSocket connection to|ERR_/

const demo = new Demo()

test('says where it is', () => {
  expect(demo.server.output).toBe(`The demo is at ${demo.server.url}\n`)
})

test('says when the port is in use, and how to choose another', async () => {
  const second = Demo.runServer(demo.server.port)
  expect(await second.exited).toBe(1)
  expect(second.output).toBe(`Port ${demo.server.port} is in use; choose another one: PORT=3001 npm start\n`)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it, also while pages are open', async (signal) => {
  const page = await demo.open()
  expect(await demo.server.stop(signal)).toBe(0)
  await page.waitForSelector('[data-l-state=offline]')
  demo.server = await Demo.startServer(demo.server.port)
  await live(page)
  // The browser's own words about connections that were refused meanwhile.
  demo.forgiveProblems(broken)
})

test('a connection that never asks for anything does not keep it', async () => {
  const server = await Demo.startServer(await freePort())
  const silent = connect(server.port, '127.0.0.1').on('error', () => undefined)
  await once(silent, 'connect')
  // It has been accepted once a later one is answered.
  await (await fetch(server.url)).text()
  try {
    expect(await server.stop()).toBe(0)
  } finally {
    silent.destroy()
  }
})

test('a page goes on after the server was killed and started again', async () => {
  const page = await demo.open()
  await page.fill('.todo-card .add input', 'half a tho')
  await demo.server.stop('SIGKILL')
  await page.waitForSelector('[data-l-state=offline]')
  // What is done meanwhile waits.
  await page.click('button[aria-label="One more"]')
  demo.server = await Demo.startServer(demo.server.port)
  await live(page)
  await shows(page, 'output', '4')
  expect(await page.inputValue('.todo-card .add input')).toBe('half a tho')
  demo.forgiveProblems(broken)
})

test('after SIGTERM a page comes back at once where a click waits, not when all are spread out', async () => {
  const page = await demo.open()
  const start = Number(await page.locator('output').innerText())
  await page.clock.install()
  await page.clock.pauseAt(Date.now() + 1_000)
  // Whatever the server says, this page would be the last.
  await page.evaluate(() => (Math.random = () => 0.999))
  const port = demo.server.port
  expect(await demo.server.stop('SIGTERM')).toBe(0)
  await page.waitForSelector('[data-l-state=offline]')
  demo.server = await Demo.startServer(port)
  // The page's clock stands still: no timer brings it back, the click does.
  await page.click('button[aria-label="One more"]')
  await page.waitForFunction(
    (text) => document.querySelector('output')?.textContent.trim() === text,
    String(start + 1),
    { polling: 50 },
  )
  demo.forgiveProblems(broken)
})

test('PORT is where it listens', async () => {
  const server = await Demo.startServer(await freePort())
  expect(server.url).not.toBe(demo.server.url)
  expect(await server.stop()).toBe(0)
})
