/** The live components that share one socket: who is meant by a message, and whether the server still answers. */

import type { Component } from './component'
import type { Dialect, LiveEvent } from './dialect'
import { Socket } from './socket'
import { followRedirect } from './addresses'

/** A little more than the time a server gives a handler by default. */
const SILENCE_MS = 35_000

let lastId = 0

export class Connection {
  private readonly members = new Set<Component>()
  private readonly joined = new Map<string, Component>()
  private readonly socket: Socket
  private heardAt = 0
  private watch: ReturnType<typeof setTimeout> | undefined

  constructor(
    url: string,
    private readonly dialect: Dialect,
  ) {
    this.socket = new Socket(url, dialect.protocols, this)
  }

  add(component: Component): void {
    this.members.add(component)
    if (this.socket.isOpen()) component.opened()
  }

  remove(component: Component): void {
    this.members.delete(component)
  }

  /** True where nobody was left, and the connection has ended. */
  stopUnused(): boolean {
    if (this.members.size) return false
    clearTimeout(this.watch)
    this.socket.stop()
    return true
  }

  /** Every join has an id of its own, so that nothing meant for the last one is taken for this one's. */
  join(component: Component, module: string, token: string): string {
    const id = `c${lastId++}`
    this.joined.set(id, component)
    this.socket.send(this.dialect.join(id, module, token))
    this.watchSilence()
    return id
  }

  event(id: string, event: LiveEvent): void {
    this.socket.send(this.dialect.event(id, event))
    this.watchSilence()
  }

  leave(id: string): void {
    if (this.joined.delete(id) && this.socket.isOpen()) this.socket.send(this.dialect.leave(id))
  }

  opened(): void {
    this.heardAt = performance.now()
    for (const component of [...this.members]) component.opened()
  }

  closed(): void {
    clearTimeout(this.watch)
    this.watch = undefined
    this.joined.clear()
    for (const component of [...this.members]) component.closed()
  }

  received(frame: unknown): void {
    this.heardAt = performance.now()
    const message = this.dialect.read(frame)
    if (!message) console.error('loom-live: not understood:', frame)
    else if (message.type === 'redirect') followRedirect(message.url)
    else this.joined.get(message.id)?.received(message)
  }

  /**
   * Finds half-open connections: something is unanswered, and nothing at all was heard, for too long. (The server's
   * pings are answered by the browser, which does not tell the page of them.)
   */
  private watchSilence(after = SILENCE_MS): void {
    this.watch ??= setTimeout(() => {
      this.watch = undefined
      const oldest = Math.min(...[...this.members].map((member) => member.waitingSince()))
      if (oldest === Infinity) return
      const silent = performance.now() - Math.max(oldest, this.heardAt)
      if (silent >= SILENCE_MS) this.socket.drop()
      else this.watchSilence(SILENCE_MS - silent)
    }, after)
  }
}
