/** In a real browser: a user who is removed from a topic sees nothing more of it, and the rest of the page goes on. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { html, Refusal } from 'loom-live'
import { Site, testLoom } from '../support/site'
import { Harness } from './harness'

const harness = new Harness()

test('disconnect by topic ends one component, which joins again if it may', async () => {
  const { loom } = testLoom()
  const removed = new Set<string>()
  for (const room of ['a', 'b', 'c']) {
    loom.register(room, {
      props: { got: [] as string[], clicks: 0 },
      authorize({ topics }) {
        if (topics.some((topic) => removed.has(topic))) throw new Refusal('You have been removed')
        return true
      },
      connected: async (_, ctx) => ctx.subscribe(`room:${room}`, 'arrived'),
      handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
      receive: { arrived: (props, { data }) => ({ ...props, got: [...props.got, String(data)] }) },
      render: ({ got, clicks }) =>
        html`<p class="${room}">${got.join(' ')}</p><button @click="click">${clicks}</button>`,
    })
  }
  const middleware = loom.express()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    middleware(request, response, () => {
      void Promise.all(['a', 'b', 'c'].map((room) => loom.mount(room, {}, { request }))).then((rooms) => {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end(`<!doctype html><title>rooms</title>${rooms.join('')}${loom.script()}`)
      })
    })
  })
  loom.attach(server)
  const site = await Site.of(loom, server)
  const page = await harness.blank()
  // A page that is told to come back does so within five seconds.
  page.setDefaultTimeout(15_000)
  const sockets: unknown[] = []
  page.on('websocket', (socket) => sockets.push(socket))
  await page.goto(`${site.origin}/`)
  const state = (room: string, state: string) =>
    page.waitForSelector(`[data-l-live="${room}"][data-l-state="${state}"]`, { state: 'attached' })
  const shows = (room: string, text: string) =>
    page.waitForFunction(([room, text]) => document.querySelector(`.${room}`)?.textContent === text, [room, text])
  await Promise.all(['a', 'b', 'c'].map((room) => state(room, 'live')))
  for (const room of ['a', 'b', 'c']) await loom.publish(`room:${room}`, 'one')
  await Promise.all(['a', 'b', 'c'].map((room) => shows(room, 'one')))
  removed.add('room:a')
  expect(loom.disconnect({ topic: 'room:a' })).toBe(1)
  // One that may go on loses nothing.
  expect(loom.disconnect({ topic: 'room:b' })).toBe(1)
  for (const room of ['a', 'b', 'c']) await loom.publish(`room:${room}`, 'two')
  await shows('c', 'one two')
  await state('a', 'error')
  await state('b', 'live')
  await shows('b', 'one two')
  await page.click('[data-l-live="b"] button')
  await page.waitForSelector('[data-l-live="b"] button:text("1")')
  expect(await page.textContent('.a')).toBe('one')
  expect(sockets).toHaveLength(1)
})
