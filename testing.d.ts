import type { Loom, RegisteredModule, Topic } from './index'

/** The request of a page that is tested: only what the application reads need be there. */
export interface TestRequest {
  /** The page's address, `/` by default. */
  url?: string
  headers?: Readonly<Record<string, string>>
  /** Whatever middleware would set: `user`, `session`. */
  [name: string]: unknown
}

export interface OpenOptions {
  /** The request of the page and of its connection. A request of Express or Fastify is taken, too. */
  request?: TestRequest | object
  /** The element that is the component's container; `div` by default. As in `loom.mount`. */
  as?: string
  /** Opens the shared component of this key. As in `loom.mount`. */
  shared?: string
  /** How long `waitFor` and `settled` wait, in milliseconds; 1,000 by default. */
  timeout?: number
}

/** Which of the elements that fit a selector is meant. */
export interface Match {
  /** The whole text of the element, or an expression that fits a part of the text. Space counts as in a browser. */
  text?: string | RegExp
}

/** What a field is given: text, a number, whether a box is checked, or the values of what is chosen. */
export type FieldValue = string | number | boolean | readonly string[]

/** What a handler has pushed. */
export interface Pushed {
  readonly name: string
  readonly data: unknown
}

/** A file for an upload. */
export interface TestFile {
  readonly name: string
  readonly content: string | Uint8Array
  /** The media type, for instance `image/png`. */
  readonly type?: string
}

/** An upload that was stopped on its way. */
export interface HeldUpload {
  /** Sends the rest; resolves as `upload` does. */
  finish(): Promise<void>
}

/** An open page with one component, and the components in it. */
export interface Page<Props extends object = Record<string, unknown>> {
  /** The element in which the component's container is: for Testing Library's `within`, and for events of your own. */
  readonly container: HTMLElement
  /** The window of the page. */
  readonly window: Window & typeof globalThis
  /** The page's address: path, query and hash; after a redirect, that of the other page. */
  readonly url: string

  /**
   * Clicks the only element that fits, and resolves when everything that came of the click is shown. Rejects with what a
   * handler has thrown.
   */
  click(selector: string, match?: Match): Promise<void>
  /** Gives a field a value, or the fields of a form values by their names, as a user does who then goes on to the next field. */
  fill(selector: string, value: FieldValue | Readonly<Record<string, FieldValue>>): Promise<void>
  /** Sends a form, the only one by default, after its fields were given these values. The browser's checks count. */
  submit(form?: string, values?: Readonly<Record<string, FieldValue>>): Promise<void>
  /** Presses a key in the only element that fits. */
  press(key: string, selector: string): Promise<void>
  /** Chooses files in a file input, and uploads them; with `upTo`, only that part of the bytes: 0.5 is a half. */
  upload(selector: string, files: TestFile | readonly TestFile[], options?: { upTo?: number }): Promise<HeldUpload>

  /** The text of the page, or of the only element that fits, with the space that a user sees. */
  text(selector?: string, match?: Match): string
  /** Whether there is such an element. */
  has(selector: string, match?: Match): boolean
  /** The HTML of the page, or of the only element that fits, one element a line: the same in each run. */
  html(selector?: string): string
  /** The committed props of the page's component. */
  props(): Promise<Props>
  /** What handlers have pushed so far; with a name, the data of the pushes of that name. */
  pushed(): readonly Pushed[]
  pushed(name: string): readonly unknown[]

  /** Resolves when there is such an element, with that element; or when the function gives something that is true. */
  waitFor(selector: string, match?: Match): Promise<Element>
  waitFor<Result>(look: () => Result | Promise<Result>): Promise<Result>
  /** Resolves when nothing is under way: all events are answered, and all changes are shown. */
  settled(): Promise<void>

  /** Goes to another address of the same page, as a link with `data-l-patch` does. */
  navigate(url: string): Promise<void>
  /** As `loom.publish`; resolves when the page shows what came of the message. */
  publish<Data>(topic: string | Topic<Data>, data?: Data): Promise<void>
  /** Moves the time of timers (`ctx.every`, `ctx.after`) and of the page; without that the time of timers stands still. */
  advance(ms: number): Promise<void>

  /** The network is gone, without a goodbye. */
  disconnect(): Promise<void>
  /**
   * The network is back. With `process: 'new'` the loom's process has ended meanwhile, and another one goes on: with the
   * same modules, options, secret and store, and with nothing of what was in memory.
   */
  reconnect(options?: { process?: 'same' | 'new' }): Promise<void>
  /** The user leaves the page. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a page with this component, as in production: mounted, joined by the client, with an actor of its own. Only the
 * socket is in memory. The test needs `happy-dom` or `jsdom`.
 */
export function openPage<Props extends object>(
  loom: Loom,
  module: RegisteredModule<Props>,
  props?: Partial<Props>,
  options?: OpenOptions,
): Promise<Page<Props>>
export function openPage(loom: Loom, module: string, props?: object, options?: OpenOptions): Promise<Page>
