import { fileURLToPath } from 'node:url'
import express from 'express'
import { albumPage, endAlbum, pictures, uploads } from './album.mjs'
import { basketPage } from './basket.mjs'
import { boardPage } from './board.mjs'
import { commandsPage } from './commands.mjs'
import { feedPage } from './feed.mjs'
import { endKept } from './kept.mjs'
import { ending, loom, redis } from './loom.mjs'
import { ordersPage } from './orders.mjs'
import { page } from './page.mjs'
import { scripts } from './scripts.mjs'
import { settingsPage } from './settings.mjs'
import { teamPage } from './team.mjs'
import { signupPage } from './signup.mjs'
import { visitor } from './visitor.mjs'
import { widgetsPage } from './widgets.mjs'

const port = Number(process.env.PORT || 3000)
const app = express()

app.use((request, response, next) => {
  response.set(
    'Content-Security-Policy',
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  )
  next()
})
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))
app.use(loom.express())
app.use(loom.forms())
app.use(uploads)
app.get('/', visitor, async (request, response) => {
  response.send(await page(request))
})
app.get('/signup', async (request, response) => {
  response.send(await signupPage(request))
})
app.get('/orders', async (request, response) => {
  response.send(await ordersPage(request))
})
app.get('/settings', async (request, response) => {
  response.send(await settingsPage(request))
})
app.get('/basket', async (request, response) => {
  response.send(await basketPage(request))
})
app.get('/team', async (request, response) => {
  response.send(await teamPage(request))
})
app.get('/widgets', async (request, response) => {
  response.send(await widgetsPage(request))
})
app.get('/board', async (request, response) => {
  response.send(await boardPage(request))
})
app.get('/scripts/:name.js', scripts)
app.get('/commands', async (request, response) => {
  response.send(await commandsPage(request))
})
app.get('/feed', async (request, response) => {
  response.send(await feedPage(request))
})
app.get('/album', async (request, response) => {
  // A preview is a picture that the page itself has made of a file.
  response.set('Content-Security-Policy', `${response.get('Content-Security-Policy')}; img-src 'self' blob:`)
  response.send(await albumPage())
})
app.use('/album/pictures', pictures)
app.get('/ready', (request, response) => {
  const { ready, why } = loom.ready()
  response.status(ready ? 200 : 503).json({ why })
})
if (redis) {
  const { clusterPage } = await import('../cluster/page.mjs')
  app.get('/cluster', async (request, response) => {
    response.send(await clusterPage())
  })
}

export const server = app.listen(port, '127.0.0.1', (error) => {
  if (error) {
    const inUse = 'code' in error && error.code === 'EADDRINUSE'
    console.error(inUse ? `Port ${port} is in use; choose another one: PORT=3001 npm start` : error)
    process.exit(1)
  }
  const address = server.address()
  console.log(`The demo is at http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`)
})
loom.attach(server)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    ending.abort()
    server.close()
    await loom.close()
    endKept()
    await endAlbum()
    server.closeIdleConnections()
    // Requests that are under way have a second. Browsers open connections in advance: such a connection would be waited for.
    setTimeout(() => server.closeAllConnections(), 1_000).unref()
  })
}
