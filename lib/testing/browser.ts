/** The browser of a page: the test's own `happy-dom` or `jsdom`, and in it the client as it is shipped. */

import { readFileSync } from 'node:fs'
import { Module } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TextEncoder } from 'node:util'
import { LoomError } from './library'
import { Timers } from './timers'
import type { Answered, Asked } from './network'
import type { Window } from './window'

/** A page's connections, instead of a network. */
export interface Wires {
  /** Makes a WebSocket. */
  socket(url: string, protocols: string | string[] | undefined): object
  request(window: Window, asked: Asked): Promise<Answered>
  /** Gets what listeners and hooks of the page throw. */
  failed(window: Window, error: unknown): void
}

/** A document with the client in it. */
export interface Browser {
  readonly window: Window
  readonly timers: Timers
  /** How many files of the client are being loaded. */
  loading: number
  /** Where the page was sent, if it was sent away. */
  sentTo: string | undefined
  /** Closes the window, if it was made here. */
  close(): void
}

/** The client's file, and the files that it loads, by their names without the hash. */
const programs = new Map<string, (scope: object) => { start?: unknown }>()

/**
 * One of the client's files as a function. The file is a module for browsers, which imports others by their addresses.
 * The function gets `import` and the file's own address from its scope, and `document` and all other names, too.
 */
function program(name: string): (scope: object) => { start?: unknown } {
  let made = programs.get(name)
  if (made === undefined) {
    const text = readFileSync(join(__dirname, `${name}.js`), 'utf8')
    const code = text
      .replaceAll('import.meta.url', '__address')
      .replaceAll(/\bimport\(/g, '__import(')
      .replace(/export\{(\w+) as start\};?\s*$/, 'return{start:$1}')
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const make = new Function('__scope', `with(__scope){return(function(){'use strict';${code}\n})()}`)
    programs.set(name, (made = make as (scope: object) => { start?: unknown }))
  }
  return made
}

const known = new WeakMap<object, Browser>()

/** The test's own document, if there is one; else a document that an installed package makes. */
export async function openBrowser(url: string, wires: Wires): Promise<Browser> {
  const own = ambient()
  if (own !== undefined) {
    const before = known.get(own.document)
    if (before !== undefined) {
      before.sentTo = undefined
      own.history.replaceState(null, '', url)
      return before
    }
    if (own.location.origin !== 'null') own.history.replaceState(null, '', url)
    const browser = run(own, wires, () => undefined)
    known.set(own.document, browser)
    return browser
  }
  const { window, close } = await makeWindow(`http://localhost${url}`)
  return run(window, wires, close)
}

/** Whether several pages share the document. */
export function sharesDocument(): boolean {
  return ambient() !== undefined
}

/** The window of the test's own document. Vitest's `window` is Node's global object, with the names of the window. */
function ambient(): Window | undefined {
  const { document } = globalThis as { document?: Document }
  return document?.defaultView ?? undefined
}

interface HappyDom {
  Window: new (options: object) => Window & { happyDOM: { close(): Promise<void> } }
}

interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Window }
}

interface Made {
  window: Window
  close: () => void
}

let maker: Promise<(url: string) => Made> | undefined

async function makeWindow(url: string): Promise<Made> {
  maker ??= findMaker()
  return (await maker)(url)
}

async function findMaker(): Promise<(url: string) => Made> {
  const happyDom = (await load('happy-dom')) as HappyDom | undefined
  if (happyDom !== undefined) {
    return (url) => {
      const window = new happyDom.Window({ url, width: 1024, height: 768 })
      return { window, close: () => void window.happyDOM.close() }
    }
  }
  const jsdom = (await load('jsdom')) as Jsdom | undefined
  if (jsdom !== undefined) {
    return (url) => {
      const { window } = new jsdom.JSDOM('<!doctype html>', { url, pretendToBeVisual: true })
      return {
        window,
        close: () => {
          window.close()
        },
      }
    }
  }
  throw new LoomError(
    'LOOM_PLATFORM',
    'loom-live/testing runs the page in happy-dom or jsdom, and finds neither: npm install --save-dev happy-dom',
  )
}

/**
 * Loads a package, looked for from the application's folder, then from this package's. Node itself loads it: jest would
 * load the package again for each file of tests, and cannot require a package that is only a module.
 */
async function load(name: string): Promise<unknown> {
  // Jest's class of this name extends Node's.
  const above = Object.getPrototypeOf(Module) as Partial<typeof Module>
  const { createRequire = Module.createRequire } = above
  for (const from of [join(process.cwd(), 'package.json'), __filename]) {
    const require = createRequire(from)
    let path: string
    try {
      path = require.resolve(name)
    } catch {
      continue
    }
    try {
      return require(path) as unknown
    } catch (error) {
      // Before 20.19 and 22.12, Node loads modules in another way, which jest does not have.
      if ((error as { code?: unknown }).code !== 'ERR_REQUIRE_ESM') throw error
      return await import(pathToFileURL(path).href).catch((cause: unknown) => {
        throw new LoomError(
          'LOOM_PLATFORM',
          `jest cannot load ${name}, which is a module, with Node ${process.version}: use Node 20.19, 22.12 or newer, or jsdom`,
          { cause },
        )
      })
    }
  }
  return undefined
}

