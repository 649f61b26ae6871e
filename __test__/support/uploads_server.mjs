// A process with uploads: a page with an album, and what it has been handed. Jest cannot load @tus/server, which is an ES
// module, so it runs on its own; and so it can be killed, and its memory measured.

import { createServer } from 'node:http'
import { stat } from 'node:fs/promises'
import { createLoom, each, html } from 'loom-live'

const { options, rules, loomOptions, framework } = JSON.parse(process.env.UPLOADS ?? '{}')
const log = []
const tell = (message) => void log.push(message)
/** All that was handed over, however often. */
const handed = []
/** What another server has been sent. */
const direct = []
/** Files that the other server keeps waiting, in the mood `hold`, and those of them whose sender has gone. */
const held = []
const gone = []
/** What the receiver for files does: `throw`, or nothing. */
let mood = ''

const loom = createLoom({
  secret: 'a secret of at least thirty-two bytes',
  development: false,
  logger: { error: tell, warn: tell },
  bind: (request) => /user=(\w+)/.exec(request.headers.cookie ?? '')?.[1],
  ...loomOptions,
})

const bar = (entry) => html`<li id="f${entry.id}">
  <img data-l-preview="${entry.id}" alt="">
  <b>${entry.name}</b> <progress max="${entry.size}" value="${entry.sent}"></progress>
  <i>${entry.error ?? ''}</i> <button @click="cancel" data-l-value="${entry.id}">cancel</button></li>`

const module = {
  props: { files: [], under: [], clicks: 0, failed: 0 },
  uploads: {
    photo: { accept: ['image/*', '.txt'], maxFiles: 4, maxBytes: 4_000_000, progress: 'under', ...rules },
    away: {
      progress: 'under',
      direct: (file) => {
        if (file.name === 'refused.txt') throw new Error('no')
        return { url: `/elsewhere/${file.id}`, headers: { 'x-for': file.name }, key: `key of ${file.name}` }
      },
    },
  },
  handle: {
    cancel: (props, event, ctx) => ctx.cancelUpload(event.value ?? ''),
    click: (props) => ({ ...props, clicks: props.clicks + 1 }),
    boom: () => {
      throw new Error('boom')
    },
  },
  receive: {
    under: (props, { data }) => ({ ...props, under: data }),
    photo: async (props, { data }) => {
      const { id, name, type, size, path } = data
      handed.push({ id, name, type, size, path, bytes: (await stat(path)).size })
      if (mood === 'throw') throw new Error('not taken')
      return { ...props, files: [...props.files, { id, name, size }] }
    },
    away: (props, { data }) => {
      const { id, name, key } = data
      handed.push({ id, name, key })
      return { ...props, files: [...props.files, { id, name, size: data.size }] }
    },
  },
  render: ({ files, under, clicks }) => {
    if (mood === 'no render') throw new Error('no render')
    return html`<div id="zone" data-l-drop="photo" tabindex="0">
      <input type="file" id="photo" data-l-upload="photo" accept="image/*,.txt" multiple data-l-max-bytes="4000000">
      <input type="file" id="away" data-l-upload="away"></div>
      <img id="latest" data-l-preview="photo" alt="">
      <ul id="under">${each(under, (entry) => entry.id, bar)}</ul>
      <ol id="files">${each(
        files,
        (file) => file.id,
        (file) => html`<li>${file.name} ${file.size}</li>`,
      )}</ol>
      <button id="click" @click="click">${clicks}</button>`
  },
}
loom.register('album', module)
loom.register('other', { ...module })

const json = (response, value) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
}

async function answer(request, response) {
  const [path, query = ''] = request.url.split('?')
  if (path === '/state') {
    mood = new URLSearchParams(query).get('mood') ?? mood
    return json(response, { handed, log, direct, held, gone, memory: process.memoryUsage().rss })
  }
  if (path.startsWith('/elsewhere/')) {
    if (mood === 'hold') {
      const name = request.headers['x-for']
      response.on('close', () => gone.push(name))
      return held.push(name)
    }
    let bytes = 0
    for await (const chunk of request) bytes += chunk.length
    direct.push({ path, bytes, method: request.method, name: request.headers['x-for'] })
    return response.end()
  }
  if (path === '/up') return response.end('up')
  response.setHeader('content-type', 'text/html; charset=utf-8')
  const mounted = await loom.mount(path === '/other' ? 'other' : 'album', {}, { request })
  response.end(
    `<!doctype html><html lang="en"><title>album</title><link rel="icon" href="data:,">${mounted}${loom.script()}</html>`,
  )
}

const port = Number(process.env.PORT)
const uploads = options && loom.uploads(options)
if (framework === 'fastify') {
  const { default: Fastify } = await import('fastify')
  const app = Fastify()
  await app.register(loom.fastify)
  app.all('/*', (request, reply) => {
    reply.hijack()
    void answer(request.raw, reply.raw)
  })
  await app.listen({ port, host: '127.0.0.1' })
} else if (framework === 'express') {
  const { default: express } = await import('express')
  const app = express()
  app.use(express.json())
  app.use(loom.express())
  app.use(uploads)
  app.use((request, response) => void answer(request, response))
  const server = createServer(app)
  loom.attach(server)
  server.listen(port, '127.0.0.1')
} else {
  const client = loom.express()
  const server = createServer((request, response) => {
    client(request, response, () => {
      if (uploads === undefined) void answer(request, response)
      else uploads(request, response, () => void answer(request, response))
    })
  })
  loom.attach(server)
  server.listen(port, '127.0.0.1')
}
process.on('SIGTERM', () => void loom.close({ timeout: 0 }).then(() => process.exit()))
