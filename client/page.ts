/** The live containers of the page, as they come and go, and the connections they need. */

import { socketUrl } from './addresses'
import { announce } from './announce'
import { CONTAINER } from './attributes'
import { createComponent, type Component } from './component'
import { createConnection, type Connection } from './connection'
import { containersIn } from './build'

const DEFAULT_PATH = '/loom/ws'

/** By their containers. */
export const components = new Map<Element, Component>()

const connections = new Map<string, Connection>()
let sweep: ReturnType<typeof setTimeout> | undefined

export function start(): void {
  new MutationObserver((records) => records.forEach(changed)).observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ['data-l-live', 'data-l-ignore'],
  })
  join(document.documentElement)
}

function changed({ type, target, addedNodes }: MutationRecord): void {
  sweepSoon()
  for (const node of type === 'attributes' ? [target] : addedNodes) join(node)
}

function join(root: Node): void {
  containersIn(root).forEach(add)
}

function add(container: HTMLElement): void {
  // It may be gone again, or be somewhere that is no page (a template's content).
  if (components.has(container) || !container.isConnected) return
  const url = socketUrl(container.dataset.lWs || DEFAULT_PATH)
  if (!url) return refuse(container)
  let connection = connections.get(url)
  if (!connection) connections.set(url, (connection = createConnection(url)))
  components.set(container, createComponent(container, connection))
}

/** In a task of its own, so that a container which is only being moved does not leave. */
function sweepSoon(): void {
  sweep ??= setTimeout(() => {
    sweep = undefined
    for (const [container, component] of [...components]) {
      if (
        container.isConnected &&
        container.matches(CONTAINER) &&
        container.getAttribute('data-l-live') === component.module
      )
        continue
      components.delete(container)
      component.leave()
      if (container.matches(CONTAINER)) join(container)
    }
    connections.forEach((connection) => connection.stopUnused())
  })
}

function refuse(container: HTMLElement): void {
  const message = `not allowed to connect to ${container.dataset.lWs}`
  console.error('loom-live:', message)
  container.dataset.lState = 'error'
  announce(container, 'loom:error', { message })
}
