// The server under test, as an application uses it.

import * as loomLive from 'loom-live'
import { listen, makeServer } from './listen.mjs'
import { modules } from './workloads.mjs'

const { createLoom, html, each } = loomLive
// All load comes from one address, so limits for one address are lifted.
const unbounded = Object.fromEntries(
  [
    'eventRate',
    'eventBurst',
    'connectionsPerAddress',
    'eventRatePerAddress',
    'eventBurstPerAddress',
    'joinRatePerAddress',
    'joinBurstPerAddress',
  ].map((name) => [name, 1e6]),
)
const loom = createLoom({
  secret: 'x'.repeat(32),
  // In development, renders are checked; the cost of this is not measured here.
  development: false,
  limits: { ...unbounded, ...JSON.parse(process.env.LIMITS ?? '{}') },
  ...(process.env.STORE && { store: storeAt(process.env.STORE) }),
})

function storeAt(place) {
  return /^rediss?:/.test(place) ? { redis: place } : { sqlite: place }
}

/** Makes the application's handlers also copy and compare a list of BESIDE items. */
function beside(module) {
  let list = Array.from({ length: Number(process.env.BESIDE) }, (_, id) => ({ id }))
  const walked = (handler) => (props, event) => {
    const next = list.slice()
    // Twice, as the library compares two lists: the props' and the rows'.
    for (let pass = 0; pass < 2; pass++) list = list.every((item, index) => item === next[index]) ? next : []
    return handler(props, event)
  }
  return { ...module, handle: { ...module.handle, change: walked(module.handle.change) } }
}

const tokens = {}
for (const [name, plain] of Object.entries(modules(html, each))) {
  const module = process.env.BESIDE && plain.handle.change ? beside(plain) : plain
  const page = await loom.mount(loom.register(name, module))
  tokens[name] = /data-l-token="([^"]+)"/.exec(page)[1]
}
const server = makeServer()
loom.attach(server)
listen(server, { tokens })
