import Fastify from 'fastify'
import { counter } from './counter.js'
import { loom } from './loom.js'
import { page } from './page.js'

const app = Fastify()
app.get('/live', async () => ({}))
app.get('/ready', (_, reply) => {
  const { ready, why } = loom.ready()
  return reply.code(ready ? 200 : 503).send({ why })
})
await app.register(loom.fastify)
app.get('/', async (request, reply) => {
  reply.type('text/html')
  return page('Counter', await loom.mount(counter, { count: 0 }, { request }))
})

export async function start(port: number): Promise<{ port: number; close(): Promise<void> }> {
  await app.listen({ port, host: '0.0.0.0' })
  const address = app.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    // The plugin closes the loom, too.
    close: () => app.close(),
  }
}
