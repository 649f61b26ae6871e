import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { clearInterval, clearTimeout as unschedule, setInterval, setTimeout as schedule } from 'node:timers'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { WebSocket } from 'ws'
import type { Loom, RegisteredModule, Topic } from '../../index'
import type { FieldValue, HeldUpload, Match, OpenOptions, Page as PublicPage, Pushed, TestFile } from '../../testing'
import { checkNames, checkString, invalid, isObject } from '../check'
import type { Seam } from '../seam'
import { type Browser, openBrowser, sharesDocument, type Wires } from './browser'
import { fill, fillForm, focus } from './fields'
import { all, failure, missing, one } from './find'
import { LoomError, seamOf } from './library'
import { htmlOf, tagOf, textOf } from './markup'
import { type Answered, type Asked, Network, pageNumber, type Visitor } from './network'
import { chooseFiles, Gate } from './uploads'
import type { Window } from './window'

const TIMEOUT_MS = 1_000
const LOOK_MS = 4
/** How long a page waits for a component's answer before it asks whether a component has anything to do. */
const FRAME_MS = 10
/** If components are busy for longer, a handler is running. */
const HANDLED_MS = 50
/** The states of a container while a join or an event is under way. */
const UNDER_WAY = /^(joining|waiting)$/

const OPTIONS: Record<keyof OpenOptions, true> = { request: true, as: true, shared: true, timeout: true }

const tested = new WeakMap<Loom, Tested>()
/** All open pages, by their numbers: several looms may have pages in one document. */
const pages = new Map<number, Page>()
let lastNumber = 0

/** A loom in tests: its network, and its pages. */
class Tested {
  readonly network: Network

  private constructor(
    private readonly loom: Loom,
    readonly seam: Seam,
  ) {
    seam.holdTime()
    seam.witness({
      joins: (component, caller) => {
        pages.get(numberIn(caller?.[0]))?.joined(component.module.name, component.actor)
      },
      failed: (error, request) => {
        const page = pages.get(numberIn(request))
        // A failure that no page has caused, as in a timer of a shared component, is told to all pages.
        for (const one of page === undefined ? this.pages : [page]) one.failed(error)
      },
    })
    this.network = new Network(seam)
  }

  static of(loom: Loom): Tested {
    let found = tested.get(loom)
    if (found === undefined) tested.set(loom, (found = new Tested(loom, seamOf(loom))))
    return found
  }

  get pages(): Page[] {
    return [...pages.values()].filter((page) => page.of === this)
  }

  /** The loom's process ends, and another one begins. */
  async restart(): Promise<void> {
    await this.seam.restart()
    const next = seamOf(this.loom)
    Object.assign(this.seam, next)
    this.network.attach(this.seam)
  }
}

/** The number of the page with this connection, whose request is JSON. */
function numberIn(request: string | undefined): number {
  // A shared component begins without a connection.
  if (request === undefined || request === '') return 0
  return pageNumber((JSON.parse(request) as { url?: string }).url ?? '')
}

/** The wires of a document: they carry the client's requests to the page that is meant. */
const wires: Wires = {
  socket(url, protocols) {
    const number = pageNumber(url)
    const page = pages.get(number)
    if (page === undefined) throw new LoomError('LOOM_STOPPED', 'The page has been closed')
    const socket = page.of.network.socket(url, protocols)
    page.opened(socket)
    return socket
  },
  request(window, asked) {
    // Several pages may share a document: the one with an upload is meant.
    const those = [...pages.values()].filter((page) => page.window === window)
    const page = those.find(({ gate }) => gate !== undefined) ?? those.at(-1)
    if (page === undefined) return Promise.reject(new LoomError('LOOM_STOPPED', 'The page has been closed'))
    return page.request(asked)
  },
  failed(window, error) {
    // Pages that share a document share its listeners and hooks.
    for (const page of pages.values()) if (page.window === window) page.failed(error)
  },
}

/** A WebSocket's `readyState`, in HTML's standard. */
const OPEN = 1

/** Resolves when the server has answered two pings: all that it had to send before is written by then. */
async function echoed(socket: WebSocket): Promise<void> {
  for (let times = 0; times < 2; times++) {
    if (socket.readyState !== OPEN) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('pong', done).off('close', done)
        resolve()
      }
      socket.on('pong', done).on('close', done)
      socket.ping()
    })
  }
}

