/** The live components that share one socket: which of them a message is for, and whether the server still answers. */

import { followRedirect } from './addresses'
import { isWaiting, look, MOST_WAITING, readers, tryAgain } from '../input/forms'
import { createSocket, isVisible } from './socket'
import type { Templates } from '../dom/tree'
import { messagesOf, readTemplate, type Messages } from './wire'

/** Room for what a repeated message has in addition to the first one: the event's age, and longer numbers. */
const ROOM_BYTES = 40

/** What the connection tells a component. */
export interface Member {
  /** Since when an answer is due or an event waits to be sent, in the page's time; Infinity if neither is the case. */
  waitingSince(): number
  /** `opened`: there is a connection. `closed`: the connection is gone. */
  opened(): void
  closed(): void
  /** Tells the page the message; without a message, shows only the component's state. */
  tell(message?: string, action?: string): void
  /** Takes the server's messages for the component. */
  messages: Messages
}

export interface Connection {
  /** Each connection numbers the templates anew. */
  templates: Templates
  /** How old an unsent event may be, in milliseconds; Infinity before the server has said so. */
  eventAge: number
  /** So many events of a component may be under way without an answer: the server refuses more. */
  unanswered: number
  add(component: Member): void
  remove(component: Member): void
  /** Ends the connection if no component is left. The next component opens it again. */
  stopUnused(): void
  /** Returns the number that stands for the component until the next join; 0 if its join is too large. */
  join(component: Member, ...rest: unknown[]): number
  /** False if the message is larger than the server takes: the server would close the connection, each time again. */
  send(...message: unknown[]): boolean
  /** Somebody waits for a connection. */
  hurry(): void
  leave(id: number): void
  /** Messages for this number are ignored from now on. */
  forget(id: number): void
}

let lastId = 0

export function createConnection(url: string): Connection {
  const members = new Set<Member>()
  const joined = new Map<unknown, Member>()
  /** Frames of the server that wait until the needed files (as the one for fields) are there. */
  const frames: unknown[] = []
  let messageBytes = Infinity
  /** How long the server may be silent while an answer is due; Infinity before the server has said so. */
  let silence = Infinity
  let heardAt = 0
  let watch: ReturnType<typeof setTimeout> | undefined

  const socket = createSocket(url, 'loom.2', {
    isIn: () => members.size > 0,
    isWaiting: () => oldest() < Infinity,
    opened() {
      heardAt = performance.now()
      if (!isVisible()) tellVisibility()
      tryAgain()
      for (const component of [...members]) component.opened()
    },
    refused: (code, action) => members.forEach((component) => component.tell(`closed with ${code}`, action)),
    closed() {
      clearTimeout(watch)
      watch = undefined
      // Frames of an earlier connection are for nobody any more.
      frames.length = 0
      joined.clear()
      connection.templates = new Map()
      members.forEach((component) => component.closed())
    },
    showed: tellVisibility,
    received(frame) {
      heardAt = performance.now()
      look(frame as string)
      frames.push(frame)
      // The message "o" says how the connection is watched. This has to be known at once.
      if (!isWaiting() || /^\["o"/.test(frame as string)) read()
      // The next connection brings everything anew.
      else if (frames.length > MOST_WAITING) socket.drop()
    },
  })

  /** To a page that nobody sees, the server says less. */
  function tellVisibility(): void {
    socket.send(`["h",${+!isVisible()}]`)
  }

  function read(): void {
    for (const frame of frames.splice(0)) {
      try {
        messagesOf(frame).forEach(receive)
      } catch (error) {
        console.error('loom-live: not understood:', frame, error)
      }
    }
  }

  function receive(message: unknown[]): void {
    const [type, id, ...rest] = message
    if (type === 't') readTemplate(message, connection.templates)
    else if (type === 'o') {
      ;[, connection.eventAge, messageBytes, connection.unanswered, silence] = message as [
        string,
        number,
        number,
        number,
        number,
      ]
      watchSilence()
    } else if (type === 'r') followRedirect(id as string)
    else if (typeof type === 'number') joined.get(type)?.messages.s(id as number, { p: rest })
    else {
      const take = joined.get(id)?.messages[type as keyof Messages] as ((...rest: unknown[]) => void) | undefined
      take?.(...rest)
    }
  }

  /**
   * Finds half-open connections: an answer is due, and nothing at all was heard, for too long. (The server's
   * pings are answered by the browser, which does not tell the page of them.)
   */
  function watchSilence(after = silence): void {
    watch ??= setTimeout(() => {
      watch = undefined
      const left = silence - performance.now() + Math.max(oldest(), heardAt)
      if (left <= 0) socket.drop()
      else if (left < Infinity) watchSilence(left)
    }, after)
  }

  /** Since when the component that waits longest has waited; Infinity if none waits. */
  function oldest(): number {
    return Math.min(...[...members].map((member) => member.waitingSince()))
  }

  const connection: Connection = {
    templates: new Map(),
    eventAge: Infinity,
    unanswered: 0,
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
      // Each join has a number of its own, so that no message for an earlier join is taken for one for this join.
      joined.set(++lastId, component)
      return connection.send('j', lastId, ...rest) ? lastId : 0
    },
    send(...message) {
      const text = JSON.stringify(message)
      if (new TextEncoder().encode(text).length > messageBytes - ROOM_BYTES) return false
      socket.send(text)
      watchSilence()
      return true
    },
    forget: (id) => joined.delete(id),
    hurry: socket.hurry,
    leave(id) {
      if (joined.delete(id)) socket.send(`["l",${id}]`)
    },
  }
  readers.push(read)
  // If a policy forbids the connection, only this event says so at once; the socket is closed much later.
  addEventListener('securitypolicyviolation', ({ disposition, blockedURI }) => {
    if (!blockedURI || !url.startsWith(blockedURI) || disposition === 'report') return
    members.forEach(({ messages }) => messages.f(`connect-src: not allowed to connect to ${url}`))
    socket.stop()
  })
  return connection
}
