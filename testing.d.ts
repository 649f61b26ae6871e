import type { Loom, RegisteredModule, Topic } from './index'

/** The request of a page in a test. Give only the members that the application reads. */
export interface TestRequest {
  /** The page's address: a path with its query, which begins with `/`. The default is `/`. */
  url?: string
  /**
   * The headers of the page's request and of its connection. The names may be in any case. `host`, `origin`,
   * `connection`, `upgrade` and names that begin with `content-` or `sec-websocket-` are ignored: the helper sets them.
   */
  headers?: Readonly<Record<string, string>>
  /** The members that middleware would set, for instance `user` or `session`. */
  [name: string]: unknown
}

export interface OpenOptions {
  /**
   * The request of the page and of its connection. You can also give a request of Express or Fastify: then `url`,
   * `headers` and the members that the loom's option `keep` names are taken.
   */
  request?: TestRequest | object
  /** The name of the element that is the component's container, as in `loom.mount`. The default is `div`. */
  as?: string
  /** Opens the shared component of this key, as in `loom.mount`. */
  shared?: string
  /**
   * How long a call waits for the page before it rejects, in milliseconds, above 0. The default is 1,000. `settled`, and
   * each call that waits as `settled` does, waits for at least 1,000. The time of handlers does not count;
   * `limits.handlerTime` bounds it.
   */
  timeout?: number
}

/** Says which of the elements that a selector finds is meant. */
export interface Match {
  /**
   * A string is the whole text of the element; a regular expression is tested against this text. The text is the one
   * that a user reads: white space at both ends is left out, and any other white space counts as one space.
   */
  text?: string | RegExp
}

/**
 * The value of a field: `true` or `false` for a checkbox or a radio button, a value or a list of values for a `<select>`,
 * and text or a number for any other field. If a form has several checkboxes or radio buttons of one name, the value is
 * the `value` of the one to check; for checkboxes it may be a list.
 */
export type FieldValue = string | number | boolean | readonly string[]

/** A push of the server: one call of `ctx.push(name, data)`. */
export interface Pushed {
  readonly name: string
  readonly data: unknown
}

/** A file for an upload. */
export interface TestFile {
  readonly name: string
  /** The file's bytes. A string is encoded as UTF-8. */
  readonly content: string | Uint8Array
  /** The media type, for instance `image/png`. By default the file has none. */
  readonly type?: string
}

/** An upload, which has stopped on its way if `upTo` said so. */
export interface HeldUpload {
  /** Sends the rest of the bytes. Resolves when the upload is over and the page shows the result. */
  finish(): Promise<void>
}

/**
 * An open page: its component, and the components nested in that component.
 *
 * A selector is a CSS selector, and finds elements in this page only. If a call needs one element, and the selector finds
 * none or several, the call fails.
 *
 * Each promise resolves when nothing is under way any more: handlers are done, events are answered, and the page shows the
 * result. A running task (`ctx.task`) is not waited for: use `waitFor`. If a callback of the component, such as a handler or a receiver, has thrown meanwhile, the promise rejects with
 * the same error. Any other failure is a `LoomError`: `LOOM_ARGUMENT` if the page does not have what the test looked for,
 * or has not settled in time, and `LOOM_START` if the component shows an error that no callback has thrown. A message of
 * `LOOM_ARGUMENT` shows the page's HTML. Methods without a promise throw the same `LoomError`.
 */
export interface Page<Props extends object = Record<string, unknown>> {
  /** The element around the component's container, for Testing Library's `within` and for events of your own. */
  readonly container: HTMLElement
  /** The window of the page. */
  readonly window: Window & typeof globalThis
  /**
   * The page's address: path, query and hash. After a redirect, the address of the other page; if that page has another
   * origin, the address begins with the origin.
   */
  readonly url: string