/** Runs the client in a window. */
function run(window: Window, wires: Wires, close: Made['close']): Browser {
  const timers = new Timers()
  const sockets = socketsOf(wires)
  const hooks = hooksOfWindow()
  const browser: Browser = {
    window,
    timers,
    loading: 0,
    sentTo: undefined,
    close: () => {
      timers.end()
      windowsHooks.delete(hooks)
      close()
    },
  }
  const scope: Record<string, unknown> = {
    __proto__: null,
    WebSocket: sockets,
    setTimeout: timers.set,
    clearTimeout: timers.clear,
    setInterval: timers.repeat,
    clearInterval: timers.clear,
    fetch: fetchOf(window, wires),
    performance: { now: timers.now, getEntriesByType: () => [] },
    TextEncoder,
    AbortController: Reflect.get(window, 'AbortController'),
    CSS: (window as { CSS?: unknown }).CSS ?? { escape },
    HTMLFormElement: enumerable(window, 'HTMLFormElement'),
    Document: enumerable(window, 'Document'),
    location: locationOf(window, (address) => {
      browser.sentTo = address
    }),
    console: {
      ...console,
      error: (...said: unknown[]) => {
        // The client's other messages in a browser's console are events, too, which the page tells the test: see
        // `page.ts`.
        for (const one of said) if (one instanceof Error) wires.failed(window, one)
      },
    },
    // The application's scripts run outside of the window: their hooks reach the client through this object.
    globalThis: { WebSocket: sockets, [HOOKS]: hooks },
    getComputedStyle: (element: HTMLElement) => {
      const style = window.getComputedStyle(element)
      // Happy-dom has no style sheet of its own, so a hidden element counts as displayed there.
      const isHidden = element.hasAttribute('hidden') && element.style.display === ''
      return isHidden
        ? new Proxy(style, { get: (of, name): unknown => (name === 'display' ? 'none' : Reflect.get(of, name)) })
        : style
    },
    XMLHttpRequest: requestsOf(window, wires),
    URL,
    // The client's file is no module here, so its address comes from here.
    __address: `${window.location.origin}/loom/client.js`,
    __import: async (address: string): Promise<unknown> => {
      const [, name = ''] = /\/(\w+)\.[\w-]+\.js(?:#|$)/.exec(address) ?? []
      browser.loading++
      try {
        // As in a browser, the file never comes in the same turn.
        await Promise.resolve()
        return program(name)(all)
      } finally {
        browser.loading--
      }
    },
  }
  const all = around(window, scope)
  // An error of a listener comes here; in browsers, it is in the console.
  window.addEventListener('error', (event) => {
    const error = Reflect.get(event, 'error') as unknown
    if (error !== undefined && error !== null) wires.failed(window, error)
  })
  program('client')(all)
  return browser
}

/** The names of a window, some of them with other values. */
function around(window: Window, scope: Record<string, unknown>): object {
  return new Proxy(scope, {
    has: (_, name) => typeof name === 'string' && (name in scope || name in window),
    get: (_, name) => {
      if (typeof name !== 'string') return undefined
      if (name in scope) return scope[name]
      const value: unknown = Reflect.get(window, name)
      // The client calls a window's functions without the window as `this`.
      return typeof value === 'function' && /^[a-z]/.test(name) ? bound(window, name, value) : value
    },
  })
}

const bindings = new WeakMap<object, Map<string, unknown>>()

function bound(window: Window, name: string, value: object): unknown {
  const of = bindings.get(window) ?? new Map<string, unknown>()
  bindings.set(window, of)
  let made = of.get(name)
  if (made === undefined) of.set(name, (made = Function.prototype.bind.call(value as () => void, window)))
  return made
}

/**
 * In browsers all members of these prototypes are enumerable, and the client relies on this. In happy-dom they are not.
 * And `window` may be Node's global object: see `ambient`.
 */
function enumerable(window: Window, name: 'HTMLFormElement' | 'Document'): unknown {
  const type = window[name] as unknown as (new () => object) & { prototype: object }
  const members = Object.create(null) as object
  for (let at: object | null = type.prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    for (const [key, given] of Object.entries<PropertyDescriptor>(Object.getOwnPropertyDescriptors(at)))
      if (!(key in members)) Object.defineProperty(members, key, { ...given, enumerable: true, configurable: true })
  }
  for (const name of ['closest', 'matches', 'querySelector', 'querySelectorAll']) {
    const find = (members as Record<string, unknown>)[name] as
      ((this: unknown, selector: string) => unknown) | undefined
    if (find === undefined) continue
    Object.defineProperty(members, name, {
      value: function (this: unknown, selector: string) {
        return find.call(this, plain(selector))
      },
    })
  }
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) {
    const call = (members as Record<string, unknown>)[name] as (this: unknown, ...given: unknown[]) => unknown
    Object.defineProperty(members, name, {
      value: function (this: unknown, ...given: unknown[]) {
        const own = this === window ? (Reflect.get(window, name) as typeof call) : call
        return own.apply(this, given)
      },
    })
  }
  Object.defineProperty(members, '__lookupGetter__', {
    value: (key: string) => Object.getOwnPropertyDescriptor(members, key)?.get,
  })
  function Made(): object {
    return new type()
  }
  Made.prototype = members
  Object.defineProperty(Made, Symbol.hasInstance, { value: (of: unknown) => of instanceof type })
  return Made
}

