// The server that a good engineer writes by hand for the same page: `ws` for the sockets, the props and last dynamics
// of each component in memory, a diff in JavaScript, and only changes sent, as JSON. It speaks the same messages, so it
// could serve the same browser client. It does not check a page's token; that would only make its joins cost more.

import { WebSocketServer } from 'ws'
import { diff, html } from './ws-diff.mjs'
import { listen, makeServer } from './listen.mjs'
import { modules } from './workloads.mjs'

const registered = new Map(Object.entries(modules(html)))

/** One live component of a connection. */
class Component {
  constructor(id, module, send) {
    this.id = id
    this.module = module
    this.send = send
    this.props = module.props
    this.tree = module.render(this.props)
    this.busy = false
    this.waiting = []
    send({ type: 'trees', id, ...this.tree })
  }

  event(message) {
    // The events of a component are handled one after the other, also if a handler is async.
    if (this.busy) {
      this.waiting.push(message)
      return
    }
    try {
      const { handler, event: type, special_vars: vars = {} } = message
      const { handle } = this.module
      if (!Object.hasOwn(handle, handler)) throw new Error(`no handler ${handler}`)
      const result = handle[handler](this.props, { handler, type, ...vars })
      if (result instanceof Promise) {
        this.busy = true
        result
          .then((props) => this.commit(props))
          .catch((error) => this.fail(error))
          .finally(() => this.next())
      } else {
        this.commit(result)
      }
    } catch (error) {
      this.fail(error)
    }
  }

  commit(result) {
    const props = result ?? this.props
    const tree = this.module.render(props)
    const d = diff(this.tree, tree) ?? {}
    this.props = props
    this.tree = tree
    this.send({ type: 'patch', id: this.id, d })
  }

  fail(error) {
    console.error(error)
    this.send({ type: 'error', id: this.id, error: 'The server could not handle this.' })
  }

  next() {
    this.busy = false
    const message = this.waiting.shift()
    if (message !== undefined) this.event(message)
  }
}

const server = makeServer()
const sockets = new WebSocketServer({ server, path: '/loom/ws', maxPayload: 1 << 20 })

sockets.on('connection', (socket) => {
  const components = new Map()
  const send = (message) => {
    socket.send(JSON.stringify(message))
  }
  socket.alive = true
  socket.on('pong', () => {
    socket.alive = true
  })
  socket.on('error', () => {
    socket.terminate()
  })
  socket.on('message', (data) => {
    let message
    try {
      message = JSON.parse(data)
    } catch {
      return
    }
    const { type, id } = message
    if (type === 'event') {
      components.get(id)?.event(message)
    } else if (type === 'join') {
      const module = registered.get(message.module)
      if (module === undefined) send({ type: 'error', id, error: 'no such module' })
      else components.set(id, new Component(id, module, send))
    } else if (type === 'leave') {
      components.delete(id)
    }
  })
})

setInterval(() => {
  for (const socket of sockets.clients) {
    if (!socket.alive) {
      socket.terminate()
    } else {
      socket.alive = false
      socket.ping()
    }
  }
}, 25_000)

listen(server)
