/** The live containers of the page, as they come and go, and the connections they need. */

import { socketUrl } from './addresses'
import { announce } from './announce'
import { CONTAINER } from './attributes'
import { classic } from './classic'
import { Component } from './component'
import { Connection } from './connection'

const DEFAULT_PATH = '/loom/ws'

export class Page {
  private readonly members = new Map<Element, Component>()
  private readonly connections = new Map<string, Connection>()
  private sweep: ReturnType<typeof setTimeout> | undefined

  start(): void {
    new MutationObserver((records) => this.changed(records)).observe(document, {
      subtree: true,
      childList: true,
      attributeFilter: ['data-l-live'],
    })
    this.join(document)
  }

  componentOf(container: Element): Component | undefined {
    return this.members.get(container)
  }

  components(): Component[] {
    return [...this.members.values()]
  }

  private changed(records: MutationRecord[]): void {
    for (const { type, target, addedNodes, removedNodes } of records) {
      if (type === 'attributes') {
        if (this.members.has(target as Element)) this.sweepSoon()
        else this.join(target as Element)
      }
      addedNodes.forEach((node) => {
        if (node instanceof Element) this.join(node)
      })
      if (removedNodes.length && this.members.size) this.sweepSoon()
    }
  }

  private join(root: Document | Element): void {
    if (root instanceof Element && root.matches(CONTAINER)) this.add(root as HTMLElement)
    root.querySelectorAll<HTMLElement>(CONTAINER).forEach((container) => this.add(container))
  }

  private add(container: HTMLElement): void {
    // It may be gone again, or be somewhere that is no page (a template's content).
    if (this.members.has(container) || !container.isConnected) return
    const url = socketUrl(container.dataset.lWs || DEFAULT_PATH)
    if (!url) return refuse(container)
    let connection = this.connections.get(url)
    if (!connection) this.connections.set(url, (connection = new Connection(url, classic)))
    this.members.set(container, new Component(container, connection))
  }

  /** In a task of its own, so that a container which is only being moved does not leave. */
  private sweepSoon(): void {
    this.sweep ??= setTimeout(() => {
      this.sweep = undefined
      for (const [container, component] of [...this.members]) {
        if (container.isConnected && container.getAttribute('data-l-live') === component.module) continue
        this.members.delete(container)
        component.leave()
        if (container.matches(CONTAINER)) this.join(container)
      }
      for (const [url, connection] of this.connections) if (connection.stopUnused()) this.connections.delete(url)
    })
  }
}

function refuse(container: HTMLElement): void {
  const message = `not allowed to connect to ${container.dataset.lWs}`
  console.error('loom-live:', message)
  container.dataset.lState = 'error'
  announce(container, 'loom:error', { message })
}
