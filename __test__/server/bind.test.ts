import type { IncomingMessage } from 'node:http'
import type { LoomOptions } from 'loom-live'
import { Client } from '../support/client'
import { counter, Site, testLoom, tokenIn } from '../support/site'
import { Gate, until } from '../support/until'

/** A request of which nothing is read. */
const REQUEST = Object.create(null) as IncomingMessage

type Bind = NonNullable<LoomOptions['bind']>

/** A page that shows the counter to whoever asks. */
async function bound(bind: Bind) {
  const site = await Site.start({
    bind,
    listener(request, response) {
      site.loom.mount('counter', { count: 3 }, { request }).then(
        (page) => response.end(page),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    },
  })
  counter(site.loom)
  const page = async (cookie: string): Promise<string> => {
    const response = await fetch(site.origin, { headers: { cookie, connection: 'close' } })
    return tokenIn(await response.text())
  }
  const connect = (cookie?: string): Promise<Client> =>
    Client.open(site.url(), cookie === undefined ? {} : { headers: { cookie } })
  return { site, page, connect }
}

const session = ({ headers }: IncomingMessage): string | undefined => headers.cookie

test.each<[string, Bind]>([
  ['at once', session],
  [
    'later',
    async (request) => {
      await new Promise((resolve) => setImmediate(resolve))
      return session(request)
    },
  ],
])('a page belongs to its user (known %s)', async (_, bind) => {
  const { page, connect } = await bound(bind)
  const token = await page('user=ada')
  const ada = await connect('user=ada')
  expect(await ada.joined('c0', 'counter', token)).toBe('<b>3</b>')
  for (const cookie of ['user=bob', 'user=ada2', undefined]) {
    const other = await connect(cookie)
    expect(await other.join('c0', 'counter', token)).toMatchObject({ type: 'error', id: 'c0' })
  }
})

test('a page for nobody in particular is for everybody without a user', async () => {
  const { page, connect } = await bound(({ headers }) => /user=(\w+)/.exec(headers.cookie ?? '')?.[1])
  const token = await page('')
  expect(await (await connect()).joined('c0', 'counter', token)).toBe('<b>3</b>')
  expect(await (await connect('user=ada')).join('c0', 'counter', token)).toMatchObject({ type: 'error' })
})

test('without a request there is nothing to bind a page to', async () => {
  const { loom } = testLoom({ bind: session })
  counter(loom)
  await expect(loom.mount('counter')).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  await expect(loom.mount('counter')).rejects.toThrow('{ request }')
})

test('without the option no request is needed', async () => {
  const { loom } = testLoom()
  counter(loom)
  expect(await loom.mount('counter')).toContain('<b>0</b>')
})

test('where bind fails, mount does', async () => {
  const { loom } = testLoom({
    bind: () => {
      throw new Error('no database')
    },
  })
  counter(loom)
  await expect(loom.mount('counter', {}, { request: REQUEST })).rejects.toThrow('no database')
  const rejecting = testLoom({ bind: () => Promise.reject(new Error('no database')) })
  counter(rejecting.loom)
  await expect(rejecting.loom.mount('counter', {}, { request: REQUEST })).rejects.toThrow('no database')
})

test('a query that is only thenable will do', async () => {
  const thenable = {
    then: (resolve: (user: string) => void) => {
      resolve('ada')
    },
  }
  const site = await Site.start({ bind: () => thenable as unknown as Promise<string> })
  counter(site.loom)
  const token = tokenIn(await site.loom.mount('counter', {}, { request: REQUEST }))
  const client = await site.connect()
  expect(await client.joined('c0', 'counter', token)).toBe('<b>0</b>')
})

test.each([[7], [{ id: 'ada' }], [true]])('a user is text: %j is an error that says so', async (user) => {
  for (const bind of [() => user, () => Promise.resolve(user)] as unknown as Bind[]) {
    const { loom } = testLoom({ bind })
    counter(loom)
    await expect(loom.mount('counter', {}, { request: REQUEST })).rejects.toMatchObject({
      code: 'LOOM_ARGUMENT',
      message: expect.stringContaining('a string, or undefined for nobody, for what the option bind gives') as string,
    })
  }
})

test('a client that leaves while its user is looked up leaves nothing behind', async () => {
  const gates: Gate<string>[] = []
  const site = await Site.start({
    bind: () => {
      const gate = new Gate<string>()
      gates.push(gate)
      return gate.promise
    },
  })
  const sockets = []
  for (let count = 0; count < 10; count++) {
    const socket = await site.socket()
    socket.write(
      'GET /loom/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    sockets.push(socket)
  }
  await until('all to be looked up', () => gates.length === 10)
  for (const socket of sockets) socket.resetAndDestroy()
  for (const gate of gates) gate.open('ada')
  await site.freed()
  await site.empty()
})
