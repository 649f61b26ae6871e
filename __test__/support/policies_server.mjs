// A process whose pages use all that the client can load, under the policy of docs/deploy.md. `/files` says what was
// asked for. Jest cannot load @tus/server, which is an ES module, so it runs on its own.

import { randomBytes } from 'node:crypto'
import express from 'express'
import helmet from 'helmet'
import { createLoom, each, html, js, on } from 'loom-live'

const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', development: false })

const everything = loom.register('everything', {
  props: { count: 0, seen: 0, text: '', files: [], open: false },
  uploads: { photo: { maxFiles: 2, maxBytes: 1_000 } },
  handle: {
    add: (props) => ({ ...props, count: props.count + 1 }),
    see: (props) => ({ ...props, seen: props.seen + 1 }),
    say: (props, { value }) => ({ ...props, text: value ?? '' }),
    tell: (props, _event, ctx) => {
      ctx.flash('success', 'It is <b>saved</b>.')
      return props
    },
    ask: (props, { args }, ctx) => {
      ctx.reply(args)
      return props
    },
  },
  receive: { photo: (props, { data }) => ({ ...props, files: [...props.files, data.name] }) },
  render: ({ count, seen, text, files }) => html`
    <button id="add" @click="add">add</button><output>${count}</output>
    <ul>${each(
      [1, 2, 3],
      (row) => row,
      (row) => html`<li title="${count}">${row * count}</li>`,
      [count],
    )}</ul>
    ${count % 2 ? html`<i id="odd">odd</i>` : html`<b id="even">even</b>`}<svg><text>${count}</text></svg>
    <form data-l-submit="say" data-l-recover="note"><input id="text" name="text" @input="say"></form><p id="said">${text}</p>
    <button id="double" @dblclick="add">double</button>
    <div id="seen" @visible="see">${seen}</div>
    <button id="toggle" @click=${js.toggle('#panel')}>toggle</button><p id="panel" hidden>panel</p>
    <button id="guess" @click=${on('add').optimistic(js.addClass('guessed'))}>guess</button>
    <button id="tell" @click="tell">tell</button>
    <input id="file" type="file" data-l-upload="photo"><em>${files.join()}</em>
    <div id="hook" data-l-hook="asking" data-l-ignore></div>`,
})
/** Those of the client that were asked for. */
const files = new Set()
const app = express()
app.use((request, response, next) => {
  const found = /^\/loom\/(\w+)\.[\w-]+\.js$/.exec(request.path)?.[1]
  if (found !== undefined) files.add(found)
  const nonce = randomBytes(16).toString('base64')
  response.locals.nonce = nonce
  helmet({
    contentSecurityPolicy: {
      directives: {
        scriptSrc: [`'nonce-${nonce}'`, "'strict-dynamic'"],
        styleSrc: ["'self'"],
        // These tests have no TLS, and WebKit holds loopback for insecure.
        upgradeInsecureRequests: null,
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ['loom-live'],
      },
    },
  })(request, response, next)
})
app.use(loom.express())
app.use(loom.uploads({ directory: process.env.UPLOADS }))
app.get('/hook.js', (_, response) => {
  response.type('text/javascript').send(`import { hook } from '/loom/client.js'
    hook('asking', { async mounted() { this.el.textContent = await this.call('ask', 'asked') } })`)
})
for (const name of ['head', 'body'])
  app.get(`/${name}.js`, (_, response) => void response.type('text/javascript').send(`window.ran.push('${name}')`))
app.get('/sheet.css', (_, response) => void response.type('text/css').send('h1 { color: rgb(1, 2, 3) }'))
/** Of each page: what the browser has refused, from the page's first moment on. */
const WATCH = `window.violations = []
  window.ran ??= []
  addEventListener('securitypolicyviolation', ({ violatedDirective, sample }) => violations.push(violatedDirective + ' ' + sample))
  addEventListener('error', ({ message }) => violations.push(message))
  addEventListener('unhandledrejection', ({ reason }) => violations.push(String(reason)))`

const send = (response, head, body) => {
  const { nonce } = response.locals
  response.send(
    `<!doctype html><html lang="en"><head><title>policies</title><link rel="icon" href="data:,">
     <script nonce="${nonce}">${WATCH}</script>${head.replaceAll('<script', `<script nonce="${nonce}"`)}</head>
     <body>${body.replaceAll('<script', `<script nonce="${nonce}"`)}${loom.script({ nonce })}</body></html>`,
  )
}
app.get('/', async (request, response) => {
  const page = await loom.mount(everything, {}, { request })
  send(
    response,
    '<script type="module" src="/hook.js"></script>',
    `<a id="next" href="/next" data-l-nav>next</a>${page}`,
  )
})
app.get('/next', async (request, response) => {
  const page = await loom.mount(everything, {}, { request })
  send(
    response,
    `<link rel="stylesheet" href="/sheet.css"><script src="/head.js"></script><script>window.ran.push('inline of the head')</script>`,
    `<h1>Next</h1><script src="/body.js"></script><script>window.ran.push('inline of the body')</script>${page}`,
  )
})
app.get('/files', (_, response) => void response.json([...files]))
loom.attach(app.listen(Number(process.env.PORT), '127.0.0.1'))
