// How the measurements of published messages begin: a server that publishes, and viewers that come to it.

import { spawnSync } from 'node:child_process'
import { openIdle } from './idle.mjs'
import { startServer } from './servers.mjs'
import { VIEWERS } from './viewers.mjs'

/** The core of the servers. */
const SERVERS = 0

/** From here on this process, and the processes that it starts itself, have the other core. */
export function leaveServersTheirCore() {
  spawnSync('taskset', ['-p', '-c', '1', String(process.pid)], { stdio: 'ignore' })
}

/**
 * Starts a server of this kind, a name of `VIEWERS`. `target` is the address for its viewers. `viewersCome` connects so
 * many viewers, and returns their sockets.
 */
export async function startPublisher(kind, environment = {}) {
  const name = kind === 'broadcast' ? 'broadcast' : 'publish'
  const server = await startServer(name, { core: SERVERS, environment: { PEER: kind, ...environment } })
  const { messages, ...how } = VIEWERS[kind](server.tokens.price)
  const target = { port: server.port, tls: false, ...how }
  return { server, target, viewersCome: (count) => openIdle(target, count, messages) }
}
