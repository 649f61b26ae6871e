/** The live components that share one socket: who is meant by a message, and whether the server still answers. */

import { followRedirect } from './addresses'
import type { Component } from './component'
import { createSocket } from './socket'
import type { Templates } from './tree'
import { messagesOf, readTemplate, type Messages } from './wire'

/** A little more than the time a server gives a handler by default. */
const SILENCE_MS = 35_000

export interface Connection {
  /** Each connection has numbers of its own for them. */
  templates: Templates
  /** How old an event may be that could not be sent, in milliseconds. */
  eventAge: number
  add(component: Component): void
  remove(component: Component): void
  /** Ends where nobody is left, until somebody comes. */
  stopUnused(): void
  /** Returns the number that stands for the component until the next join. */
  join(component: Component, ...rest: unknown[]): number
  send(...message: unknown[]): void
  leave(id: number): void
  /** Nothing that comes for this number is meant for anybody. */
  forget(id: number): void
}

let lastId = 0

export function createConnection(url: string): Connection {
  const members = new Set<Component>()
  const joined = new Map<unknown, Component>()
  const templates: Templates = new Map()
  let heardAt = 0
  let watch: ReturnType<typeof setTimeout> | undefined

  const socket = createSocket(url, 'loom.2', {
    isIn: () => members.size > 0,
    opened() {
      heardAt = Date.now()
      for (const component of [...members]) component.opened()
    },
    closed() {
      clearTimeout(watch)
      watch = undefined
      joined.clear()
      templates.clear()
      members.forEach((component) => component.closed())
    },
    received(frame) {
      heardAt = Date.now()
      try {
        messagesOf(frame).forEach(receive)
      } catch (error) {
        console.error('loom-live: not understood:', frame, error)
      }
    },
  })

  function receive(message: unknown[]): void {
    const [type, id, ...rest] = message
    if (type === 't') readTemplate(message, templates)
    else if (type === 'o') connection.eventAge = id as number
    else if (type === 'r') followRedirect(id as string)
    else if (typeof type === 'number') joined.get(type)?.messages.s(id as number, { p: rest })
    else {
      const take = joined.get(id)?.messages[type as keyof Messages] as ((...rest: unknown[]) => void) | undefined
      take?.(...rest)
    }
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
      const left = SILENCE_MS - Date.now() + Math.max(oldest, heardAt)
      if (left > 0) watchSilence(left)
      else socket.drop()
    }, after)
  }

  const connection: Connection = {
    templates,
    eventAge: 60_000,
    add(component) {
      members.add(component)
      if (socket.isOpen()) component.opened()
      else if (members.size === 1) socket.connect()
    },
    remove: (component) => members.delete(component),
    stopUnused() {
      if (!members.size) socket.stop()
    },
    join(component, ...rest) {
      // Each has a number of its own, so that nothing meant for the last one is taken for this one's.
      joined.set(++lastId, component)
      connection.send('j', lastId, ...rest)
      return lastId
    },
    send(...message) {
      socket.send(message)
      watchSilence(SILENCE_MS)
    },
    forget: (id) => joined.delete(id),
    leave(id) {
      if (joined.delete(id)) socket.send(['l', id])
    },
  }
  // A policy that forbids the connection says so to nobody else for as long as it takes to give up.
  addEventListener('securitypolicyviolation', ({ disposition, blockedURI }) => {
    if (!blockedURI || !url.startsWith(blockedURI) || disposition === 'report') return
    members.forEach(({ messages }) => messages.f(`connect-src: not allowed to connect to ${url}`))
    socket.stop()
  })
  return connection
}
