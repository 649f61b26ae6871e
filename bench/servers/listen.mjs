// The part that all servers share: listens on a free port of this machine, over TLS if asked to, prints the port,
// answers ordinary requests, and collects garbage when told, so that memory is compared after it has settled.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

export function makeServer() {
  const { BENCH_KEY: key, BENCH_CERTIFICATE: certificate } = process.env
  if (key === undefined || certificate === undefined) return createServer()
  return createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) })
}

export function listen(server, more = {}) {
  server.on('request', (_request, response) => {
    response.end('a page')
  })
  process.on('SIGUSR2', () => {
    // Called without options: with options, Node 20 does not collect the objects that were dropped last.
    globalThis.gc?.()
  })
  // Many clients come at once; the default of 511 would drop some of them.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(JSON.stringify({ port: server.address().port, ...more }))
  })
}
