// One process of the cluster: the demo, which tells the others each second how it is.

import { loom } from '../demo/loom.mjs'
import { server } from '../demo/server.mjs'
import { tell } from './page.mjs'

server.once('listening', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
})
const timer = setInterval(() => void tell(), 1_000)
server.once('close', () => {
  clearInterval(timer)
  // The channel to the parent would keep this process.
  if (process.connected) process.disconnect()
})
void tell()

// Without its parent it is of no use.
process.once('disconnect', () => loom.close().then(() => process.exit()))