  /** Gives the element the focus, and clicks it. Rejects if the element is disabled. */
  click(selector: string, match?: Match): Promise<void>
  /**
   * Gives a field a value. Then the focus leaves the field, as if the user went on to the next field. If the element is a
   * form, `value` has the values of its fields by their names. Rejects if the field is disabled or read-only, if it does
   * not offer this choice, or if it is for files.
   */
  fill(selector: string, value: FieldValue | Readonly<Record<string, FieldValue>>): Promise<void>
  /**
   * Gives fields of the form these values, by their names, and sends the form with its first button that is not disabled.
   * Rejects if a field breaks a rule that a browser checks (`required`, `pattern`, `type`) and the form has no
   * `novalidate`, or if all buttons of the form are disabled.
   *
   * @param form finds the form, or an element in the form. The default finds the page's only form.
   */
  submit(form?: string, values?: Readonly<Record<string, FieldValue>>): Promise<void>
  /**
   * Gives the element the focus, and presses and releases a key there: the events `keydown` and `keyup`.
   *
   * @param key as `KeyboardEvent.key`, for instance `Enter`.
   */
  press(key: string, selector: string): Promise<void>
  /**
   * Chooses files in a file input, and sends them.
   *
   * @param options `upTo`: the part of all bytes that is sent now, above 0 and up to 1. 0.5 is a half; the default is 1.
   */
  upload(selector: string, files: TestFile | readonly TestFile[], options?: { upTo?: number }): Promise<HeldUpload>

  /** The text of the page, or of the element, as in `Match`. */
  text(selector?: string, match?: Match): string
  /** True if the selector finds at least one element. */
  has(selector: string, match?: Match): boolean
  /**
   * The HTML inside the component's container, or inside the element. An element has a line of its own; a short inline
   * element, such as `<b>`, stands within the line of its text. The HTML is the same in each run: attributes that only the
   * client needs are left out.
   */
  html(selector?: string): string
  /** The committed props of the page's component. Rejects if the component has ended. */
  props(): Promise<Props>
  /** All pushes that have reached this page, the oldest first. */
  pushed(): readonly Pushed[]
  /** The data of all pushes of this name that have reached this page, the oldest first. */
  pushed(name: string): readonly unknown[]

  /** Waits until the selector finds an element, and resolves with the first one. Rejects after `timeout`. */
  waitFor(selector: string, match?: Match): Promise<Element>
  /**
   * Calls the function again and again, until it returns, or resolves with, a value other than `undefined`, `null` and
   * `false`. Resolves with this value. If the function throws, it is called again. Rejects after `timeout`, with the last
   * error of the function if there is one.
   */
  waitFor<Result>(look: () => Result | Promise<Result>): Promise<Result>
  /** Resolves when nothing is under way any more. Call it after events of your own. */
  settled(): Promise<void>

  /** Goes to another address of the same page, as a link with `data-l-patch` does: the module's `params` is called. */
  navigate(url: string): Promise<void>
  /** Calls `loom.publish`. Resolves when this page has settled. */
  publish<Data>(topic: string | Topic<Data>, data?: Data): Promise<void>
  /**
   * Moves the time of `ctx.every` and `ctx.after`, which stands still otherwise, and the time of the client in the page.
   * Timers ring one after the other; all effects of one are done before the next one rings.
   *
   * @param ms milliseconds, 0 or more.
   */
  advance(ms: number): Promise<void>

  /** Cuts the page's connections without a closing handshake. The page stays offline until `reconnect`. */
  disconnect(): Promise<void>
  /**
   * Connects the page again.
   *
   * @param options `process`: if it is `new`, the loom's process has ended meanwhile, and another process goes on, with
   * the same modules, options, secret and store, and with an empty memory. All open pages of the loom go on there. The
   * default is `same`.
   */
  reconnect(options?: { process?: 'same' | 'new' }): Promise<void>
  /**
   * The user leaves the page: the page is removed, and its connections end. What is done to the page afterwards
   * (`click`, `fill`, `navigate`, …) rejects with the code `LOOM_STOPPED`.
   */
  close(): Promise<void>
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a page with this component, as in production: `loom.mount` renders the component, the client joins it, and an
 * actor runs it. Only the sockets are in memory. From the loom's first page on, the time of `ctx.every` and `ctx.after`
 * stands still for all components of the loom.
 *
 * The page runs in the document of the test's environment if there is one, and otherwise in `happy-dom` or `jsdom`, which
 * the application installs.
 *
 * @param module what `loom.register` returned, or the name of the module.
 * @param props as in `loom.mount`.
 * @throws LoomError `LOOM_ARGUMENT` if an argument or an option is wrong, `LOOM_PLATFORM` if there is neither `happy-dom`
 * nor `jsdom`, and `LOOM_START` if the component cannot join. Rejects with the same errors as `loom.mount`, and with an
 * error that a callback of the component has thrown. After a rejection no page is open.
 */
export function openPage<Props extends object>(
  loom: Loom,
  module: RegisteredModule<Props>,
  props?: Partial<Props>,
  options?: OpenOptions,
): Promise<Page<Props>>
export function openPage(loom: Loom, module: string, props?: object, options?: OpenOptions): Promise<Page>