/** An open page: its sockets, its component, and all that is still under way. */
class Page implements PublicPage<never> {
  readonly container: HTMLElement
  private readonly sockets = new Set<WebSocket>()
  /** How many frames the page has sent and received. */
  private frames = 0
  private frameCame: () => void = () => undefined
  private readonly failures: unknown[] = []
  private readonly pushes: Pushed[] = []
  /** The actor of the page's component. */
  private actor = -1
  /** The next join of the page's own module is the one of its component: nested ones join later. */
  private awaitsActor = true
  private isClosed = false
  gate: Gate | undefined

  constructor(
    private readonly loom: Loom,
    readonly of: Tested,
    private readonly module: string,
    readonly number: number,
    readonly visitor: Visitor,
    private readonly browser: Browser,
    private readonly timeout: number,
  ) {
    const { document } = browser.window
    this.container = document.createElement('div')
    this.container.addEventListener('loom:error', (event) => {
      const { message } = (event as CustomEvent<{ message: string }>).detail
      if (this.failures.length === 0) this.failures.push(new LoomError('LOOM_START', `${module}: ${message}`))
    })
    this.container.addEventListener('loom:push', (event) => {
      const { name, data } = (event as CustomEvent<Pushed>).detail
      this.pushes.push({ name, data })
    })
  }

  /** A request of the page over HTTP. Only uploads make such requests. */
  request(asked: Asked): Promise<Answered> {
    return this.of.network.request(this.number, asked, this.gate)
  }

