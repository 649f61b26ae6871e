import express from 'express'
import { createLoom, html } from 'loom-live'
import pg from 'pg'
import { PostgresStore } from './store.cjs'

const { DATABASE_URL = 'postgres://localhost/postgres', LOOM_SECRET, PORT = '3000' } = process.env

const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  // Less than the five seconds after which the loom has given up what it asked for.
  connectionTimeoutMillis: 4000,
  statement_timeout: 4000,
})
// A connection that waits in the pool and is lost is no reason to end: the next query makes another one.
pool.on('error', (error) => console.warn(`Postgres: ${error.message}`))

const store = new PostgresStore(pool)
await store.prepare()
setInterval(() => store.sweep().catch((error) => console.warn(`Postgres: ${error.message}`)), 60_000).unref()

const loom = createLoom({ secret: LOOM_SECRET, store })

const balance = loom.register('balance', {
  props: { left: 10 },
  handle: {
    spend(props) {
      // With a store this cannot be rolled back: not by an old page, not by a restart, not in another process.
      if (props.left > 0) return { left: props.left - 1 }
    },
  },
  render: (props) => html`<button data-l-click="spend">${props.left} left</button>`,
})

const app = express()
app.use(loom.express())
app.get('/', async (request, response) => {
  const button = await loom.mount(balance, {}, { request })
  response.send(`<!doctype html><title>Balance</title>${button}${loom.script()}`)
})

const server = app.listen(PORT)
loom.attach(server)

process.once('SIGTERM', async () => {
  await loom.close()
  server.close()
  server.closeIdleConnections()
  // Requests that are under way have a second.
  setTimeout(() => server.closeAllConnections(), 1_000).unref()
  await pool.end()
})
