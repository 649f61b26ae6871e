// The server under test, as an application uses it.

import * as loomLive from 'loom-live'
import { listen, makeServer } from './listen.mjs'
import { modules } from './workloads.mjs'

const { createLoom, html, each } = loomLive
// All load comes from one address.
const unbounded = Object.fromEntries(
  ['eventRate', 'eventBurst', 'connectionsPerAddress', 'eventRatePerAddress', 'eventBurstPerAddress', 'joinRatePerAddress', 'joinBurstPerAddress'].map((name) => [name, 1e6]),
)
const loom = createLoom({
  secret: 'x'.repeat(32),
  // In development mode renders may be checked, which is not what is measured.
  development: false,
  limits: { ...unbounded, ...JSON.parse(process.env.LIMITS ?? '{}') },
  ...(process.env.STORE && { store: { sqlite: process.env.STORE } }),
})
const tokens = {}
for (const [name, module] of Object.entries(modules(html, each))) {
  const page = await loom.mount(loom.register(name, module))
  tokens[name] = /data-l-token="([^"]+)"/.exec(page)[1]
}
const server = makeServer()
loom.attach(server)
listen(server, { tokens })
