/**
 * The file that the client loads for pages with hooks: elements with `data-l-hook` that the application's scripts
 * manage. A hook is mounted when both its element and its callbacks are there, whichever comes first.
 */

import { CONTAINER, own, root, take, THEIRS, type Core } from '../input/core'
import { answer, call } from './calls'
import { registry, type Callback, type Callbacks } from './registry'

const HOOK = 'data-l-hook'
const STATE = 'data-l-state'
/** The prefix of the library's own pushes; REPLY is the same as in lib/call/reserved.ts. */
const RESERVED = 'loom.'
const REPLY = 'loom.reply'

type Listener = (data: unknown) => unknown

interface Mounted {
  name: string
  callbacks: Callbacks
  container: Element
  /** The value of `this` in callbacks. */
  self: object
  listeners: Map<string, Set<Listener>>
  /** The component was offline when the hook was last told. */
  isAway: boolean
}

const mounted = new Map<Element, Mounted>()
/** Hooks that a patch of this task touches: their `updated` is due. */
const touched = new Set<Mounted>()
let observer: MutationObserver

function attempt(of: Mounted, what: string, work: () => unknown): void {
  const failed = (error: unknown) => console.error(`loom-live: the hook ${JSON.stringify(of.name)}, ${what}:`, error)
  try {
    const given = work()
    if (given instanceof Promise) given.catch(failed)
  } catch (error) {
    failed(error)
  }
}

const tell = (of: Mounted, callback: Callback) => attempt(of, callback, () => of.callbacks[callback]?.call(of.self))

function containerOf(element: Element): Element | null {
  return own.matches(element, THEIRS) ? null : own.closest(element, CONTAINER)
}

function mount(element: Element): void {
  const name = own.getAttribute(element, HOOK) ?? ''
  const callbacks = registry()['hooks'].get(name)
  const container = containerOf(element)
  if (!callbacks || !container || mounted.has(element) || !root.contains(element)) return
  const listeners: Mounted['listeners'] = new Map()
  const self = {
    'el': element,
    'call': (handler: unknown, args?: unknown) => call(container, handler, args),
    'on'(push: string, listener: Listener) {
      const all = listeners.get(push) ?? new Set()
      listeners.set(push, all.add(listener))
      return () => void all.delete(listener)
    },
  }
  const one: Mounted = { name, callbacks, container, self, listeners, isAway: false }
  mounted.set(element, one)
  tell(one, 'mounted')
  tellState(one)
}

function mountIn(around: Element): void {
  if (own.matches(around, `[${HOOK}]`)) mount(around)
  for (const element of own.querySelectorAll(around, `[${HOOK}]`)) mount(element)
}

/** Ends the hooks whose element is gone, or has another hook or component by now. */
function unmount(): void {
  for (const [element, one] of mounted) {
    const isThere =
      root.contains(element) && own.getAttribute(element, HOOK) === one.name && containerOf(element) === one.container
    if (isThere) continue
    mounted.delete(element)
    touched.delete(one)
    tell(one, 'destroyed')
    one.listeners.clear()
  }
}

/** After a lost connection a component joins first. It has all that it has missed only when it is live. */
function tellState(one: Mounted): void {
  const state = own.getAttribute(one.container, STATE) ?? ''
  const isAway = state === 'offline' || (one.isAway && !/live|waiting/.test(state))
  if (isAway === one.isAway) return
  one.isAway = isAway
  tell(one, isAway ? 'disconnected' : 'reconnected')
}

/** An element that is moved is out of the page for a moment: so the state at the end of the task counts here. */
function changed(records: MutationRecord[]): void {
  const isState = ({ attributeName }: MutationRecord) => attributeName === STATE
  if (records.some((one) => !isState(one) && (one.type === 'attributes' || one.removedNodes.length))) unmount()
  for (const record of records) {
    if (record.type === 'attributes' && !isState(record)) mountIn(record.target as Element)
    for (const node of record.addedNodes) if (node instanceof Element) mountIn(node)
  }
  const due = [...touched]
  touched.clear()
  for (const one of due) tell(one, 'updated')
  if (records.some(isState)) mounted.forEach(tellState)
}

const settle = () => changed(observer.takeRecords())

/** Called when a patch is about to change the node, or something inside. */
function touch(node: Node): void {
  if (!mounted.size) return
  for (let at: Node | null = node; at; at = own.parentNode(at)) {
    const one = mounted.get(at as Element)
    if (!one || touched.has(one)) continue
    if (!touched.size) queueMicrotask(settle)
    touched.add(one)
    tell(one, 'beforeUpdate')
  }
}

function pushed(event: Event): void {
  const { target, detail } = event as CustomEvent<{ 'name': string; 'data': unknown }>
  const { name, data } = detail
  // Listeners have to find the hooks of the present page.
  settle()
  if (name === REPLY) {
    event.stopImmediatePropagation()
    answer(data as [number, unknown?])
  } else if (!name.startsWith(RESERVED)) {
    for (const [, one] of [...mounted]) {
      if (one.container !== target) continue
      for (const listener of [...(one.listeners.get(name) ?? [])])
        attempt(one, `on(${JSON.stringify(name)})`, () => listener(data))
    }
  }
}

export function start(core: Core): typeof touch {
  take(core)
  observer = new MutationObserver(changed)
  observer.observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: [HOOK, STATE, 'data-l-live', 'data-l-ignore'],
  })
  own.addEventListener(document, 'loom:push', pushed, true)
  registry()['registered'] = () => mountIn(root)
  mountIn(root)
  return touch
}
