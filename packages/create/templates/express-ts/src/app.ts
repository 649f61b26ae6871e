import { once } from 'node:events'
import express from 'express'
import { counter } from './counter.js'
import { loom } from './loom.js'
import { page } from './page.js'

const app = express()
app.disable('x-powered-by')
app.get('/live', (_, response) => {
  response.json({})
})
app.get('/ready', (_, response) => {
  const { ready, why } = loom.ready()
  response.status(ready ? 200 : 503).json({ why })
})
app.use(loom.express())
app.get('/', async (request, response) => {
  response.send(page('Counter', await loom.mount(counter, { count: 0 }, { request })))
})

export async function start(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const server = app.listen(port)
  loom.attach(server)
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close() {
      server.close()
      await loom.close()
      server.closeIdleConnections()
      // Requests that are under way have a second.
      setTimeout(() => server.closeAllConnections(), 1_000).unref()
    },
  }
}
