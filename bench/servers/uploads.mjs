// A process that takes files: bench/uploads.mjs asks it how much memory it uses.

import { randomUUID } from 'node:crypto'
import { createWriteStream, unlink } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createLoom, html } from 'loom-live'

const loom = createLoom({ secret: 'the secret of a server that is measured', development: false })
const album = loom.register('album', {
  props: { clicks: 0, files: 0 },
  uploads: { file: { maxFiles: 20, maxBytes: 2 ** 30 } },
  handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
  receive: {
    file: async (props, { data }) => {
      process.send({ handed: data.name, bytes: (await stat(data.path)).size, path: data.path })
      return { ...props, files: props.files + 1 }
    },
  },
  render: ({ clicks, files }) => html`<button data-l-click="click">${clicks}</button><b>${files}</b>`,
})
const uploads = loom.uploads({ directory: process.env.DIRECTORY })
const server = createServer((request, response) => {
  // The memory that Node itself needs for a file, without loom-live: the floor.
  if (request.url === '/bare') {
    const to = join(process.env.DIRECTORY, randomUUID())
    pipeline(request, createWriteStream(to), () => unlink(to, () => response.end()))
    return
  }
  uploads(request, response, () => {
    void loom.mount(album).then((page) => response.end(page))
  })
})
loom.attach(server)
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', ({ collects }) => {
  if (collects) globalThis.gc?.()
  process.send({ memory: process.memoryUsage().rss })
})
