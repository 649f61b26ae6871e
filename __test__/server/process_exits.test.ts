import { Child } from '../support/child'
import { Client } from '../support/client'
import { tokenIn } from '../support/site'
import { until } from '../support/until'

const LOOM = `
  const { createLoom, html } = require('loom-live')
  const { createServer } = require('node:http')
  const loom = createLoom({ secret: 'x'.repeat(32), logger: { error() {}, warn() {} } })
  const counter = loom.register('counter', {
    props: { count: 0 },
    handle: {
      increment: ({ count }) => ({ count: count + 1 }),
      never: () => new Promise(() => {}),
      exit: () => process.exit(3),
      crash: () => { setImmediate(() => { throw new Error('crash') }) },
      later: async ({ count }) => {
        await new Promise((resolve) => setImmediate(resolve))
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html\`<b>\${count}</b>\`,
  })
`

const SERVER = `
  ${LOOM}
  const server = createServer()
  loom.attach(server)
  server.listen(0, '127.0.0.1', async () => {
    console.log(JSON.stringify([server.address().port, await loom.mount(counter)]))
  })
`

async function serving(more = ''): Promise<{ child: Child; connect: () => Promise<Client> }> {
  const child = Child.start(SERVER + more)
  const [port, page] = JSON.parse(await child.line()) as [number, string]
  const connect = async (): Promise<Client> => {
    const client = await Client.open(`ws://127.0.0.1:${port}/loom/ws`)
    await client.joined('c0', 'counter', tokenIn(page))
    return client
  }
  return { child, connect }
}

test('an idle loom lets the process exit', async () => {
  const child = Child.start(`${LOOM} loom.mount(counter).then((page) => console.log(page.length > 0))`)
  expect(await child.result()).toBe('true\n')
})

test('so does one that is attached to a server that has closed', async () => {
  const child = Child.start(`${LOOM}
    const server = createServer()
    loom.attach(server)
    server.listen(0, () => server.close())`)
  await child.result()
})

test('so does a live socket that has nothing to do', async () => {
  const child = Child.start(`${LOOM}
    loom.start('x', ({ type }) => console.log(type), counter, '{"count":1}').then(async (socket) => {
      socket.send({ type: 'event', handler: 'increment', event: 'click' })
      console.log((await socket.state()).propsJson)
    })`)
  expect(await child.result()).toBe('trees\npatch\n{"count":2}\n')
})

test('what the application waits for keeps the process alive: start, state, close', async () => {
  const child = Child.start(`${LOOM}
    async function main() {
      const socket = await loom.start('x', () => {}, counter, '{"count":1}')
      for (let count = 0; count < 50; count++) socket.send({ type: 'event', handler: 'later', event: 'click' })
      console.log((await socket.state()).propsJson)
      await loom.close()
      console.log('closed')
    }
    main()`)
  expect(await child.result()).toBe('{"count":51}\nclosed\n')
})

test('a start that fails lets the process exit', async () => {
  const child = Child.start(
    `${LOOM} loom.start('x', () => {}, counter, 'no').catch((error) => console.log(error.code))`,
  )
  expect(await child.result()).toBe('LOOM_START\n')
})

test('after close() of loom and server nothing holds the process, whatever ran', async () => {
  const { child, connect } = await serving(`
    process.stdin.once('data', async () => {
      server.close()
      await loom.close({ timeout: 20 })
      console.log(JSON.stringify(loom.stats()))
      process.stdin.destroy()
    })`)
  const client = await connect()
  const other = await connect()
  await client.shows('c0', 'increment')
  client.event('c0', 'never').catch(() => undefined)
  await other.shows('c0', 'increment')
  child.tell('close')
  expect(await client.closeCode()).toBe(1012)
  expect(JSON.parse(await child.line())).toMatchObject({ connections: 0, components: 0 })
  expect(await child.exit()).toEqual({ code: 0, signal: null })
})

test('after close() nothing of the loom is an open handle, as test runners count them', async () => {
  const child = Child.start(`
    const { createHook } = require('node:async_hooks')
    require('loom-live')
    const open = new Map()
    createHook({
      init: (id, type) => { if (type !== 'PROMISE') open.set(id, type) },
      destroy: (id) => open.delete(id),
    }).enable()
    ${LOOM}
    async function main() {
      const socket = await loom.start('x', () => {}, counter, '{"count":1}')
      await socket.state()
      await loom.close()
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      const types = [...open.values()].filter((type) => type !== 'Immediate' && type !== 'TickObject')
      require('node:fs').writeSync(1, JSON.stringify(types))
    }
    main()`)
  expect(JSON.parse(await child.result())).toEqual([])
})

test('without close() a server whose connections are open ends with it: they hold nothing', async () => {
  const { child, connect } = await serving(`
    process.stdin.once('data', () => {
      server.close()
      process.stdin.destroy()
    })`)
  const client = await connect()
  await client.shows('c0', 'increment')
  child.tell('close')
  expect(await child.exit()).toEqual({ code: 0, signal: null })
  await client.closeCode()
})

test('process.exit() with live connections and running handlers does not crash', async () => {
  for (let round = 0; round < 3; round++) {
    const { child, connect } = await serving()
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect()))
    for (const client of clients) {
      client.event('c0', 'never').catch(() => undefined)
      for (let count = 0; count < 20; count++) client.event('c0', 'increment').catch(() => undefined)
    }
    await clients[0]?.joined('c1', 'counter', tokenIn((JSON.parse(child.output) as [number, string])[1]))
    clients[0]?.event('c1', 'exit').catch(() => undefined)
    expect(await child.exit()).toEqual({ code: 3, signal: null })
    expect(child.errors).toBe('')
    await until('the connections to end', () => clients.every(({ closed }) => closed !== undefined))
  }
}, 30_000)

test('an uncaught exception ends the process as Node ends it', async () => {
  const { child, connect } = await serving()
  const client = await connect()
  client.event('c0', 'crash').catch(() => undefined)
  expect(await child.exit()).toEqual({ code: 1, signal: null })
  expect(child.errors).toContain('Error: crash')
})

test('a signal ends it as well', async () => {
  const { child, connect } = await serving()
  const client = await connect()
  await client.shows('c0', 'increment')
  child.kill('SIGTERM')
  expect(await child.exit()).toEqual({ code: null, signal: 'SIGTERM' })
})

test('a worker thread that has a loom of its own may end at any time, also by force', async () => {
  const child = Child.start(`
    const { Worker } = require('node:worker_threads')
    const source = ${JSON.stringify(`${LOOM}
      const { parentPort } = require('node:worker_threads')
      loom.start('x', () => {}, counter, '{"count":1}').then(async (socket) => {
        socket.send({ type: 'event', handler: 'increment', event: 'click' })
        const { propsJson } = await socket.state()
        socket.send({ type: 'event', handler: 'never', event: 'click' })
        parentPort.postMessage(propsJson)
        setInterval(() => {}, 1000)
      })`)}
    async function main() {
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(source, { eval: true })
        console.log(await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)))
        await worker.terminate()
      }
      ${LOOM}
      const socket = await loom.start('x', () => {}, counter, '{"count":7}')
      console.log((await socket.state()).propsJson)
    }
    main()`)
  expect(await child.result()).toBe('{"count":2}\n'.repeat(5) + '{"count":7}\n')
})
