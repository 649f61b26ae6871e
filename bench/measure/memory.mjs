// Measures the resident memory of an idle connection with one joined component.

import { setTimeout as sleep } from 'node:timers/promises'
import { makeCertificate } from '../support/certificate.mjs'
import { dialectOf } from '../support/dialect.mjs'
import { loadPages, openIdle } from '../support/idle.mjs'
import { settledMemory, startServer } from '../support/servers.mjs'
import { table } from '../support/table.mjs'

const PAGES = 4000

/** After this time loom-live has dropped parsed props that were not used (`lib/call/cache.ts`). */
const IDLE_MS = 21_000

const CASES = [
  { label: 'http, counter', module: 'counter', connections: 2000, servers: ['bare', 'ws', 'loom'] },
  { label: 'http, table of 1000 rows', module: 'table-map', rows: 1000, connections: 400, servers: ['ws', 'loom'] },
  {
    label: 'http, table of 1000 rows, each',
    module: 'table-each',
    rows: 1000,
    connections: 400,
    servers: ['loom'],
    needsEach: true,
  },
  { label: 'https, counter', module: 'counter', connections: 1000, tls: true, servers: ['bare', 'ws', 'loom'] },
]

function messages({ module, rows }, token, protocol) {
  const { join, event } = dialectOf(protocol)
  const joining = join(module, token)
  return rows === undefined ? [joining] : [joining, event('fill', String(rows))]
}

/** Bytes per connection: the growth over `connections`, after the first tenth of them. */
async function grow(name, { connections, tls = false, ...workload }, options, environment) {
  const protocol = name === 'loom' ? options.protocol : undefined
  const server = await startServer(name, { core: options.cores.servers, environment })
  const sockets = []
  try {
    const token = server.tokens[workload.module] ?? ''
    const say = name === 'bare' ? [] : messages(workload, token, protocol)
    const target = { port: server.port, tls, protocol }
    // V8's young generation grows once with the first burst of work. That must not count as a connection's cost.
    await loadPages(target, PAGES)
    sockets.push(...(await openIdle(target, connections / 10, say)))
    const idle = workload.rows === undefined ? 0 : IDLE_MS
    await sleep(idle)
    const before = await settledMemory(server)
    sockets.push(...(await openIdle(target, connections, say)))
    await sleep(idle)
    const after = await settledMemory(server)
    return (after - before) / connections
  } finally {
    sockets.forEach((socket) => socket.destroy())
    await server.stop()
  }
}

export async function measureMemory(options, hasEach) {
  const certificate = makeCertificate()
  const rows = []
  try {
    for (const memory of CASES) {
      if (memory.needsEach && !hasEach) continue
      for (const name of memory.servers) {
        options.progress(`memory: ${memory.label}, ${name}`)
        const bytes = await grow(name, memory, options, memory.tls ? certificate.environment : {})
        rows.push([memory.label, name, memory.connections, (bytes / 1024).toFixed(1)])
      }
    }
  } finally {
    certificate.remove()
  }
  const head = ['memory', 'server', 'connections', 'KiB per connection']
  return `### Memory\n\n${table(head, rows)}`
}