/** Happy-dom knows `[method="dialog" i]`, but not the same selector without quotes. */
function plain(selector: string): string {
  return selector.replaceAll(/=([\w-]+) i\]/g, '="$1" i]')
}

function locationOf(window: Window, sent: (address: string) => void): object {
  const assign = (address: unknown): void => {
    sent(String(address))
  }
  const { location } = window
  return {
    assign,
    replace: assign,
    reload: () => {
      assign(location.href)
    },
    get href() {
      return location.href
    },
    get origin() {
      return location.origin
    },
    get protocol() {
      return location.protocol
    },
    get host() {
      return location.host
    },
    get pathname() {
      return location.pathname
    },
    get search() {
      return location.search
    },
    get hash() {
      return location.hash
    },
  }
}

/** As in client/hooks/registry.ts: the hooks that `hook` of `loom-live/client` registers, here for each window. */
interface Hooks {
  hooks: Map<string, unknown>
  registered?: (name: string) => void
}

const HOOKS = Symbol.for('loom-live.hooks')
const windowsHooks = new Set<Hooks>()

/** The hooks for one window. The client of each window is told of hooks that are registered later. */
function hooksOfWindow(): Hooks {
  const all = ((globalThis as Record<symbol, unknown>)[HOOKS] ??= { hooks: new Map() }) as Hooks
  all.registered ??= (name) => {
    for (const one of windowsHooks) one.registered?.(name)
  }
  const hooks: Hooks = { hooks: all.hooks }
  windowsHooks.add(hooks)
  return hooks
}

function socketsOf(wires: Wires): unknown {
  // `new` returns the object that the constructor returns.
  function Socket(url: string, protocols?: string | string[]): object {
    return wires.socket(url, protocols)
  }
  return Object.assign(Socket, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })
}

/** An XMLHttpRequest, with the members that the client uses for uploads. */
function requestsOf(window: Window, wires: Wires): unknown {
  return class {
    upload: { onprogress?: (event: { loaded: number }) => void } = {}
    onloadend: (() => void) | undefined
    status = 0
    private answered: Answered | undefined
    private method = ''
    private url = ''
    private readonly headers: Record<string, string> = {}
    private stop: () => void = () => undefined

    open(method: string, url: string): void {
      this.method = method
      this.url = url
    }

    setRequestHeader(name: string, value: string): void {
      this.headers[name] = value
    }

    getResponseHeader(name: string): string | null {
      return this.answered?.headers[name] ?? null
    }

    send(body: Blob | null): void {
      void this.run(body)
    }

    abort(): void {
      this.stop()
    }

    private async run(body: Blob | null): Promise<void> {
      try {
        const bytes = body === null ? undefined : Buffer.from(await body.arrayBuffer())
        const path = this.url.replace(window.location.origin, '')
        this.answered = await wires.request(window, {
          method: this.method,
          path,
          headers: this.headers,
          body: bytes,
          sent: (loaded) => {
            this.upload.onprogress?.({ loaded })
          },
          begun: (stop) => {
            this.stop = stop
          },
        })
        this.status = this.answered.status
      } catch {
        this.status = 0
      }
      this.onloadend?.()
    }
  }
}

function fetchOf(window: Window, wires: Wires): unknown {
  return async (
    url: unknown,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> },
  ) => {
    const path = String(url).replace(window.location.origin, '')
    const { status, headers: given, body } = await wires.request(window, { method, path, headers })
    return new Response(status === 204 ? null : new Uint8Array(body), { status, headers: given })
  }
}

/** As `CSS.escape`, for names that are no identifiers. */
function escape(text: string): string {
  return text.replaceAll(/[^\w\u0080-\uFFFF-]|^\d/g, (char) => `\\${char.charCodeAt(0).toString(16)} `)
}
