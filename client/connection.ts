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
  join(component: Component, token: string, secret: string, seen: number): number
  /** `age`: how old it is, in milliseconds, where it is sent again. */
  event(id: number, number: number, seen: number, event: LiveEvent, age?: number): void
  /** How old an event may be that could not be sent, in milliseconds. */
  eventAge(): number
  leave(id: number): void
}

const EVENT_AGE_MS = 60_000

let lastId = 0

export function createConnection(url: string): Connection {
  const members = new Set<Component>()
  const joined = new Map<unknown, Component>()
  /** Each connection has numbers of its own for them. */
  const templates: Templates = new Map()
  let heardAt = 0
  let eventAge = EVENT_AGE_MS
  let watch: ReturnType<typeof setTimeout> | undefined

  const socket = createSocket(url, 'loom.2', {
    opened() {
      heardAt = Date.now()
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
      heardAt = Date.now()
      for (const message of messagesOf(frame)) receive(message)
    },
  })

  function receive(message: unknown): void {
    const [type, id, third, fourth, fifth, sixth] = message as unknown[]
    const component = joined.get(id)
    const number = third as number
    if (typeof type === 'number') {
      joined.get(type)?.changed(id as number, { p: (message as unknown[]).slice(2) }, templates)
    } else if (type === 'j') component?.joined(number, fourth, String(fifth), sixth === 1, templates)
    else if (type === 'a') component?.resumed(number, String(fourth))
    else if (type === 's') component?.changed(number, fourth, templates)
    else if (type === 'e') component?.failed(number, Number(sixth ?? 1), String(fourth), fifth === 1)
    else if (type === 'f') {
      component?.refused(String(third), fourth)
      if (fourth === 'redirect') followRedirect(String(fifth))
    } else if (type === 'c') component?.checkpoint(number, fourth as string | null)
    else if (type === 'r') followRedirect(String(id))
    else if (type === 'o') eventAge = Number(id)
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
      const left = SILENCE_MS - Date.now() + Math.max(oldest, heardAt)
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
    join(component, token, secret, seen) {
      // Each has a number of its own, so that nothing meant for the last one is taken for this one's.
      joined.set(++lastId, component)
      send(['j', lastId, component.module, token, ...(secret ? [secret, seen] : [])])
      return lastId
    },
    event(id, number, seen, { handler, type, vars }, age) {
      send(['e', id, number, seen, handler, type, vars, ...(age === undefined ? [] : [age])])
    },
    eventAge: () => eventAge,
    leave(id) {
      if (joined.delete(id) && socket.isOpen()) socket.send(['l', id])
    },
  }
}
