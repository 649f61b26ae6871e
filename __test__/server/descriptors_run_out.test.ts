import { Child } from '../support/child'
import { Client } from '../support/client'
import { tokenIn } from '../support/site'
import { until } from '../support/until'

const unix = process.platform === 'win32' ? describe.skip : describe

/** A server that may have few descriptors, and what it logs. */
async function served(transport: string): Promise<{ child: Child; connect: () => Promise<Client>; token: string }> {
  const child = Child.start(
    `
    const { createServer } = require('node:http')
    const { createLoom, html } = require('loom-live')
    const logger = { error: (text) => console.log('error ' + text), warn: (text) => console.log('warn ' + text) }
    const loom = createLoom({ secret: 'x'.repeat(32), logger, transport: '${transport}' })
    loom.register('counter', {
      props: { count: 0 },
      handle: { increment: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html\`<b>\${count}</b>\`,
    })
    const server = createServer((request, response) => response.end('hello'))
    loom.attach(server)
    server.listen(0, '127.0.0.1', async () => console.log(server.address().port + ' ' + await loom.mount('counter')))
    `,
    { shell: 'ulimit -n 60' },
  )
  const [port, ...page] = (await child.line()).split(' ')
  const connect = (): Promise<Client> => Client.open(`ws://127.0.0.1:${port}/loom/ws`)
  return { child, connect, token: tokenIn(page.join(' ')) }
}

unix.each(['auto', 'relay'])('without descriptors (transport %s)', (transport) => {
  test('that is said once, those who are in go on, and when there are some again, others get in', async () => {
    const { child, connect, token } = await served(transport)
    const first = await connect()
    await first.joined('c0', 'counter', token)
    const attempts = await Promise.all(Array.from({ length: 80 }, () => connect().catch(() => undefined)))
    const clients = attempts.filter((client) => client !== undefined)
    expect(clients.length).toBeLessThan(80)
    await until('a line in the log', () => child.output.includes('no file descriptors left'))
    expect(await first.shows('c0', 'increment')).toBe('<b>1</b>')
    await expect(connect()).rejects.toThrow()
    for (const client of clients) client.drop()
    await until('somebody new to get in', () =>
      connect().then(
        async (client) => (await client.joined('c0', 'counter', token)) !== '',
        () => false,
      ),
    )
    await until('that to be said', () => child.output.includes('there are file descriptors again'))
    expect(child.output.match(/no file descriptors left/g)).toHaveLength(1)
    expect(child.output.split('\n').filter((line) => /^(error|warn) /.test(line))).toHaveLength(2)
    expect(child.errors).toBe('')
  }, 40_000)
})
