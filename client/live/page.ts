/** The live containers of the page, as they come and go, and the connections that they need. */

import { socketUrl } from './addresses'
import { tellError } from './announce'
import { CONTAINER } from '../dom/attributes'
import { createComponent, type Component } from './component'
import { createConnection, type Connection } from './connection'
import { containersIn } from '../dom/build'
import { own, root } from '../dom/elements'
import { finer, look } from '../input/forms'

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
  join(root)
  // Links may stand outside of components, and flashes do.
  for (const name of ['nav', 'kind']) if (own.querySelector(root, `[data-l-${name}]`)) look(`data-l-${name}`)
  try {
    // The page before may have left a flash for this page.
    if (sessionStorage['loom.flash']) look('l-kind')
  } catch {
    // The tab's storage may be closed to the page: then no flash is in it.
  }
}

function changed({ type, target, addedNodes }: MutationRecord): void {
  sweepSoon()
  for (const node of type === 'attributes' ? [target] : addedNodes) join(node)
}

function join(node: Node): void {
  containersIn(node).forEach(add)
}

function add(container: Element): void {
  // The container may be gone again, or be outside of the page (in the content of a `<template>`).
  if (components.has(container) || !root.contains(container)) return
  // A nested component, which has a key, is on its parent's connection.
  const path = own.closest(container, '[data-l-ws]')
  const url = socketUrl((path && own.getAttribute(path, 'data-l-ws')) || DEFAULT_PATH)
  if (!url) return refuse(container)
  look(own.outerHTML(container))
  finer?.lookIn(container)
  let connection = connections.get(url)
  if (!connection) connections.set(url, (connection = createConnection(url)))
  const around = own.closest(own.parentNode(container) as Element, CONTAINER)
  components.set(container, createComponent(container, connection, around ? components.get(around) : undefined))
}

/** In a task of its own, so that a container which is only being moved does not leave. */
function sweepSoon(): void {
  sweep ??= setTimeout(() => {
    sweep = undefined
    for (const [container, component] of [...components]) {
      if (
        root.contains(container) &&
        own.matches(container, CONTAINER) &&
        own.getAttribute(container, 'data-l-live') === component.module
      )
        continue
      components.delete(container)
      component.leave()
      if (own.matches(container, CONTAINER)) join(container)
    }
    connections.forEach((connection) => connection.stopUnused())
  })
}

function refuse(container: Element): void {
  const message = `not allowed to connect to ${own.getAttribute(container, 'data-l-ws')}`
  own.setAttribute(container, 'data-l-state', 'error')
  tellError(container, message)
}
