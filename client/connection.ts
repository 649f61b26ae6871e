/** The live components that share one socket: who is meant by a message, and whether the server still answers. */

import { followRedirect } from './addresses'
import type { Component } from './component'
import { createSocket } from './socket'
import type { Templates } from './tree'
import { messagesOf, readTemplate, type LiveEvent } from './wire'

/** A little more than the time a server gives a handler by default. */
const SILENCE_MS = 35_000

export interface Connection {
  add(component: Component): void
  remove(component: Component): void
  /** True where nobody was left, and the connection has ended. */
  stopUnused(): boolean
  /** Returns the number that stands for the component until the next join. */
  join(component: Component, token: string): number
  event(id: number, event: LiveEvent): void
  leave(id: number): void
}

let lastId = 0

export function createConnection(url: string): Connection {
  const members = new Set<Component>()
  const joined = new Map<unknown, Component>()
  /** Each connection has numbers of its own for them. */
  const templates: Templates = new Map()
  let heardAt = 0
  let watch: ReturnType<typeof setTimeout> | undefined

  const socket = createSocket(url, 'loom.2', {
    opened() {
      heardAt = performance.now()
      for (const component of [...members]) component.opened()
    },
    closed() {
      clearTimeout(watch)
      watch = undefined
      joined.clear()
      templates.clear()
      for (const component of [...members]) component.closed()
    },
    received(frame) {
      heardAt = performance.now()
      for (const message of messagesOf(frame)) receive(message)
    },
  })

  function receive(message: unknown): void {
    const [type, id, value] = message as unknown[]
    const component = joined.get(id)
    if (typeof type === 'number') joined.get(type)?.changed({ p: (message as unknown[]).slice(1) }, templates)
    else if (type === 'j') component?.joined(value, templates)
    else if (type === 's') component?.changed(value, templates)
    else if (type === 'e') component?.failed(String(value))
    else if (type === 'r') followRedirect(String(id))
    else if (type !== 't' || !readTemplate(message as unknown[], templates)) {
      console.error('loom-live: not understood:', message)
    }
  }

  function send(frame: unknown): void {
    socket.send(frame)
    watchSilence(SILENCE_MS)
  }

  /**
   * Finds half-open connections: something is unanswered, and nothing at all was heard, for too long. (The server's
   * pings are answered by the browser, which does not tell the page of them.)
   */
  function watchSilence(after: number): void {
    watch ??= setTimeout(() => {
      watch = undefined
      const oldest = Math.min(...[...members].map((member) => member.waitingSince()))
      if (oldest === Infinity) return
      const left = SILENCE_MS - performance.now() + Math.max(oldest, heardAt)
      if (left > 0) watchSilence(left)
      else socket.drop()
    }, after)
  }

  return {
    add(component) {
      members.add(component)
      if (socket.isOpen()) component.opened()
    },
    remove: (component) => members.delete(component),
    stopUnused() {
      if (members.size) return false
      clearTimeout(watch)
      socket.stop()
      return true
    },
    join(component, token) {
      // Each has a number of its own, so that nothing meant for the last one is taken for this one's.
      joined.set(++lastId, component)
      send(['j', lastId, component.module, token])
      return lastId
    },
    event: (id, { handler, type, vars }) => send(['e', id, handler, type, vars]),
    leave(id) {
      if (joined.delete(id) && socket.isOpen()) socket.send(['l', id])
    },
  }
}