  /** Shows the HTML of `loom.mount`. */
  show(html: string): void {
    // The connection's address has the page's number, since several pages may share a document.
    this.container.innerHTML = html.replace(/(data-l-ws="[^"]*)"/, `$1?page=${this.number}"`)
    this.window.document.body.append(this.container)
  }

  get window(): Window {
    return this.browser.window
  }

  get url(): string {
    const { location } = this.window
    const { href, origin } = new URL(this.browser.sentTo ?? location.href, location.href)
    return href.startsWith(`${location.origin}/`) ? href.slice(origin.length) : href
  }

  joined(module: string, actor: number): void {
    if (!this.awaitsActor || module !== this.module) return
    this.awaitsActor = false
    this.actor = actor
  }

  failed(error: unknown): void {
    this.failures.push(error)
  }

  opened(socket: WebSocket): void {
    this.awaitsActor = true
    this.sockets.add(socket)
    const { send } = socket
    socket.send = (...given: unknown[]) => {
      this.frames++
      Reflect.apply(send, socket, given)
    }
    socket.on('message', () => {
      this.frames++
      this.frameCame()
    })
    socket.on('close', () => this.sockets.delete(socket))
  }

  async click(selector: string, match: Match = {}): Promise<void> {
    const what = `click(${JSON.stringify(selector)})`
    const element = this.target(selector, match, what)
    if (element.matches(':disabled'))
      throw failure(`${what}: ${tagOf(element)} is disabled, and nobody can click it`, this.container)
    focus(element)
    ;(element as HTMLElement).click()
    await this.settled()
  }

  async fill(selector: string, value: FieldValue | Readonly<Record<string, FieldValue>>): Promise<void> {
    const what = `fill(${JSON.stringify(selector)})`
    const element = this.target(selector, {}, what)
    if (isObject(value) && !Array.isArray(value)) fillForm(this.window, this.container, element, value, what)
    else fill(this.window, this.container, element, value as FieldValue, what)
    await this.settled()
  }

  async submit(selector = 'form', values: Readonly<Record<string, FieldValue>> = {}): Promise<void> {
    const what = `submit(${JSON.stringify(selector)})`
    const fits = this.target(selector, {}, what)
    const form = fits.localName === 'form' ? fits : fits.closest('form')
    if (form === null) throw failure(`${what}: ${tagOf(fits)} is no form, and stands in none`, this.container)
    fillForm(this.window, this.container, form, values, what)
    await this.settled()
    const { elements } = form as HTMLFormElement
    if (!form.hasAttribute('novalidate')) {
      const wrong = [...elements].find(
        (field) => field.matches('input,select,textarea') && !(field as HTMLInputElement).validity.valid,
      )
      if (wrong !== undefined)
        throw failure(`${what}: a browser does not send the form, because ${tagOf(wrong)} is not valid`, this.container)
    }
    const button = [...elements].find(
      (field) => (field as HTMLButtonElement).type === 'submit' && !field.matches(':disabled'),
    )
    if (button === undefined && [...elements].some((field) => (field as HTMLButtonElement).type === 'submit'))
      throw failure(`${what}: the button of the form is disabled, and nobody can send it`, this.container)
    ;(form as HTMLFormElement).requestSubmit(button as HTMLElement | undefined)
    await this.settled()
  }

  async press(key: string, selector: string): Promise<void> {
    const element = this.target(selector, {}, `press(${JSON.stringify(key)})`)
    focus(element)
    const { KeyboardEvent } = this.window
    for (const type of ['keydown', 'keyup'])
      element.dispatchEvent(new KeyboardEvent(type, { key, bubbles: true, cancelable: true }))
    await this.settled()
  }

  async upload(
    selector: string,
    files: TestFile | readonly TestFile[],
    { upTo = 1 }: { upTo?: number } = {},
  ): Promise<HeldUpload> {
    const what = `upload(${JSON.stringify(selector)})`
    const input = this.target(selector, {}, what)
    if (!input.matches('input[type=file]')) throw failure(`${what}: ${tagOf(input)} is no file input`, this.container)
    if (!(upTo > 0 && upTo <= 1)) throw invalid('a part of the bytes, above 0 and up to 1,', 'the option upTo', upTo)
    const list = Array.isArray(files) ? (files as TestFile[]) : [files as TestFile]
    const bytes = chooseFiles(this.window, input as HTMLInputElement, list)
    const gate = (this.gate = new Gate(upTo < 1 ? Math.floor(bytes * upTo) : Infinity))
    const { timers } = this.browser
    input.dispatchEvent(new this.window.Event('input', { bubbles: true }))
    input.dispatchEvent(new this.window.Event('change', { bubbles: true }))
    await this.settled()
    // While an upload is under way, the client has a repeating timer.
    const isOver = (): boolean => !timers.repeats
    await this.until(what, () => gate.isReached || isOver())
    const { rounds } = timers
    await this.until(what, () => timers.rounds > rounds + 1 || isOver())
    await this.settled()
    // In a document that pages share, the next upload may be another page's.
    const end = (): void => {
      if (this.gate === gate) this.gate = undefined
    }
    if (isOver()) end()
    return {
      finish: async () => {
        gate.open()
        await this.until(what, isOver)
        await this.settled()
        end()
      },
    }
  }

  text(selector?: string, match: Match = {}): string {
    return textOf(selector === undefined ? this.container : this.one(selector, match, 'text'))
  }

  has(selector: string, match: Match = {}): boolean {
    return all(this.container, selector, match).length > 0
  }

  html(selector?: string): string {
    const root = selector === undefined ? this.container.firstElementChild : this.one(selector, {}, 'html')
    return root === null ? '' : htmlOf(root)
  }

  async props(): Promise<never> {
    await this.settled()
    const props = await this.of.seam.propsOf(this.actor)
    if (props !== undefined) return props as never
    throw failure('props: the component has ended, or has never joined', this.container)
  }

  pushed(): readonly Pushed[]
  pushed(name: string): readonly unknown[]
  pushed(name?: string): readonly unknown[] {
    return name === undefined ? this.pushes : this.pushes.filter((push) => push.name === name).map(({ data }) => data)
  }

  waitFor(selector: string, match?: Match): Promise<Element>
  waitFor<Result>(look: () => Result | Promise<Result>): Promise<Result>
  async waitFor(wanted: string | (() => unknown), match: Match = {}): Promise<unknown> {
    const look = typeof wanted === 'function' ? wanted : (): unknown => all(this.container, wanted, match)[0]
    const end = performance.now() + this.timeout
    for (;;) {
      this.throwFailure()
      let thrown: unknown
      try {
        const found = await look()
        if (found !== undefined && found !== null && found !== false) return found
      } catch (error) {
        thrown = error
      }
      if (performance.now() > end) {
        const what = `waitFor, after ${this.timeout} ms`
        if (typeof wanted === 'string') throw missing(this.container, wanted, match, what)
        if (thrown !== undefined)
          throw thrown instanceof Error ? thrown : failure(`${what}: ${textOfError(thrown)}`, this.container)
        throw failure(`${what}: the function has returned only undefined, null or false`, this.container)
      }
      await setTimeout(LOOK_MS)
    }
  }

  async settled(): Promise<void> {
    // Connections in memory do not keep the process alive, so a timer does.
    const alive = setInterval(() => undefined, 2 ** 30)
    try {
      await this.calm()
    } finally {
      clearInterval(alive)
    }
    this.throwFailure()
  }

  private async calm(): Promise<void> {
    const longest = Math.max(this.timeout, TIMEOUT_MS)
    let end = performance.now() + longest
    for (;;) {
      // To ask the server costs more than to wait for its frame.
      if (this.underWay() !== undefined) await this.nextFrame()
      const { frames } = this
      const begun = performance.now()
      await this.of.seam.settled()
      // The time of a running handler does not count here: `limits.handlerTime` bounds it.
      const handled = performance.now() - begun
      if (handled > HANDLED_MS) end += handled
      for (const socket of this.sockets) await echoed(socket)
      await setImmediate()
      const { browser } = this
      const isCalm =
        frames === this.frames &&
        browser.loading === 0 &&
        !browser.timers.isBusy &&
        !this.isConnecting &&
        this.underWay() === undefined
      if (isCalm) break
      if (performance.now() > end) {
        const busy = this.underWay()
        const other = this.isConnecting ? 'a connection is being made or ended' : 'frames keep coming'
        const what = busy === undefined ? other : `${busy.getAttribute('data-l-live') ?? ''} waits for its answer`
        throw failure(`The page has not settled within ${longest} ms: ${what}`, this.container)
      }
    }
  }

  /** Resolves when a frame has come, or a little later. */
  private nextFrame(): Promise<void> {
    return new Promise((resolve) => {
      const late = schedule(resolve, FRAME_MS)
      this.frameCame = () => {
        unschedule(late)
        resolve()
      }
    })
  }

  /** A component's state shows a new connection only once it is open, and the end of one only once it is closed. */
  private get isConnecting(): boolean {
    return !this.isClosed && [...this.sockets].some(({ readyState }) => readyState !== OPEN)
  }

  /** A component that waits for the server; undefined if there is none, or if the page has no network. */
  private underWay(): Element | undefined {
    const containers = [...this.container.querySelectorAll('[data-l-live]')]
    if (!this.visitor.isOnline || this.isClosed) return undefined
    return containers.find((each) => UNDER_WAY.test(each.getAttribute('data-l-state') ?? 'joining'))
  }

  /** An error that a callback has thrown fails the test. */
  private throwFailure(): void {
    if (this.failures.length === 0) return
    const [first] = this.failures.splice(0)
    throw first instanceof Error ? first : new LoomError('LOOM_START', textOfError(first))
  }

  async navigate(url: string): Promise<void> {
    checkString(url, 'the address of navigate')
    if (this.isClosed) throw new LoomError('LOOM_STOPPED', 'navigate: the page has been closed')
    const { document } = this.window
    const link = document.createElement('a')
    link.setAttribute('href', url)
    link.setAttribute('data-l-patch', '')
    link.hidden = true
    this.container.append(link)
    // The client may have to load its file for links first.
    await this.settled()
    link.click()
    link.remove()
    await this.settled()
  }

  async publish(topic: string | Topic<unknown>, data?: unknown): Promise<void> {
    await this.loom.publish(topic as string, data)
    await this.settled()
  }

  async advance(ms: number): Promise<void> {
    if (typeof ms !== 'number' || !(ms >= 0)) throw invalid('a number of milliseconds', 'the time of advance', ms)
    await this.settled()
    this.browser.timers.advance(ms)
    await this.settled()
    await this.of.seam.advance(ms)
    await this.settled()
  }

  async disconnect(): Promise<void> {
    this.cut()
    await this.until('disconnect', () => this.sockets.size === 0)
    await this.settled()
  }

  private cut(): void {
    this.visitor.isOnline = false
    for (const socket of this.sockets) socket.terminate()
  }

  async reconnect(options: { process?: 'same' | 'new' } = {}): Promise<void> {
    checkNames(options, { process: true }, 'the options of reconnect', 'an option of reconnect')
    const { process = 'same' } = options
    if (process !== 'same' && process !== 'new') throw invalid('"same" or "new"', 'the option process', process)
    if (process === 'new') {
      const others = this.of.pages.filter((page) => page !== this && page.visitor.isOnline)
      for (const page of [this, ...others]) page.cut()
      await this.of.restart()
      for (const page of others) page.comeBack()
    }
    this.comeBack()
    await this.settled()
  }

  /** Connects at once, without the wait of a browser. */
  private comeBack(): void {
    this.visitor.isOnline = true
    this.window.dispatchEvent(new this.window.Event('loom:connect'))
  }

  private async until(what: string, look: () => boolean): Promise<void> {
    const end = performance.now() + this.timeout
    while (!look()) {
      this.throwFailure()
      if (performance.now() > end)
        throw failure(`${what}: nothing has come of it within ${this.timeout} ms`, this.container)
      await setTimeout(1)
    }
  }

  /** The element that something is done to. */
  private target(selector: string, match: Match, what: string): Element {
    if (this.isClosed) throw new LoomError('LOOM_STOPPED', `${what}: the page has been closed`)
    return this.one(selector, match, what)
  }

  private one(selector: string, match: Match, what: string): Element {
    checkString(selector, `the selector of ${what}`)
    checkNames(match, { text: true }, 'the match', 'a member of the match')
    return one(this.container, selector, match, what)
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    this.container.remove()
    for (const socket of this.sockets) socket.terminate()
    await setImmediate()
    this.of.network.remove(this.number)
    pages.delete(this.number)
    if (!sharesDocument()) this.browser.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const textOfError = (thrown: unknown): string => (typeof thrown === 'string' ? thrown : inspect(thrown))

/** The request of a page, as Node's server would have it. */
function requestOf(given: unknown, keep: readonly string[]): { request: IncomingMessage; visitor: Visitor } {
  if (!isObject(given)) throw invalid('an object like { user: { id: "ada" } }', 'the option request', given)
  // A request of Fastify has Node's request in it, and beside that the members that hooks have set.
  const raw = isObject(given['raw']) ? given['raw'] : given
  const { url = '/', headers = {} } = { ...pick(raw, ['url', 'headers']), ...pick(given, ['url', 'headers']) } as {
    url?: unknown
    headers?: Record<string, string>
  }
  if (typeof url !== 'string' || !url.startsWith('/')) throw invalid('a path like "/orders?page=2"', 'request.url', url)
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  const kept = Object.fromEntries(
    lower.filter(([name = '']) => !/^(host|connection|upgrade|origin|content-.*|sec-websocket-.*)$/.test(name)),
  ) as Record<string, string>
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(given) as object | null)
  const names = isPlain ? Object.keys(given).filter((name) => !/^(url|headers|raw|method)$/.test(name)) : keep
  const set = { ...pick(raw, keep), ...pick(given, names) }
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: '127.0.0.1' })
  const request = Object.assign(new IncomingMessage(socket), { method: 'GET', url, ...set })
  request.headers = { ...kept, host: 'localhost' }
  return { request, visitor: { headers: kept, set, isOnline: true } }
}

function pick(from: object, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {}
  for (const name of names) {
    const value: unknown = Reflect.get(from, name)
    if (value !== undefined) picked[name] = value
  }
  return picked
}

export async function openPage(
  loom: Loom,
  module: RegisteredModule<object> | string,
  props: object = {},
  options: OpenOptions = {},
): Promise<Page> {
  checkNames(options, OPTIONS, 'the options of openPage', 'an option of openPage')
  const { timeout = TIMEOUT_MS, request: given = {}, ...mounting } = options
  if (typeof timeout !== 'number' || !(timeout > 0))
    throw invalid('a number of milliseconds', 'the option timeout', timeout)
  const of = Tested.of(loom)
  const { request, visitor } = requestOf(given, of.seam.keep)
  const html = await loom.mount(module, props, { ...mounting, request } as never)
  const name = typeof module === 'string' ? module : module.name
  const browser = await openBrowser(request.url ?? '/', wires)
  const number = ++lastNumber
  const page = new Page(loom, of, name, number, visitor, browser, timeout)
  pages.set(number, page)
  of.network.add(number, visitor)
  page.show(html)
  try {
    await page.settled()
  } catch (error) {
    await page.close()
    throw error
  }
  return page
}
