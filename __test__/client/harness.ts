/** What the client's tests have in common: a browser and a server per file, a page per test. */

import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { clientBundle, FakeServer, PATIENCE_MS, until, type Json, type Sent, type Wire } from './fake_server'
import { htmlOf, wireChanges, wireValue, type Changes, type Tree } from './trees'

export { until, type Json, type Sent, type Wire }
export { editOf, htmlOf, plain, tree, type Change, type Changes, type Slot, type Tree } from './trees'

/** A tree in answer to a join. */
export function sendJoin(
  wire: Wire,
  id: number,
  content: Tree,
  number = 0,
  revision = number,
  ...flags: number[]
): void {
  const value = wireValue(content, wire)
  wire.send(['j', id, number, revision, value, 'a.secret', ...flags])
}

/** A live component on a page, and the server's end of it. */
export class Live {
  constructor(
    readonly page: Page,
    readonly server: FakeServer,
    public wire: Wire,
    public id: number,
  ) {}

  /** The last event that has its answer; an earlier one if the server goes back. */
  answered = 0
  /** How many changes were said. */
  private revision = 0

  /** The oldest event that has none: what is sent next answers it. Without one, it answers nothing. */
  private number(): number {
    const next = this.wire.received.find(({ type, number = 0 }) => type === 'event' && number > this.answered)
    this.answered = next?.number ?? this.answered
    return this.answered
  }

  joined(content: Tree): void {
    sendJoin(this.wire, this.id, content, this.answered, this.revision)
  }

  /** The answer where the root's template is another. */
  shows(content: Tree): void {
    const value = wireValue(content, this.wire)
    this.revision++
    this.wire.send(['s', this.id, this.number(), value])
  }

  /** The answer to the oldest event. */
  patch(changes: Changes): void {
    const flat = wireChanges(changes, this.wire)
    this.revision++
    this.wire.send([this.id, this.number(), ...flat])
  }

  error(error: string): void {
    this.wire.send(['e', this.id, this.number(), error])
  }

  /** The next event, and no other message. */
  event(): Promise<Sent> {
    return this.wire.next('event')
  }

  state(state: string): Promise<unknown> {
    return this.page.waitForSelector(`[data-l-live][data-l-state="${state}"]`, { state: 'attached' })
  }

  html(selector = '[data-l-live]'): Promise<string> {
    return this.page.locator(selector).first().innerHTML()
  }

  text(selector = '[data-l-live]'): Promise<string> {
    return this.page.locator(selector).first().innerText()
  }

  /** Waits until the client has worked off what was sent so far. */
  async settled(): Promise<void> {
    const before = await this.count('loom:error')
    this.error('settled')
    await this.page.waitForFunction(
      (count) => (window as unknown as Recorder).seen.filter((one) => one.name === 'loom:error').length > count,
      before,
    )
  }

  count(name: string): Promise<number> {
    return this.page.evaluate(
      (wanted) => (window as unknown as Recorder).seen.filter((one) => one.name === wanted).length,
      name,
    )
  }

  /** The details of the page's `loom:…` events of that name. */
  seen(name: string): Promise<Json[]> {
    return this.page.evaluate(
      (wanted) => (window as unknown as Recorder).seen.filter((one) => one.name === wanted).map((one) => one.detail),
      name,
    )
  }

  /** After a lost connection: the next one, joined. */
  async rejoined(content: Tree): Promise<Sent> {
    this.wire = await this.server.speaking()
    const join = await this.wire.next('join')
    this.id = join.id
    this.joined(content)
    return join
  }
}

/** Waits until the page has read all that this connection, its newest, has sent so far. */
export async function hasRead(page: Page, wire: Wire): Promise<void> {
  await page.waitForFunction((sent) => (window as unknown as Recorder).got >= sent, wire.sent)
}

interface Recorder {
  seen: { name: string; detail: Json }[]
  /** How many frames the newest connection has got. */
  got: number
}

/** Runs in the page before anything else does. */
function record(): void {
  const recorder = window as unknown as Recorder
  recorder.seen = []
  const Native = WebSocket
  window.WebSocket = class extends Native {
    constructor(...parameters: ConstructorParameters<typeof WebSocket>) {
      super(...parameters)
      recorder.got = 0
      // Of the listeners this is the first, and what reads the page runs after the last.
      this.addEventListener('message', () => (recorder.got += 1))
    }
  }
  for (const name of ['loom:join', 'loom:patch', 'loom:error', 'loom:lost', 'loom:reset', 'loom:fragile']) {
    addEventListener(name, (event) => recorder.seen.push({ name, detail: (event as CustomEvent<Json>).detail }))
  }
}

export function container(inner: string, attributes = ''): string {
  return `<div data-l-live="demo" data-l-ws="/loom/ws" data-l-token="secret" ${attributes}>${inner}</div>`
}

export class Harness {
  browser!: Browser
  server!: FakeServer
  private pages: Page[] = []

  constructor() {
    beforeAll(async () => {
      this.browser = await launchBrowser()
      this.server = await FakeServer.start()
      // On a busy machine this takes longer than a page is waited for.
      clientBundle()
      clientBundle('fields')
    }, 60_000)
    afterEach(async () => {
      await Promise.all(this.pages.splice(0).map((page) => page.context().close()))
      this.server.reset()
    })
    afterAll(async () => {
      await this.browser.close()
      await this.server.stop()
    })
  }

  /** A fresh page that has not gone anywhere. */
  async blank(): Promise<Page> {
    const page = await this.browser.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    this.pages.push(page)
    await page.addInitScript(record)
    return page
  }

  /** A page with this body; `stopped`: its timers run only as the test lets them. */
  async open(body: string, stopped = false): Promise<Page> {
    const page = await this.blank()
    this.server.body = body
    if (stopped) await page.clock.install()
    await page.goto(this.server.url)
    if (stopped) await page.clock.pauseAt(Date.now() + 1_000)
    return page
  }

  /** A page with one component that shows `content`, joined. */
  async live(content: Tree, { around = (html: string) => html, stopped = false } = {}): Promise<Live> {
    return this.joins(await this.open(around(container(htmlOf(content))), stopped), content)
  }

  /** The one component of this page, shown `content` as soon as it has joined and `before` is done. */
  async joins(page: Page, content: Tree, before?: () => Promise<unknown>): Promise<Live> {
    const wire = await this.server.connection()
    const { id } = await wire.next('join')
    await before?.()
    const live = new Live(page, this.server, wire, id)
    live.joined(content)
    await live.state('live')
    return live
  }
}

/** Names the revision of the next change. */
export function wireRevision(id: number, revision: number): Json {
  return ['v', id, revision]
}
