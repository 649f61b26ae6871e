// The public face of loom-live. `lib/` implements what is declared here.

// The types of the events that pages listen to, such as `loom:error`.
import type {} from './dom.js'

import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Readable } from 'node:stream'

/** A rendered template: what `html` gives and `render` returns. */
export interface Tree {
  /** The literal's own strings, one more than there are dynamics. */
  readonly statics: TemplateStringsArray
  /** The values between them. */
  readonly dynamics: readonly unknown[]
}

/**
 * Makes a tree of a template literal. Every value is escaped for the place where it stands: text,
 * a quoted attribute, a URL (a script scheme becomes `about:invalid`), a `style`.
 *
 * - Strings, numbers, bigints and `true` are text; `null`, `undefined` and `false` write nothing.
 * - Nested `html`, `each` and arrays may stand in text.
 * - `?disabled=${condition}` writes the attribute if the condition is true; `@click=${'name'}` is `data-l-click="name"`.
 * - If a value is the whole text of an attribute, its meaning depends on the attribute: `false` removes `disabled` or
 *   `hidden`, and is "false" in `aria-expanded` or `contenteditable`. `docs/basics.md` has the table.
 *
 * @throws LoomError `LOOM_TEMPLATE`, when first rendered, if a value stands in a place that
 * cannot be made safe: a tag or attribute name, an unquoted attribute, a comment, a script.
 */
export function html(statics: TemplateStringsArray, ...dynamics: readonly unknown[]): Tree

/** What identifies a row among its siblings. */
export type Key = string | number | bigint

/** What `each` gives: stands in a template's text. */
export interface KeyedList {
  readonly items: readonly unknown[]
}

/**
 * A keyed list: `${each(props.rows, (row) => row.id, (row) => html`<li>${row.name}</li>`)}`.
 *
 * A row whose item is the same object as at the last render is neither rendered nor sent again. So make a new
 * object for each item that changes, and share the others: then an update costs only the changed rows. If the order
 * changes, rows are moved in the page and not made anew.
 *
 * @param items the items; an array that is not changed in place
 * @param key what identifies an item; unique in the list
 * @param row renders one item. It reads the item and nothing else, except what is in `dependencies`
 * @param dependencies the values that rows read beside their item, as in `[props.selected]`. If one of them
 * changes, all rows are rendered. Development warns of a value that was forgotten.
 */
export function each<Item>(
  items: readonly Item[],
  key: (item: Item) => Key,
  row: (item: Item) => Tree,
  dependencies?: readonly unknown[],
): KeyedList
/**
 * A window on a long list: only `limit` rows of it are rendered, compared and sent, from the item `at` on. When the
 * window moves, rows that are in both windows stay in the page. See docs/lists.md.
 *
 *     const shown = each(rows, (row) => row.id, (row) => html`<li>${row.name}</li>`, { limit: 200, at: props.at })
 *
 * @param window if `at` is before the beginning or behind the end, the nearest window is used.
 * @throws LoomError `LOOM_ARGUMENT` for a wrong number and for an unknown option.
 */
export function each<Item>(
  items: readonly Item[],
  key: (item: Item) => Key,
  row: (item: Item) => Tree,
  window: EachWindow,
): KeyedWindow

/** Which part of a list is rendered. */
export interface EachWindow {
  /** How many rows, 2 to 10,000: some screens more than a user sees at a time. */
  readonly limit: number
  /** The index of the first item. */
  readonly at: number
  /** As in a whole list. */
  readonly dependencies?: readonly unknown[]
}

/** A window on a list: stands in a template's text, as a whole list does. */
export interface KeyedWindow extends KeyedList {
  /** The index of the first row, within the list. */
  readonly at: number
  /** The `at` of the window that is half a window earlier or later; `undefined` if there is nothing more on that side. */
  readonly earlier: number | undefined
  readonly later: number | undefined
}

/** HTML that is inserted as it stands: what `raw` and `sanitized` give. */
export interface RawHtml {
  readonly html: string
}

/**
 * Marks a string as trusted HTML. It may stand in text only. Never pass it anything a user can influence.
 *
 * @throws LoomError `LOOM_ARGUMENT` for anything but a string.
 */
export function raw(html: string): RawHtml

/**
 * HTML of users that a sanitizer (DOMPurify, sanitize-html) has let through. It may stand in text only. The HTML is
 * shown as it is, except that attributes which would reach this page's components have no effect: `data-l-…`, `l-…`,
 * and those that make an element a part of another (`for`, `form`, `popovertarget`, `commandfor`).
 *
 * `sanitized` is not a sanitizer: it leaves scripts and the like in the HTML. HTML that is not complete in itself (cut
 * off after it was sanitized, an element that is not closed, a table's row without its table) is shown as text, and the
 * log names the place.
 *
 * @throws LoomError `LOOM_ARGUMENT` for anything but a string.
 */
export function sanitized(html: string): RawHtml

/**
 * Makes a tree of the name of an element, or of a component, as JSX does. Compilers call this function if a key stands
 * behind a spread, `<li {...props} key={id}>`, and `loom-live/jsx-runtime` for all other JSX: see docs/jsx.md.
 */
export function createElement(
  type: string | ((props: never) => unknown),
  props?: object | null,
  ...children: readonly unknown[]
): Tree

/** Its children and nothing around them: `<>…</>` in JSX, and `<Fragment key={id}>…</Fragment>`. */
export function Fragment(props: { readonly children?: unknown }): Tree

/** What `loom-live/jsx-runtime` and `loom-live/jsx-dev-runtime` export. Nothing else needs it. */
export const jsxRuntime: Readonly<
  Record<'Fragment' | 'jsx' | 'jsxs' | 'jsxDEV' | 'template' | 'keyed', (...parameters: never[]) => Tree>
>

export interface LiveOptions {
  /**
   * Identifies the component among the parent's other components of this module: text or a number, at most 256 bytes. In
   * a list it is also the key of the list's item.
   */
  readonly key?: Key
  /** The element that is the component's container: `div`, or any other that `loom.mount` takes. */
  readonly as?: string
  /** The key of a shared component, which is then shown here. It is given no props. */
  readonly shared?: string
}

/**
 * A component of its own in a template: `${live(chart, { range: props.range }, { key: 'left' })}`. It has an actor, props and
 * events of its own. It begins when its parent's render shows it; its `mount` gets the values of `given`. It ends when
 * the parent does not show it any more. Changes of the parent around it do not disturb it; a list of `each` moves it
 * without a restart. When the parent gives other values, they arrive once at the receiver `given`; without such a receiver
 * they are merged into the props. A shared component cannot have nested ones, but can itself be nested in others.
 *
 * @param module the result of `loom.register`; a module with `params` cannot be nested.
 * @param given JSON values; they replace the module's own props of the same names.
 * @throws LoomError `LOOM_ARGUMENT` if `module` is not registered or an option is wrong, `LOOM_PROPS` if `given` is not
 * JSON. The render fails with `LOOM_TEMPLATE` if the same module stands twice in it with one key.
 */
export function live<Props extends object>(
  module: RegisteredModule<Props>,
  given?: Partial<NoInfer<Props>>,
  options?: LiveOptions,
): Tree

/**
 * A handler with arguments, for a binding: `<button @click=${on('remove', { id: row.id })}>`. The handler gets the
 * arguments as `event.args`. The binding is the text `remove({"id":7})`, which other template languages can write as well.
 *
 * The arguments go through the browser, so a user can send any others: treat them as you treat a form. `validated`
 * checks them.
 *
 * @param handler the handler's name, without `(`.
 * @param args a JSON value of at most 4,096 bytes; `undefined` if there are no arguments.
 * @throws LoomError `LOOM_ARGUMENT` for anything else.
 */
export function on(handler: string, args?: unknown): BoundHandler

/** A handler in a binding. It is a text: `String(on('save'))` is `save`. */
export interface BoundHandler extends AttributeValue {
  /**
   * Commands that the page runs until the answer comes: `on('like').optimistic(js.addClass('liked'))`. Their effect is
   * taken back together with the answer's own change, whether the event was applied or failed, so that nothing flickers.
   *
   * @param commands only commands that can be taken back: `show`, `hide`, `toggle`, those of classes and attributes, and
   * `insert`.
   * @throws LoomError `LOOM_ARGUMENT` for other commands.
   */
  optimistic(commands: Commands): AttributeValue
}

/** A value that is the text of an attribute. */
export interface AttributeValue {
  readonly text: string
  toString(): string
}

/** Classes for the time of a transition; several have spaces between them. */
export interface CommandTransition {
  /** There from the first moment to the end: mostly classes with `transition` or `animation` in the CSS. */
  readonly active?: string
  /** There at first. */
  readonly start?: string
  /** There from the second frame on, instead of `start`. */
  readonly end?: string
}

export interface TransitionOptions {
  /** How long the classes are there, in milliseconds: 200, or 0 to 10,000. If the user prefers reduced motion, there is no transition. */
  readonly time?: number
}

export interface ShowOptions extends TransitionOptions {
  /** The element is shown at the beginning of the transition, or hidden at its end. Not in optimistic commands. */
  readonly transition?: string | CommandTransition
  /** The CSS `display` that the element gets if the page's CSS hides it: `block`. */
  readonly display?: string
}

export interface ScrollOptions {
  readonly behavior?: 'auto' | 'smooth' | 'instant'
  readonly block?: 'start' | 'center' | 'end' | 'nearest'
  readonly inline?: 'start' | 'center' | 'end' | 'nearest'
}

export interface CallOptions {
  /** As `on(…).optimistic(…)`. */
  readonly optimistic?: Commands
}

/**
 * A chain of commands that the page runs by itself, in the order in which they are written:
 * `js.toggle('#menu').focus('#first')`. Use it in bindings, `@click=${js.toggle('#menu')}`, and in `ctx.push`. Each
 * command returns a new, longer chain, and does not change the old one. A chain has at most 32 commands, and 4,096 bytes as
 * JSON. All commands throw a LoomError `LOOM_ARGUMENT` for wrong arguments.
 *
 * `to`: a CSS selector of the whole document, `closest …` (the element with the binding, or the nearest one around it) or
 * `inner …` (an element in it). Without `to` the element itself is meant; in `ctx.push` the component's element.
 *
 * The effects of commands survive patches, until the server changes the same class or attribute.
 */
export interface Commands extends AttributeValue {
  show(to?: string, options?: ShowOptions): Commands
  hide(to?: string, options?: ShowOptions): Commands
  toggle(to?: string, options?: ShowOptions): Commands
  addClass(names: string, to?: string): Commands
  removeClass(names: string, to?: string): Commands
  toggleClass(names: string, to?: string): Commands
  /**
   * Refuses event handlers, `style`, `class`, `srcdoc` and `data-l-…`. Addresses may only be paths, http(s), mailto, tel
   * and sms.
   */
  setAttribute(name: string, value: string, to?: string): Commands
  removeAttribute(name: string, to?: string): Commands
  /**
   * Without `values` it is a boolean attribute. With one value the attribute comes and goes; with two values, such as
   * `['true', 'false']`, the values take turns.
   */
  toggleAttribute(name: string, to?: string, values?: readonly [on: string, off?: string]): Commands
  transition(classes: string | CommandTransition, to?: string, options?: TransitionOptions): Commands
  /** If the element cannot have the focus, the first element in it that can gets the focus. */
  focus(to?: string): Commands
  blur(to?: string): Commands
  scrollIntoView(to?: string, options?: ScrollOptions): Commands
  /** Dispatches a `CustomEvent` that bubbles. */
  dispatch(name: string, to?: string, detail?: unknown): Commands
  /** Copies to the clipboard: a text, or the value or text of an element. */
  copy(what: string | { readonly from: string }): Commands
  /** Opens a `<dialog>`. */
  showModal(to?: string): Commands
  /** Closes a `<dialog>`; without `to` the nearest one around the element. */
  close(to?: string): Commands
  /** Goes to a path or an http(s) URL. */
  navigate(url: string): Commands
  /**
   * Shows a copy of a `<template>` of the page, which is taken back with the answer: only in optimistic commands. In the
   * copy an element with `data-l-fill="name"` gets the text of the argument or field `name`.
   */
  insert(template: string, to?: string, place?: 'start' | 'end' | 'before' | 'after'): Commands
  /** Calls the handler with the binding's event and these arguments, as `on` does. */
  call(handler: string, args?: unknown, options?: CallOptions): Commands
}

/** Where chains of commands begin. */
export const js: Commands

/**
 * What happened in the browser.
 *
 * `Args`: the type of `args`, as the handler expects it. Nothing checks `args` against it; use `validated` for that.
 */
export interface LiveEvent<Args = unknown> {
  /**
   * The event's own name, the same whenever it is handled again: after a crash, or in another process.
   * Side effects that use it as their key happen once.
   */
  readonly id: string
  /** The handler's name: the value of `data-l-click` and its like, without arguments. If `type` is `model`: the prop's name. */
  readonly handler: string
  /**
   * The DOM event's type: `click`, `input`, `change`, `submit`, `reset`, `keydown`, or any other that is bound. `model`
   * means that a control sets a prop: `authorize` gets such an event, and handlers never do. `call` means that a hook of
   * the page has called the handler (`this.call`); see `LiveContext.reply`.
   */
  readonly type: string
  /**
   * The `data-l-value` of the element that names the handler. Without `data-l-value` it is the value of the field in
   * which the event happened: a native field, or a custom element with a value. For a submit it is the form, URL-encoded.
   */
  readonly value?: string
  /** The field's value, if `value` is the element's `data-l-value`. */
  readonly fieldValue?: string
  /**
   * All chosen values of a `<select multiple>`; `value` is the first of them. If `type` is `model`, also the values of the
   * checked checkboxes of a prop.
   */
  readonly values?: readonly string[]
  /** Whether the checkbox or radio button is on. */
  readonly checked?: boolean
  /** The key of a keyboard event. */
  readonly key?: string
  /**
   * The fields of a submitted or reset form, or of the form that a changed field belongs to, by name; a
   * repeated name has all its values. A name that no field has is `undefined`. Files are not sent. The object has
   * no prototype: a field may be called `__proto__` or `constructor`. It has at most `limits.formFields` names.
   */
  readonly form?: Readonly<Record<string, string | string[] | undefined>>
  /**
   * The names of the form's fields that the user has left, or has sent, so far: `validated` shows the errors of these.
   * Only with `form` of a changed field, if the form has fields with `data-l-validity`.
   */
  readonly left?: readonly string[]
  /**
   * The arguments of the binding: see `on`. JSON of at most 4,096 bytes, and not frozen. A user can send other arguments
   * than the page has. If `type` is `call`, they are the arguments of the hook, and only `limits.messageBytes` bounds them.
   */
  readonly args?: Args
  /**
   * The members of the DOM event that `data-l-detail="clientX, detail.id"` at the element with the binding names, by these
   * names. A member that does not exist or is not JSON is `undefined`. At most 32 names and 4,096 bytes of JSON; if there is
   * more, nothing is sent and the browser's console says so. The object has no prototype.
   */
  readonly detail?: Readonly<Record<string, unknown>>
  /** Whose event it is, if the component is shared: see `MountOptions.shared`. */
  readonly viewer?: Viewer
}

/** A page that shows a shared component. */
export interface Viewer {
  /** The page's own name, the same for as long as the page is open. Knowing the name is not enough to act for the page. */
  readonly id: string
  /** The value of the option `bind` for the page's user; empty without `bind`. */
  readonly bind: string
}

/**
 * The request that began the component's connection; while the page is rendered, the page's request. Beside the members
 * declared here it has those that the application's own middleware set on it, as JSON: see `AttachOptions`. Add their
 * types with `declare module 'loom-live' { interface LiveRequest { user?: User } }`.
 *
 * The object is a copy: writing to it has no effect, and throws in development.
 */
export interface LiveRequest {
  /**
   * The URL of the page, path and query, while it is rendered and at every join, rejoin and event alike: `loom.mount`
   * seals it into the page. Without the query if it is longer than 2,048 bytes; empty if `mount` was given no request.
   */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly cookies: Readonly<Record<string, string | undefined>>
  /** The client's address; see the option `trustProxy`. */
  readonly address: string
  /** The members that the option `keep` names. */
  readonly [name: string]: unknown
}

/** What a handler has beside its props and its event. You may take functions out of the object: `const { publish } = ctx`. */
export interface LiveContext {
  /**
   * The component's id on its connection. After the page has come back it is another id. Empty while the page is
   * rendered. For a shared component it is the key.
   */
  readonly id: string
  /** The module's name. */
  readonly module: string
  /** The key of a shared component, by which its state is loaded: see `MountOptions.shared`. Empty if it is not shared. */
  readonly key: string
  /**
   * The request that began the connection; for a shared component, the request of the page that sent the event; empty for
   * a socket made by `loom.start`. You may keep it after it was read.
   *
   * @throws LoomError `LOOM_STOPPED` if it is read for the first time after the call has ended; `LOOM_ARGUMENT` in
   * `mount`, `connected` and receivers of a shared component, which is shown to many pages.
   */
  readonly request: LiveRequest
  /**
   * The names of the topics that the component is in: it has subscribed to them, gets their presence, or is tracked in
   * them. The list is as it was committed before this call: topics that the call itself asks for are not in the list. In
   * `authorize` of a page that joins or comes back, the list is that of the state from which the component goes on; for a
   * shared component, that of the component. If a page starts a shared component, and the component is then in topics,
   * `authorize` is called a second time for this page. Empty while the page is rendered. Frozen.
   *
   * @throws LoomError `LOOM_STOPPED` if it is read for the first time after the call has ended.
   */
  readonly topics: readonly string[]
  /**
   * The value of the option `bind` for the page's user; for a shared component, for the user who sent the event. Empty
   * without `bind`, and if a shared component has no request.
   */
  readonly bind: string
  /** Aborted when the handler has taken too long, and when the component is gone. */
  readonly signal: AbortSignal
  /**
   * Sends the whole page to another address, once the handler's props are committed. In a shared component this is the
   * page that sent the event.
   *
   * @param url a path, or an http or https URL.
   * @throws LoomError `LOOM_ARGUMENT` in `connected` and receivers of a shared component: no page has asked there.
   */
  redirect(url: string): void
  /**
   * The submitted form keeps its input, once the handler's props are committed: call it if the form is not accepted.
   * Without this call a form returns to the server's values after its answer, unless the handler failed. For other events,
   * and for clients of the classic dialect, it does nothing.
   */
  keepForm(): void
  /**
   * Sends the receiver a message at each interval, once the step is committed. A receiver has one timer: a new one
   * replaces the old one. If a timer fell due several times while no page showed the component, it fires once.
   *
   * @param ms at least 50, at most ten years.
   * @throws LoomError `LOOM_STEP_OVER` after the step has ended; `LOOM_ARGUMENT` for a receiver that the module lacks.
   */
  every(receiver: string, ms: number): void
  /**
   * Sends the receiver one message after this time, once the step is committed; otherwise as `every`.
   *
   * @param ms at least 0, at most ten years.
   * @param data a JSON value of at most `limits.messageBytes`; without it the message's `data` is `undefined`.
   */
  after(receiver: string, ms: number, data?: unknown): void
  /**
   * The component's address: code that has the address can send to the component, with `ctx.send` or `loom.send`. It stays the same
   * as long as the component's state lives.
   */
  readonly self: string
  /**
   * In a component that `live()` has nested: the address of its parent, for `ctx.send`. `undefined` in any other
   * component, and while the page is rendered.
   */
  readonly parent: string | undefined
  /**
   * Sends the receiver the messages that are published to the topic. The place in the topic is fixed at the call, and
   * delivery begins once the step is committed. Each message enters the state exactly once, in the topic's order, also
   * across lost connections. If the topic's history no longer has some messages, the receiver gets one message with `gap`.
   *
   * @param topic 1 to 256 bytes. A component has at most 100 subscriptions.
   * @throws LoomError `LOOM_TOPIC` if there are too many topics (`limits.topics`).
   */
  subscribe(topic: string | Topic<unknown>, receiver: string, options?: SubscribeOptions): Promise<void>
  /** Nothing more of the topic comes, once the step is committed: neither its messages nor its presence. */
  unsubscribe(topic: string | Topic<unknown>): void
  /**
   * Shows, once the step is committed, that a person is there, to all who watch the topic's presence. It lasts while a
   * page shows the component, until `untrack` or the component's end. A second call for the same topic changes the meta;
   * the key stays the same unless another one is given.
   *
   * All components with one key are one person, with one meta for each component: so several tabs of a user are one
   * person. A person has left when the last of these components has been gone for `limits.presenceGrace`: so a page that
   * is loaded again has not left.
   *
   * @param topic 1 to 256 bytes. A component can be tracked in at most 16 topics; `limits.presenceEntries` and
   * `presenceEntriesPerTopic` bound the components. One more fails the step.
   * @param meta the data that others see, `null` if it is left out: a JSON value of at most `limits.presenceMeta`; a
   * larger one fails the step.
   * @param options `key`: who the person is, 1 to 256 bytes. Without `key` it is the value of `bind`; if there is none,
   * each component is an unknown person of its own. A shared component belongs to no user: it is one entry, as long as
   * any page shows it, and without `key` it has its own `ctx.key`, whoever has clicked.
   */
  track(topic: string | Topic<unknown>, meta?: unknown, options?: TrackOptions): void
  /** The component is not there any more, once the step is committed; then the grace begins. */
  untrack(topic: string | Topic<unknown>): void
  /**
   * Sends the receiver the people who are there, once the step is committed: first everybody, and then the people who
   * came, changed and left, gathered, at most once a second. See `PresenceMessage`. If many components begin within a
   * second, some get everybody at the end of this second, all by one message. Everybody is sent again when the
   * component's page is back, and after a message that was not handled. `unsubscribe` ends it.
   *
   * @param topic 1 to 256 bytes; it counts as one of the 100 subscriptions of a component.
   */
  presence(topic: string | Topic<unknown>, receiver: string): void
  /**
   * Publishes to a topic, once the step is committed; exactly once, also if the step is made again after a crash.
   *
   * @param data a JSON value of at most `limits.messageBytes`; `null` if it is left out.
   */
  publish<Data>(topic: Topic<Data>, data: NoInfer<Data>): void
  publish(topic: string, data?: unknown): void
  /**
   * Sends a message to one component, once the step is committed; otherwise as `publish`. An address that was not made
   * by this application fails the step.
   */
  send(address: string, receiver: string, data?: unknown): void
  /**
   * Ends the timer and the task of this receiver, once the step is committed. The receiver gets no more messages of
   * them: neither `done` nor an `error`, nor messages that wait already.
   */
  cancel(receiver: string): void
  /**
   * Runs a task beside the events, once the step is committed. Each value is a message for the receiver, and the last
   * message has `done` or `error`. The next value is asked for when the value before is handled. Another task of the same
   * receiver, `cancel` and the end of the component abort the signal. If the step that starts a task also ends it, `begin`
   * is never called. While the component waits for its page, the task runs until its next value. A task ends with its
   * process.
   *
   * @param begin gives a promise of one value, or an iterator of many; JSON values.
   */
  task<Value>(receiver: string, begin: (signal: AbortSignal) => TaskSource<Value>): void
  /**
   * Dispatches `loom:push` at the component's element, after the change of the same step: `detail` is
   * `{ name, data }`. Clients of the classic dialect do not get it. In a shared component, a push of a handler goes to
   * the page that sent the event, and a push of a receiver to all pages.
   *
   * @param name 256 bytes at most.
   * @param data a JSON value; `null` if it is left out.
   */
  push(name: string, data?: unknown): void
  /** Lets the page run these commands, after the change of the same step: `ctx.push(js.focus('#next'))`. */
  push(commands: Commands): void
  /**
   * Answers a hook of the page that has called the handler with `this.call`: the hook's promise resolves with the value,
   * after the change of the same step. Only this page gets the value, also if the component is shared. If the handler does
   * not call `reply`, the promise resolves with `undefined`; if the handler fails, the promise rejects. If the event does
   * not come from a hook but, for instance, from a click, `reply` does nothing.
   *
   * @param value a JSON value; `undefined` if it is left out. It has the same bounds as a push.
   * @throws LoomError `LOOM_ARGUMENT` at a second call, and in `connected` and receivers, because no page has asked
   * there. `LOOM_PROPS` if JSON would change the value.
   */
  reply(value?: unknown): void
  /**
   * Changes only the address of the page, once the step is committed; the module's `params` then gets the address. The
   * address becomes an entry of the browser's history.
   *
   * @param url a path of this site, or a query (`?page=2`) for the page's own path; 2,048 bytes at most.
   * @throws LoomError `LOOM_ARGUMENT` if the module has no `params`.
   */
  patch(url: string, options?: PatchOptions): void
  /** Gives the page another title, once the step is committed. While a page is rendered it does nothing: the route writes the title. */
  title(text: string): void
  /**
   * Shows the user a text once, when the step is committed: `ctx.flash('success', 'Saved.')`. If the step also redirects,
   * the next page shows the text, otherwise this page. `loom.flashes` decides about the place and the look: see
   * docs/connection.md. It also works for a form that is sent without the client's script. In a shared component a flash
   * of a handler is for the page that sent the event, and a flash of a receiver for all pages. Clients of the classic
   * dialect do not get it.
   *
   * @param kind `warning` and `error` interrupt a screen reader (`role="alert"`); the others wait (`role="status"`).
   * @param text shown as text, and never as HTML. All of one event or message: at most 5, with 2,048 bytes together.
   * @throws LoomError `LOOM_ARGUMENT` for another kind, for no text, and for more than that.
   */
  flash(kind: FlashKind, text: string): void
  /**
   * Lets screen readers say a text that is not shown, once the step is committed: for instance how many rows a filter has
   * left. They finish the text that they are just saying first. 2,048 bytes at most.
   */
  announce(text: string): void
  /**
   * Ends an upload of this component, once the step is committed: its page sends no more, the bytes that have arrived are
   * removed, and no receiver gets the file. If there is no such upload, or its file has been handed over, it does nothing.
   *
   * @param id an entry's `id`.
   * @throws LoomError `LOOM_ARGUMENT` if it is no text.
   */
  cancelUpload(id: string): void
}

/** The kind of a flash: it decides about the look, and whether the flash interrupts a screen reader. */
export type FlashKind = 'info' | 'success' | 'warning' | 'error'

/** A text that a page shows once: see `ctx.flash`. */
export interface Flash {
  readonly kind: FlashKind
  readonly text: string
}

/** The context of a module's `params`. `params` also runs while the page is rendered, when there is no step. */
export type ParamsContext = MountContext & Pick<LiveContext, 'title'>

/** The address of a page, within its site. */
export interface PageUrl {
  /** Without the query, percent-encoded as in the browser. */
  readonly pathname: string
  /** The query with its `?`; empty without one. */
  readonly search: string
  readonly searchParams: URLSearchParams
}

/** How `ctx.patch` changes the address. */
export interface PatchOptions {
  /** The address takes the place of the page's last one in the history, instead of a new entry. */
  readonly replace?: boolean
}

/** The context of `mount` and `authorize`. */
export type MountContext = Pick<LiveContext, 'id' | 'module' | 'key' | 'request' | 'signal' | 'topics'>

/** The context of `connected`. */
export interface ConnectedContext extends Omit<LiveContext, 'keepForm' | 'reply'> {
  /** The component goes on from a state: from a checkpoint of its page, or from the store. */
  readonly revived: boolean
  /**
   * The page has shown a newer state than this one: changes that came from the server after the last checkpoint are
   * lost. With a `store` no change is lost.
   */
  readonly behind: boolean
}

/** A subscription or a timer of an older state whose receiver the module does not have any more. */
export interface Dropped {
  readonly receiver: string
  /** For a subscription to a topic or to its presence: the topic. */
  readonly topic?: string
  /** For a timer that rings again and again: its interval in milliseconds. */
  readonly every?: number
  /** For a timer that rings once: the data that its message would have had. */
  readonly data?: unknown
}

/**
 * Where a message comes from. A message that was sent to the component's address is from a `component` (`ctx.send`) or
 * from the `server` (`loom.send`).
 */
export type MessageSource =
  'topic' | 'timer' | 'task' | 'component' | 'server' | 'presence' | 'viewers' | 'upload' | 'parent'

/**
 * The data for the receiver `viewers` of a shared component, if its module has one: the pages that have joined and left
 * since the last such message, at most 1,000, and at most once a second. A page that reloads is another viewer; a page
 * that comes back within `limits.parkTime` has not left. Each life of the component begins with no viewers: `connected`
 * starts the list anew.
 */
export interface JoinedAndLeft {
  readonly joined: readonly Viewer[]
  readonly left: readonly Viewer[]
}

/** A topic whose messages all carry the same kind of data. `loom.topic` makes it. */
export interface Topic<Data> {
  readonly name: string
  /** As `loom.publish`. */
  publish(data: Data, options?: { id?: string }): Promise<void>
  /** Only for the compiler: carries the data's type to receivers. */
  readonly dataType?: Data
}

/** The messages of a typed topic, for the parameter of a receiver. */
export type MessageOf<Of extends Topic<unknown>> = Of extends Topic<infer Data> ? Message<Data> : never

/** How a component is tracked. */
export interface TrackOptions {
  /** Who the person is. */
  key?: string
}

/** Somebody who is there. */
export interface Person<Meta = unknown> {
  readonly key: string
  /**
   * The metas of the person's components, in the order in which they came, of the first 16 components. The meta of a
   * component that is gone stays in the list until its grace is over.
   */
  readonly metas: readonly Meta[]
}

/** All people who are there: the receiver of a topic's presence gets this first, and `loom.presence` returns it. */
export interface Everybody<Meta = unknown> {
  /** How many people there are. */
  readonly count: number
  /**
   * All of them, in the order in which they came. `undefined` if there are more than `limits.presence`, or if their keys
   * and metas are larger than `limits.messageBytes`: then only `count` is known.
   */
  readonly present?: readonly Person<Meta>[]
  readonly joined?: undefined
  readonly changed?: undefined
  readonly left?: undefined
}

/** The changes since the last message to the receiver. Nobody is in two of the lists. */
export interface PresenceChange<Meta = unknown> {
  /** How many people there are now. */
  readonly count: number
  readonly present?: undefined
  /** People who have come, in the order in which they came. */
  readonly joined: readonly Person<Meta>[]
  /** People who were there before and have other metas now. */
  readonly changed: readonly Person<Meta>[]
  /** People who have left, with their last metas. */
  readonly left: readonly Person<Meta>[]
}

/**
 * A message of a topic's presence, for the parameter of a receiver. If it has `data.present`, that is everybody, whatever
 * came before. If it has `data.joined`, it has the changes. Otherwise there are too many people, and it has only their
 * count. `peopleAfter` makes the new list of people.
 */
export type PresenceMessage<Meta = unknown> = Message<Everybody<Meta> | PresenceChange<Meta>>

/**
 * The people who are there after a message of a topic's presence: everybody, or the people from before with the changes.
 * The list is empty if only the count is known. A person who has not changed is the same object as before, so `each` does
 * not render that person again.
 *
 * @param people the people who were there before: the result of this function for the message before.
 * @param data the message's data.
 */
export function peopleAfter<Meta>(
  people: readonly Person<Meta>[],
  data: PresenceMessage<Meta>['data'],
): readonly Person<Meta>[]

/** From where on a subscription gets messages. */
export interface SubscribeOptions {
  /**
   * `now`: messages that are published after the call; `history`: also the messages that the topic has kept. Without
   * `from`, a topic that is subscribed already goes on at its position, and any other topic begins now.
   */
  from?: 'now' | 'history'
}

/** A message from the server, as its receiver gets it. */
export interface Message<Data = unknown> {
  /** The message's own name, the same whenever it is handled again. */
  readonly id: string
  readonly from: MessageSource
  /** The message's data, frozen. A task's last message has the value that its promise or its generator returned. */
  readonly data: Data
  /** For a message of a topic, or of a topic's presence: the topic's name. */
  readonly topic?: string
  /**
   * True if messages of the topic are missing before this one: the topic's history did not reach back to the last message
   * in the state, or began anew. Such a message has no data: load the newest data from your database.
   */
  readonly gap: boolean
  /** For a task: true in its last message. */
  readonly done: boolean
  /** For a task that has failed: its error. In production the error's message does not show the application's text. */
  readonly error?: Error
  /** For an upload of a shared component: the page that sends the file. */
  readonly viewer?: Viewer
}

/** A file that a user has chosen. */
export interface ChosenFile {
  /** The upload's id: 22 letters, digits, - and _. The same if the event is handled again, so use it to name the file. */
  readonly id: string
  /**
   * The file's name on the user's machine: the last part of the path without control characters, 255 bytes at most, and
   * `file` if nothing is left. The name is for people: do not make a path of it, but use `id`.
   */
  readonly name: string
  /** The media type that the browser gives, in small letters; `application/octet-stream` if it gives none. */
  readonly type: string
  /** In bytes. */
  readonly size: number
}

/**
 * Why a file does not go on: its type or ending is not in `accept`, or its bytes are not of its type (`type`); it has more
 * than `maxBytes` (`large`); too many at a time (`many`); the server has no room (`full`); the upload was cancelled, taken
 * or removed, or its permit is too old (`gone`); something else (`failed`).
 */
export type UploadError = 'type' | 'large' | 'many' | 'full' | 'gone' | 'failed'

/** A file under way. The numbers are from its page: use them for bars and messages, and not for decisions. */
export interface UploadEntry extends ChosenFile {
  /** How many bytes have arrived, at most `size`. */
  readonly sent: number
  /** Why the file does not go on; not there if it does. */
  readonly error?: UploadError
}

/** A file that has arrived. From here on it belongs to the application: move the file, or leave it at its place. */
export interface UploadedFile extends ChosenFile {
  /**
   * The file's path, on the machine that received it or in the directory that all processes share. No part of the path
   * comes from the user. Not there if the file is in a store of another kind.
   */
  readonly path?: string
  /**
   * For a direct upload: the `key` that `direct` returned, or else the id. This server has not seen the file: check whether
   * it is there.
   */
  readonly key?: string
  /**
   * Reads it from its store.
   *
   * @throws LoomError `LOOM_UPLOAD` if the store cannot read, or the file went elsewhere.
   */
  stream(): Readable
}

/** Where a page sends a file that does not go through this server. */
export interface DirectUpload {
  /** Signed for this file: a path, or an http or https URL. */
  readonly url: string
  /** Default `PUT`. The body is the file. */
  readonly method?: 'PUT' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** The application's name for the file there, 1,024 bytes at most. It comes back as `UploadedFile.key`, and is sealed meanwhile. */
  readonly key?: string
}

/** The rules for the files of one upload of a module. */
export interface UploadRules {
  /** Media types (`image/png`, `image/*`) and endings (`.csv`), of which a file needs one. Default: any. */
  readonly accept?: readonly string[]
  /** How many files a component may have under way at a time, 1 to 1,000. Default 10. */
  readonly maxFiles?: number
  /** The largest file, in bytes. Default 10 MiB. */
  readonly maxBytes?: number
  /** The most bytes of one request, 64 KiB at least: for a proxy that takes no larger ones. Default: no bound. */
  readonly chunkBytes?: number
  /**
   * The name of a receiver that gets the files under way a few times a second: `data` is a list of all files
   * (`UploadEntry`). Files that failed stay in the list until the user chooses again. The list is empty when no file is left.
   */
  readonly progress?: string
  /**
   * Signs a URL of an object store, and the page sends the file there. Runs in the step that gives the permit, after the
   * file has passed the rules; if it throws, the file fails.
   */
  direct?(file: ChosenFile, ctx: Omit<LiveContext, 'keepForm' | 'reply'>): DirectUpload | Promise<DirectUpload>
}

/** Where `loom.uploads` puts files while they arrive, and what bounds them. Times in milliseconds. */
export interface UploadsOptions {
  /** A folder of its own, which is made if it is not there: needs the package `@tus/file-store`. */
  readonly directory?: string
  /** Or any store of `@tus/server`, for instance `@tus/s3-store`. */
  readonly store?: UploadStore
  /** True if all processes of the backplane have this directory. Without a backplane it has no effect. */
  readonly shared?: boolean
  /** Files that a component may have under way at a time, 1 to 1,000,000, of all its uploads. Default 20. */
  readonly perComponent?: number
  /** Files that pages of one address may have under way at a time in this process; `limits.addressPrefix` says how IPv6 counts. Default 100. */
  readonly perAddress?: number
  /** Bytes that this process sets aside for all files that are under way or were not taken yet. Default 10 GiB. */
  readonly totalBytes?: number
  /** How long a file may wait for its next bytes; then it is removed. 100 ms to 30 days. Default 10 min. */
  readonly idleTime?: number
  /** How long a file that has arrived waits to be taken; then it is removed. Default 1 h. */
  readonly keepTime?: number
  /** How long a permit is valid, and so how long an upload may take. Default 1 day. */
  readonly permitTime?: number
}

/** The part of a store of `@tus/server` that loom-live uses. */
export interface UploadStore {
  create(upload: never): Promise<unknown>
  getUpload(id: string): Promise<{ readonly size?: number | undefined; readonly offset: number }>
  write(stream: never, id: string, offset: number): Promise<number>
  remove(id: string): Promise<unknown>
  /** Without `read` the first bytes of files are not checked, and `UploadedFile.stream` throws. */
  read?(id: string): unknown
}

/** The source of a task's values: a promise of one value, or an iterator of many. */
export type TaskSource<Value> = Promise<Value> | AsyncIterable<Value> | Iterable<Value> | Value

/** What JSON has beside lists and objects. */
type Scalar = string | number | boolean | null | undefined

/** Anything of JSON whose texts, numbers and booleans are of this type. */
interface Made<Of> {
  readonly [name: string]: Of | Made<Of> | readonly (Of | Made<Of>)[] | readonly []
}

/**
 * Props that a callback returns. The type accepts the same values as `Props`: its second half only keeps the compiler from
 * widening literals. In `{ ...props, state: 'running' }` the state is `'running'`, and not any `string`.
 */
type Given<Props, Of extends Scalar> = Props | (Props & Made<Of>)

/**
 * Handles a message from the server: returns the next props, or nothing if they stay as they are. The props are frozen.
 * A browser can never call it.
 */
export type Receiver<Props, Data = unknown> = {
  // A method, so that a receiver may say which data it takes: nobody but its author knows what is published.
  receive<Of extends Scalar>(
    props: Readonly<Props>,
    message: Message<Data>,
    ctx: Omit<LiveContext, 'keepForm' | 'reply'>,
  ): Given<Props, Of> | void | Promise<Given<Props, Of> | void>
}['receive']

/**
 * Handles an event: returns the next props, or nothing if it changed the props that it was given.
 *
 * Props are JSON values; a member that is `undefined` counts as absent. A value that JSON would change or refuse
 * (a `Date`, a `Map`, `NaN`, a bigint, a class instance, a cycle) is an error that names the path, and the
 * event fails.
 */
export type Handler<Props, Args = unknown> = {
  // A method, so that a handler may say which arguments it takes.
  handle<Of extends Scalar>(
    props: Props,
    event: LiveEvent<Args>,
    ctx: LiveContext,
  ): Given<Props, Of> | void | Promise<Given<Props, Of> | void>
}['handle']

type Deeper<Levels extends 0[]> = [...Levels, 0]

/** The names of fields that make a value of this type, without `[]` at their end; a few levels deep. */
type FieldName<Value, Levels extends 0[] = []> = Levels['length'] extends 5
  ? string
  : Value extends readonly (infer Item)[]
    ? `[${number}]${Deep<Item, Levels>}`
    : Value extends object
      ? { [Name in keyof Value & string]: `.${Name}${Deep<NonNullable<Value[Name]>, Levels>}` }[keyof Value & string]
      : never

type Deep<Value, Levels extends 0[]> =
  | ''
  // Of texts in a list, all are of one field.
  | (Value extends readonly (infer Item)[]
      ? Item extends object
        ? FieldName<Value, Deeper<Levels>>
        : never
      : Value extends Date | File
        ? never
        : Value extends object
          ? FieldName<Value, Deeper<Levels>>
          : never)

type WithoutDot<Name> = Name extends `.${infer Rest}` ? Rest : never

/**
 * The messages of a schema, by the names of the form's fields without `[]`: `errors['address.city']`. Messages that
 * concern the whole form are under the empty name. Each name has one message or more.
 */
export type FormErrors<Schema extends StandardSchemaV1> = {
  [Name in WithoutDot<FieldName<StandardSchemaV1.InferInput<Schema>>> | '']?: string[]
}

/** Handles an event whose input a schema has let through; otherwise as a handler. */
export type ValidatedHandler<Props, Input> = <Of extends Scalar>(
  props: Readonly<Props>,
  input: Input,
  event: LiveEvent,
  ctx: LiveContext,
) => Given<NoInfer<Props>, Of> | void | Promise<Given<NoInfer<Props>, Of> | void>

/**
 * A handler with a schema: any schema of Standard Schema 1, such as those of zod, valibot and arktype; it may be async.
 * The schema gets the object that the event's form makes, or the event's value if it has no form. If the input is right,
 * errors are cleared, and `handler` gets the schema's output. If not, `handler` does not run: the messages are
 * committed as a prop, and the form keeps its input. While the form is filled in, only the errors of fields that
 * the user has left are committed, if the form has fields with `data-l-validity`: see `form`.
 *
 * Names of fields are paths: `address.city`, `rows[0].name`, `tags[]`. They have at most 1,024 characters and 32 levels.
 * The objects that they make have no prototype: a field may be called `__proto__`.
 *
 * A schema that throws or rejects fails the event, as a handler does, and its time counts towards `limits.handlerTime`.
 *
 * @param options `errors`: the prop that has the messages, `errors` without it; an object, which the module has to have.
 * @throws LoomError `LOOM_ARGUMENT` if `schema` is not a schema; an event whose fields contradict each other fails with `LOOM_FORM`.
 */
export function validated<Schema extends StandardSchemaV1, Props extends object>(
  schema: Schema,
  handler: ValidatedHandler<Props, StandardSchemaV1.InferOutput<Schema>>,
  options?: { errors?: string },
): Handler<Props>

/** The types of `LiveModule.model`, and the values that they make of a control's text. */
interface ModelTypes {
  /** Any text. */
  string: string
  /** A finite number; an empty text is an error. */
  number: number
  /** Whether a checkbox is on. */
  boolean: boolean
  /** The chosen values of several checkboxes or of a `<select multiple>`. */
  'string[]': string[]
  /** The same, as numbers. */
  'number[]': number[]
  /** `2026-03-01`, or empty. */
  date: string
  /** `13:05`, with or without seconds, or empty. */
  time: string
  /** `2026-03-01T13:05`, or empty. */
  datetime: string
  /** `2026-03`, or empty. */
  month: string
  /** `2026-W09`, or empty. */
  week: string
  /** `#rrggbb`, or empty. */
  color: string
}

/** Props that controls may set: for each a schema whose output the prop can hold, or the name of such a type. */
export type Model<Props extends object> = {
  readonly [Name in keyof Props]?:
    | StandardSchemaV1<unknown, Props[Name]>
    | { [Type in keyof ModelTypes]: ModelTypes[Type] extends Props[Name] ? Type : never }[keyof ModelTypes]
}

/** How a form is made. */
export interface FormOptions {
  /** The form's id in the page; the ids of its fields begin with it. Default: the handler's name. */
  id?: string
  /** The messages that `validated` has put into the props. */
  errors?: { readonly [name: string]: readonly string[] | undefined }
  /** The first values of the fields, by the same names: `{ address: { city: 'Bern' } }`. */
  values?: object
}

/** A field of a form, for a template. */
export interface FormField {
  /** As it was given. */
  readonly name: string
  /** The field's id in the page: for a label's `for`, too. */
  readonly id: string
  /** The field's first value; empty if there is none. */
  readonly value: string
  /** Whether the field's value, or one of its values, is this: for checkboxes, radio buttons and options. */
  has(value: string): boolean
  /** For `aria-invalid`. */
  readonly invalid: boolean
  /** For `aria-describedby`: the id of `error`, if there is one. */
  readonly describedBy: string | undefined
  /**
   * For `data-l-validity`: the messages. The browser uses them as the field's own validity message until the user types
   * into the field. Empty if there are none. If a form has such fields, its events name those that the user has left.
   */
  readonly message: string
  /** An element with the messages, of the class `loom-error`; nothing if there are none. */
  readonly error: Tree | undefined
}

/** A form, for a template. */
export interface Form {
  readonly id: string
  /** The handler's name, for `@submit`. */
  readonly handler: string
  /** For the form without a script: `post`. */
  readonly method: 'post'
  /** For the form without a script: the page's own address, which also names the form. */
  readonly action: string
  /** A hidden field that lets the form work without a script; see `loom.forms`. */
  readonly seal: Tree
  /** The messages that concern no single field, as `FormField.error`. */
  readonly error: Tree | undefined
  /** @param name the field's name, with its `[]`. */
  field(name: string): FormField
}

/**
 * The parts of a form in a template: ids, errors beside their fields, and the parts by which the form works without the
 * client's script.
 *
 *     const f = form('save', { errors: props.errors })
 *     const email = f.field('email')
 *     return html`<form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler} @input=${'check'}>
 *       ${f.seal}
 *       <label for="${email.id}">E-mail</label>
 *       <input id="${email.id}" name="${email.name}" value="${email.value}" aria-invalid="${email.invalid}"
 *         aria-describedby="${email.describedBy}" data-l-validity="${email.message}">${email.error}
 *     </form>`
 *
 * @param handler the name of the handler that gets the form.
 * @throws LoomError `LOOM_ARGUMENT` if an option is wrong.
 */
export function form(handler: string, options?: FormOptions): Form

/** Whether there is a list in it, a few levels deep, of which only is known that it is empty. */
type HasEmptyList<Value, Levels extends 0[] = []> = Levels['length'] extends 4
  ? false
  : [Value] extends [never]
    ? false
    : unknown extends Value
      ? false
      : Value extends readonly (infer Item)[]
        ? [Item] extends [never]
          ? true
          : HasEmptyList<Item, Deeper<Levels>>
        : Value extends object
          ? true extends { [Name in keyof Value]-?: HasEmptyList<Value[Name], Deeper<Levels>> }[keyof Value]
            ? true
            : false
          : false

type WithUnknownItems<Value> = [Value] extends [never]
  ? Value
  : unknown extends Value
    ? Value
    : Value extends readonly (infer Item)[]
      ? [Item] extends [never]
        ? unknown[]
        : { [Index in keyof Value]: WithUnknownItems<Value[Index]> }
      : Value extends object
        ? { [Name in keyof Value]: WithUnknownItems<Value[Name]> }
        : Value

/**
 * The type of the props that follows from the first props. `[]` has no type for its items, so they are `unknown`, and not
 * `never`: write `props: { rows: [] as Row[] }` to give one. All other props have their own type.
 */
export type PropsFrom<First extends object> =
  true extends HasEmptyList<First>
    ? WithUnknownItems<First> extends infer Known extends object
      ? Known
      : First
    : First

/**
 * The props that callbacks are given: frozen in a module with receivers. `Names` are those of its receivers, or
 * `PropertyKey` if it is not known whether there are any.
 */
type Own<Props, Names extends PropertyKey> = symbol extends Names ? Props : Readonly<Props>

/**
 * A live component: first props, handlers, and how it looks.
 *
 * The compiler finds out by itself whether a module has receivers, and what they are called (`Names`), if nothing is
 * annotated. In `LiveModule<Props>` and `loom.register<Props>(…)` it cannot: say that the props are frozen with
 * `Readonly<Props>`.
 */
export interface LiveModule<
  Props extends object,
  Names extends PropertyKey = PropertyKey,
  Uploads extends string = never,
> {
  /**
   * The first props. The type of all props is inferred from them. For an empty list give the type of its items:
   * `rows: [] as Row[]`.
   */
  readonly props?: Props
  /**
   * Loads the data for the first render; its result replaces props that `loom.mount` was given. `mount` runs when the page
   * is rendered. The page carries the result, sealed, and a join uses it; `mount` runs again at a join only for props that
   * are `private`.
   */
  mount?<Of extends Scalar>(
    props: Own<NoInfer<PropsFrom<Props>>, Names>,
    ctx: MountContext,
  ):
    Given<Partial<NoInfer<PropsFrom<Props>>>, Of> | void | Promise<Given<Partial<NoInfer<PropsFrom<Props>>>, Of> | void>
  /**
   * Runs before every join and rejoin, and, with the event, before every handler. It also runs, without an event, at least
   * every `limits.authorizeTime` while a page shows a shared component, or a component with subscriptions, timers, tasks
   * or a part in presence: if it then refuses, the component ends (a shared one only for this page), and its page is told;
   * if it throws, the page joins again. It does not run in `loom.mount` and `loom.start`, and not if `bind` returns another
   * user than the page's. Only `true` allows. Any other value refuses, and so does an error that is thrown; a `Refusal`
   * tells the page what to do. Development logs a value that is not a boolean. `authorize` is not a step: effects
   * (`ctx.publish`, …) throw `LOOM_ARGUMENT` here, as they do in `mount`.
   */
  authorize?(ctx: MountContext, event: LiveEvent | undefined): boolean | Promise<boolean>
  /** Props that never leave the server, not even sealed: `mount` loads them again at every join. */
  readonly private?: readonly (keyof Props & string)[]
  /**
   * The props that controls of the page may set without a handler, by `data-l-model="name"`, each with a type or a schema
   * of Standard Schema 1. No other prop can be set in this way, and a private prop cannot be listed. If a value has not
   * this type, or the schema refuses it, the prop stays as it is, and the messages are in the prop `errors` under the
   * prop's name; so the module's props need `errors: {}`. The prop of a list has to be a list from the start. See
   * `docs/model.md`.
   */
  readonly model?: Model<NoInfer<PropsFrom<Props>>>
  /** The version of the props' form, from 1. Raise it when props of the older form no longer fit. */
  readonly version?: number
  /**
   * Brings props of an older version up to date. A page that was open during a deploy still has such props. If the module
   * has no `upgrade`, or if it throws or returns nothing, the component starts anew, and its page is told.
   *
   * @param dropped the subscriptions and timers whose receivers the module does not have any more. They have ended, and
   * the log says so; `connected`, which runs next, can begin others in their place.
   */
  upgrade?<Of extends Scalar>(
    props: Record<string, unknown>,
    fromVersion: number,
    dropped: readonly Dropped[],
  ): Given<NoInfer<PropsFrom<Props>>, Of> | undefined
  /**
   * Runs each time the component comes to life in a page or by `loom.start`, after `authorize` and the loading of
   * private props, before the first render there. It does not run in `loom.mount`, and not when a component that waited
   * for its page is resumed. The props that it returns replace props of the same name. If it throws, the join fails; a
   * `Refusal` refuses the join.
   */
  connected?<Of extends Scalar>(
    props: Readonly<NoInfer<PropsFrom<Props>>>,
    ctx: ConnectedContext,
  ):
    Given<Partial<NoInfer<PropsFrom<Props>>>, Of> | void | Promise<Given<Partial<NoInfer<PropsFrom<Props>>>, Of> | void>
  /**
   * Receivers by name. The server can call them with a message; a browser never can. Props of a module with receivers are
   * frozen and `Readonly`: handlers and receivers return new props. Only own properties are found.
   */
  readonly receive?: {
    readonly [Name in Names]: Receiver<
      NoInfer<PropsFrom<Props>>,
      Name extends NoInfer<Uploads> ? UploadedFile : unknown
    >
  }
  /**
   * The files that the component takes, by names of 1 to 64 letters, digits, - and _. `receive` has a receiver of each
   * name, which gets each file once (`message.data`, an `UploadedFile`). The application needs `loom.uploads`, unless all
   * uploads are `direct`. See docs/uploads.md.
   */
  readonly uploads?: { readonly [Name in Uploads]: UploadRules }
  /**
   * Makes the props that belong to an address. Runs when the page is rendered, after `mount`, and as an event, after
   * `authorize`, when the address changes without a load: by a link with `data-l-patch`, by `ctx.patch`, back or forward. It
   * returns all props, as a handler does, or nothing. A module with `params` needs the request in `loom.mount`, and cannot be
   * shared. See docs/navigation.md.
   */
  params?<Of extends Scalar>(
    props: Own<NoInfer<PropsFrom<Props>>, Names>,
    url: PageUrl,
    ctx: ParamsContext,
  ): Given<NoInfer<PropsFrom<Props>>, Of> | void | Promise<Given<NoInfer<PropsFrom<Props>>, Of> | void>
  /** Handlers by name, or one for all. Only own properties are found. */
  readonly handle:
    | Readonly<Record<string, Handler<Own<NoInfer<PropsFrom<Props>>, Names>>>>
    | Handler<Own<NoInfer<PropsFrom<Props>>, Names>>
  /** Makes the tree of the props. It depends only on the props, and is not async. */
  render(props: Own<NoInfer<PropsFrom<Props>>, Names>): Tree
}

/** A module for other template languages: two functions on JSON text. */
export interface RawModule {
  /** Returns the JSON of the next props. `checked` is `'true'`, `'false'` or empty. */
  handle_json(handler: string, propsJson: string, value: string, checked: string, key: string): string | Promise<string>
  /** Returns the JSON of the tree: `{"s":[…],"d":[…]}`, with escaped leaves. */
  render_tree_json(propsJson: string): string
}

/** A module that `loom.register` has taken. */
export interface RegisteredModule<Props extends object> {
  readonly name: string
  /** Only for the compiler: carries the props' type to `mount`. */
  readonly propsType?: Props
}

/** A message of a live socket to its owner. */
export type SocketMessage =
  | { type: 'trees'; id: string; s: string[]; d: unknown[] }
  | { type: 'patch'; id: string; d: Record<string, unknown> }
  | { type: 'redirect'; url: string }
  | { type: 'error'; id: string; error: string }

/** An event for a live socket. */
export interface EventMessage {
  type: 'event'
  handler: string
  event: string
  special_vars?: { value?: string; checked?: boolean; key?: string }
}

/** A live socket's state between two events. */
export interface LiveSocketState {
  id: string
  module: string
  propsJson: string
  treeJson: string
}

/** The sending end of an actor's mailbox. */
export class LiveSocket {
  private constructor()
  readonly id: string
  readonly module: string
  /**
   * Hands over an event. `replyTo` gets exactly one answer, a patch or an error, in its turn.
   *
   * @throws LoomError `LOOM_STOPPED` if the socket has stopped.
   */
  send(message: EventMessage): void
  /** The state after the events sent so far. */
  state(): Promise<LiveSocketState>
  /** Ends the actor; what is queued is dropped. */
  stop(): void
}

/**
 * Bounds on everything that clients and handlers can make the server hold. Bytes, counts and rates are whole numbers,
 * times are milliseconds. `undefined` means the default. `createLoom` throws `LOOM_ARGUMENT` if a limit has a wrong value.
 */
export interface Limits {
  /** The largest message of a client. Larger ones close the connection with 1009. Default 1 MiB. */
  messageBytes: number
  /** How long a message may take to arrive once it has begun; then the connection is closed with 1008. Default 60 s. */
  messageTime: number
  /** Components on one connection; a join beyond it fails. Default 100. */
  components: number
  /** Events of a component that wait while a handler runs; one beyond it fails. Default 64. */
  queuedEvents: number
  /** Different names in the form of an event; an event with more fails, and its handler is not called. Default 1,000. */
  formFields: number
  /** Bytes that wait for a slow reader; beyond it patches are merged into one. Default 1 MiB. */
  outgoingBytes: number
  /** Bytes that wait in all; beyond it the user or address that holds most is disconnected with 1013. Default 256 MiB. */
  waitingBytes: number
  /** Messages that are not understood, before the connection is closed with 1008. Default 16. */
  invalidMessages: number
  /** Calls that wait for JavaScript; beyond it no connection is read. Default 4,096. */
  waitingCalls: number
  /** How long handler and render may take before the event fails. Default 30 s. */
  handlerTime: number
  /** Silence after which a client is pinged. Default 25 s. */
  pingAfter: number
  /** Silence after which a client is given up. Default 60 s. */
  deadAfter: number
  /** How long a component waits for its page to come back. 0 ends it at once. Default 60 s. */
  parkTime: number
  /** Components that wait for their pages; beyond it the user or address that has most loses the oldest. Default 20,000. */
  parked: number
  /** Bytes of the components that wait, estimated; otherwise as `parked`. Default 256 MiB. */
  parkedBytes: number
  /** Events after which a checkpoint is due; more for states over 1 KiB, in proportion, up to 1,000. Default 16. */
  checkpointEvents: number
  /** A checkpoint is made after this time without an event; longer for states over 1 KiB, in proportion, up to 30 s. Default 250 ms. */
  checkpointQuiet: number
  /** The largest state that a checkpoint can have; a larger state is lost with the process, and the page is told. Default 256 KiB. */
  checkpointBytes: number
  /** Bytes of all components, estimated; beyond it the address that holds most loses its newest component. Default 1,024 MiB. */
  componentBytes: number
  /** The same for one address. Default 256 MiB. */
  componentBytesPerAddress: number
  /** How old an event may be that could not be delivered before; an older one is not applied, and the page is told. Default 60 s. */
  eventAge: number
  /** Events of one connection in a second, after a burst; one beyond it fails. Default 100. */
  eventRate: number
  /** The burst. Default 500. */
  eventBurst: number
  /** Bytes of messages of one connection in a second, after a burst; a connection that sends more is read more slowly. Default 256 KiB. */
  messageBytesRate: number
  /** The burst. Default 1 MiB. */
  messageBytesBurst: number
  /** The same for all connections of one address; a connection that has sent less than 64 KiB does not wait. Default 8 MiB. */
  messageBytesRatePerAddress: number
  /** The burst. Default 32 MiB. */
  messageBytesBurstPerAddress: number
  /** Bits of an IPv6 address that count as one address. Default 64. */
  addressPrefix: number
  /** Connections of one address; one more is closed with 1013. Default 1,000. */
  connectionsPerAddress: number
  /**
   * Upgrades that wait for middleware, hooks or `bind`, in the whole process; those of one address count as
   * its connections, too. One more is answered with 503. Default 10,000.
   */
  pendingUpgrades: number
  /**
   * How long middleware, hooks and `bind` may take together, in milliseconds, before the upgrade is given up,
   * answered with 503 and logged. Default 10 s.
   */
  upgradeTime: number
  /**
   * Events of all connections of one address in a second, after a burst; one beyond it fails. Behind a proxy
   * the address is the proxy's, unless `trustProxy` is set. Default 5,000.
   */
  eventRatePerAddress: number
  /** The burst. Default 20,000. */
  eventBurstPerAddress: number
  /** Joins and returning pages that render at a time; others wait, so that events come first, and addresses take turns. Default 32. */
  joins: number
  /** Joins that wait for a promise of `authorize` or `mount`; one address may have an eighth. Default 1,024. */
  asyncJoins: number
  /** Joins and returning pages that wait; beyond it the newest of the address that has most comes back later. Default 10,000. */
  waitingJoins: number
  /** Joins and returning pages in a second, after a burst; others wait. Default 5,000. */
  joinRate: number
  /** The burst. Default 5,000. */
  joinBurst: number
  /** The same for one address (see `eventRatePerAddress`); one beyond it is told to come back later. Default 1,000. */
  joinRatePerAddress: number
  /** The burst. Default 5,000. */
  joinBurstPerAddress: number
  /** How old a page may be when it joins. Default 14 days. */
  tokenAge: number
  /**
   * States in the `store`, in all. For one more, the user or address that has most of them loses the state that has not
   * changed for longest: then an old checkpoint of that component could start it, as without a store.
   * Default 1,000,000.
   */
  stored: number
  /** The same for one user (`bind`), or for one address if there is no user. Default 10,000. */
  storedPerHolder: number
  /** Tasks that a component runs at a time; a step that begins one more fails. Default 16. */
  tasksPerComponent: number
  /**
   * Tasks of all components; a step that begins one more fails. A user (`bind`), or else an address, may have an eighth,
   * or `connectionsPerAddress` if that is more. Default 10,000.
   */
  tasks: number
  /**
   * Changes of a component in a second that no event asked for; further changes are merged. For a shared component all
   * changes count, answers included. Default 30.
   */
  patchRate: number
  /**
   * The least time between two such changes while the page's tab is hidden, in milliseconds; further changes are
   * merged, and all come when the user sees the page again. Default 5 s.
   */
  hiddenPatchTime: number
  /**
   * The longest time between two calls of `authorize`, in milliseconds, for a page whose component is shared, or has
   * subscriptions, timers, tasks or a part in presence. Each component, and each page of a shared one, has a time of its
   * own, which is at least half of this. Default 300 s.
   */
  authorizeTime: number
  /**
   * Shared components in the whole process; one more cannot be mounted, and its pages come back later. Default 10,000.
   */
  shared: number
  /** Shared components that one address has started; otherwise the same. Default 1,000. */
  sharedPerAddress: number
  /**
   * Pages that show one shared component. For one more, a page that is away gives way, or a page of the address that has
   * most; otherwise the new page comes back later. Default 20,000.
   */
  viewers: number
  /** How long a shared component that was mounted waits for its first page. Default 10 s. */
  mountTime: number
  /** JSON of props of which a parsed copy is kept; copies beyond it, or unused for 10 to 20 s, are dropped. Default 64 MiB. */
  propsCacheBytes: number
  /** Messages that a topic keeps; a subscriber that had not read an older one is told of a gap. Default 256. */
  topicMessages: number
  /** Bytes of the messages that a topic keeps; otherwise the same. Default 1 MiB. */
  topicBytes: number
  /** How long a topic keeps a message. Default 60 s. */
  topicTime: number
  /** Bytes of the messages that all topics keep; beyond it old messages go, one topic after the other. Default 256 MiB. */
  topicsBytes: number
  /** How long the id of a message is remembered, and a topic without messages and subscribers. Default 1 days. */
  topicIdTime: number
  /** Ids that are remembered, of all topics; beyond it the oldest is forgotten. Default 1,000,000. */
  topicIds: number
  /**
   * Topics; for one more, a topic without subscribers gives way; if there is none, publishing and subscribing fail. The
   * subscriptions of one user or address are bounded as `tasks` are. Default 100,000.
   */
  topics: number
  /** People of a topic; if there are more, those who watch its presence get only the count. Default 1,000. */
  presence: number
  /** The largest meta of `ctx.track`, as JSON; a larger one fails the step. Default 1 KiB. */
  presenceMeta: number
  /** How long a person is still there after the last component is gone. 0: the person leaves at once. Default 5 s. */
  presenceGrace: number
  /**
   * Components of this process that are tracked, counted once for each topic; one more fails the step. For one user or
   * address bounded as `tasks`. Default 100,000.
   */
  presenceEntries: number
  /**
   * Components that are tracked in one topic; one more fails the step. With a backplane the components of all processes
   * count, as far as this process knows. For one user or address bounded as `tasks`. Default 10,000.
   */
  presenceEntriesPerTopic: number
}

/**
 * Gets the log's lines. `console` gets the text with the code before it. Loggers of pino and bunyan get the fields before
 * the text. All others, such as winston's, get the text first; an object of your own may ignore the fields.
 */
export interface Logger {
  error(message: string, fields: LogFields): void
  warn(message: string, fields: LogFields): void
}

/** The fields of a line, beside its text. */
export interface LogFields {
  /** The kind of the line. */
  readonly code: LogCode
  /** The module's name. */
  readonly module?: string
  /** For `LOOM_CONNECTION`: why connections are closed. */
  readonly reason?: string
  /** How many lines like this one were left out in the last minute, if the line says so. */
  readonly leftOut?: number
}

/** The codes of log lines. docs/telemetry.md says what causes each of them, and what to do. */
export type LogCode =
  /** A fault of loom-live. */
  | 'LOOM_FAULT'
  /** A callback of a module has thrown, or its value cannot be used. */
  | 'LOOM_FAILED'
  /** A page named a handler that its module does not have. */
  | 'LOOM_UNKNOWN_HANDLER'
  /** A callback took longer than `limits.handlerTime`. */
  | 'LOOM_DEADLINE'
  /** `authorize` refused. Counted, and not logged. */
  | 'LOOM_REFUSED'
  /** A form has too many fields, or could not be taken. */
  | 'LOOM_FORM'
  /** Too many events of a page wait, or came in a short time. Counted, and not logged. */
  | 'LOOM_FLOOD'
  /** An event came too late. Counted, and not logged. */
  | 'LOOM_EXPIRED'
  /** More pages join than may wait; they try again. Counted, and not logged. */
  | 'LOOM_BUSY'
  /** The application is closing. */
  | 'LOOM_STOPPED'
  /** A page could not join. */
  | 'LOOM_JOIN'
  /** The server has closed a connection, or could not take one over. */
  | 'LOOM_CONNECTION'
  /** There are no file descriptors left; or there are some again. */
  | 'LOOM_DESCRIPTORS'
  /** Redis is away, is back, or is not set up as it has to be. */
  | 'LOOM_REDIS'
  /** The store fails, or works again. */
  | 'LOOM_STORE'
  /** A topic fails, or messages of it are lost. */
  | 'LOOM_TOPIC'
  /** Presence does not work. */
  | 'LOOM_PRESENCE'
  /** A shared component cannot be reached, or was not handed over. */
  | 'LOOM_SHARED'
  /** A message of another process cannot be opened: that process has other secrets. */
  | 'LOOM_SECRET'
  /** A component has no checkpoint, so it does not outlive a crash. */
  | 'LOOM_CHECKPOINT'
  /** A component goes on in another process. */
  | 'LOOM_MOVED'
  /** A state names receivers that the module does not have any more. */
  | 'LOOM_RECEIVERS'
  /** The same `live()` stands twice in one render. */
  | 'LOOM_NESTED'
  /** A value was not safe in its place of a template and was left out. */
  | 'LOOM_VALUE'
  /** A callback of the application that belongs to no module has thrown: `onError`, a filter. */
  | 'LOOM_CALLBACK'
  /** `upgrade` of a module has failed: the component starts anew. */
  | 'LOOM_STATE'
  /** A WebSocket upgrade failed or was given up. */
  | 'LOOM_UPGRADE'
  /** A page of a foreign origin may not connect. */
  | 'LOOM_ORIGIN'
  /** An upload failed, or cannot be removed. */
  | 'LOOM_UPLOAD'
  /** A changed file could not be loaded again. In development only. */
  | 'LOOM_LOAD'
  /** A mistake that only development looks for. */
  | 'LOOM_DEVELOPMENT'

/** Calls `callback` within a context, such as an `AsyncLocalStorage` or a trace, and returns the callback's result. */
export type Around = <Result>(callback: () => Result) => Result

/**
 * A step that somebody observes: an event of a page, messages from the server, or a join. All messages of the channels of
 * `node:diagnostics_channel` about one step have the same object: see docs/telemetry.md.
 */
export interface StepMessage {
  readonly loom: Loom
  readonly kind: 'event' | 'message' | 'join'
  /** The module's name. */
  readonly module: string
  /** The handler's name, or that of the first receiver; empty at a join. */
  readonly name: string
  /** Identifies the component. It is a secret of the server: do not send it to anybody. */
  readonly component: string
  readonly event: LiveEvent | undefined
  /** The request that the page's connection began with. Read it in the subscriber, and not later. */
  readonly request: LiveRequest
  /** The `traceparent` of the request that rendered the page, if `loom-live:mount` was given one; otherwise empty. */
  readonly traceparent: string
  /** When JavaScript began with the step, as `performance.now()` counts. */
  readonly startTime: number
  /** Call it in a subscriber of `loom-live:step:start`: the module's callbacks are then called within `around`. */
  within(around: Around): void
}

/** The message of `loom-live:handle`, `loom-live:render`, `loom-live:store` and `loom-live:patch`: a part of a step is over. */
export interface PartMessage {
  readonly step: StepMessage
  /** As `performance.now()` counts. */
  readonly startTime: number
  /** In milliseconds. */
  readonly duration: number
  /** For `loom-live:handle`: the error that was thrown. */
  readonly error?: unknown
}

/** The message of `loom-live:commit`, `loom-live:join` and `loom-live:step:end`: a step is over. */
export interface StepEndMessage {
  readonly step: StepMessage
  /** From the mailbox to the answer, in milliseconds. */
  readonly duration: number
  /** How much of `duration` the step waited for the JavaScript thread, in milliseconds. */
  readonly waited: number
  /** When the step was over, as `performance.now()` counts. */
  readonly endTime: number
  /** Why the step was not committed; not there if it was. */
  readonly code?: LogCode
}

/** The message of `loom-live:topic`. */
export interface TopicMessage {
  readonly loom: Loom
  readonly action: 'publish' | 'subscribe' | 'unsubscribe'
  readonly topic: string
  /** The step that has done it; not there for `loom.publish`. */
  readonly step?: StepMessage
  /** For `loom.publish`: how long it took, in milliseconds. */
  readonly duration?: number
  /** For `loom.publish`: why it failed. */
  readonly error?: unknown
}

/** The message of `loom-live:error`. */
export interface ErrorMessage {
  readonly loom: Loom
  readonly code: LogCode
  /** The module's name. */
  readonly module: string
  /** The callback that has thrown; not there if none has. */
  readonly callback?: string
  readonly handler?: string | undefined
  /** What was thrown. */
  readonly error?: unknown
  readonly step?: StepMessage | undefined
}

/** The message of `loom-live:log`: a line, which the logger gets, too. */
export interface LogMessage {
  readonly loom: Loom
  readonly level: 'error' | 'warn'
  readonly text: string
  readonly fields: LogFields
}

/** The message of `loom-live:mount`: a page is about to be rendered. */
export interface MountMessage {
  readonly loom: Loom
  /** The module's name. */
  readonly module: string
  /** A subscriber may set it: the W3C `traceparent` of the request that renders the page. */
  traceparent: string
}

/** As Express' setting `trust proxy`. */
export type TrustProxy = boolean | number | string | readonly string[] | ((address: string, hop: number) => boolean)

/** Where an error comes from. */
export interface ErrorContext {
  /** The module's name. */
  readonly module: string
  /**
   * The callback that has thrown. It is also `handle` if a handler's value cannot be used, and `join` if the props that a
   * join starts with cannot be used.
   */
  readonly callback: 'handle' | 'handle_json' | 'authorize' | 'mount' | 'upgrade' | 'render' | 'join'
  /** The handler's name; `undefined` at a join. */
  readonly handler: string | undefined
  /** The event that failed; `undefined` at a join. */
  readonly event: LiveEvent | undefined
  /** As `ctx.request`; an empty request if a shared component has none. */
  readonly request: LiveRequest
}

/** A store in a file: for the processes of one machine. */
export interface SqliteStore {
  /** The file, which is made if it is not there. */
  sqlite: string
}

/** A store in Redis 6.2 or later, or in Valkey: for the processes of many machines. */
export interface RedisStore {
  /**
   * The address: `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS,
   * `redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/name[/database]` for a server that sentinels name
   * (`rediss+sentinel://` for TLS, `?sentinelUser=…&sentinelPassword=…` for the sentinels' own login), or a list of
   * `redis://` of some nodes of a cluster.
   */
  redis: string | readonly string[]
  /** The beginning of all keys: 1 to 64 letters, digits and `: . - _`. `loom:` by default. */
  prefix?: string
  /**
   * Which memory or disk has a state before its event is answered. `fsync` and `replicas` cost one more round trip, which
   * many events share. If a state is not confirmed within 2 s, its event fails.
   *
   * * `memory`, the default: the server's memory. If the server loses states, events that were answered are lost: by
   *   default those of the last second if it is killed, and in a failover those that the replica had not got.
   * * `fsync`: the server's disk. From Redis 7.2 on by `WAITAOF`, with `appendonly yes`; before, and in a cluster, with
   *   `appendonly yes` and `appendfsync always`. Anything else is an error at the start.
   * * `replicas`: also the memory of one replica, by `WAIT`. Without a replica events fail, and the log says so at the
   *   start. Not in a cluster.
   */
  durability?: 'memory' | 'fsync' | 'replicas'
}

/** Topics in Redis 6.2 or later, or in Valkey: for the processes of many machines. */
export interface RedisBackplane {
  /** As in {@link RedisStore}. */
  redis: string | readonly string[]
  /** The beginning of all keys and channels. `loom:` by default. */
  prefix?: string
}

/** A component's newest state, as a store of your own returns it. */
export interface ClaimedState {
  /** The life that was begun: a whole number, larger than the one that the store had, and than `after`. At most 2^52. */
  readonly life: number
  /** The state's revision, as it was saved. */
  readonly revision: number
  /** The state's text, as it was saved. */
  readonly state: string
  /**
   * For a shared component, the numbers of its viewers' last events, by viewer: all numbers that were saved for the
   * component and not forgotten since.
   */
  readonly viewers?: { readonly [viewer: string]: number }
}

/** A component's state, which a store of your own has to keep. */
export interface SavedState {
  /**
   * The component's name. The store keeps one state under this name: at most 64 characters of `A-Z a-z 0-9 _ -`. It stays the
   * same as long as the state lives, in every process.
   */
  readonly instance: string
  /** The life that the state was committed in: a whole number of at most 2^52. */
  readonly life: number
  /** Counts the states: a whole number of at most 2^52. In one life each state has a higher revision than the states before. */
  readonly revision: number
  /**
   * The sealed state: nobody else can read it, and a loom opens no state that was changed. ASCII text without line breaks;
   * it is up to about 1.4 times as long as the JSON of the props.
   */
  readonly state: string
  /** Whose state it is: a keyed hash of the user (`bind`), or of the address if there is no user; 22 characters. */
  readonly holder: string
  /**
   * For a shared component: numbers of viewers, which the store has to keep beside the state. Each replaces an earlier
   * number of the same viewer; `null` means that the store has to forget the number. The store keeps all of them together
   * with the state, or none.
   */
  readonly viewers?: { readonly [viewer: string]: number | null }
}

/**
 * A store of your own, for Postgres and others; `examples/postgres/` has one. The object may be of any class. A function
 * fails if it throws or rejects, returns a wrong value, or takes longer than 5 s. Then the events fail whose states it
 * should keep; users can make these events again. A failed function may have kept the states all the same, or keep them
 * later.
 *
 * States are compared by life first, and by revision if the lives are the same. Each function compares and writes in one
 * atomic step, over all processes: in SQL, in one statement, or in a transaction that locks the row.
 *
 * A state that has not been saved for longer than `limits.tokenAge` and a minute is not needed any more, and may be
 * deleted, with its viewers. If a state is deleted earlier, an old checkpoint may roll the component back. Only your store
 * bounds the number of states: `limits.stored` and `limits.storedPerHolder` are for the other stores.
 */
export interface OwnStore {
  /**
   * Begins a life of this component, if there is a state of it: sets the kept life to one more than the larger of itself
   * and `after`, and returns the life with the state. From then on the store refuses states of earlier lives. Returns
   * nothing if there is no state. There are at most 64 calls at a time.
   */
  claim(instance: string, after: number): PromiseLike<ClaimedState | null | undefined> | ClaimedState | null | undefined
  /**
   * Keeps each state that is newer than the kept one, and the first state of a component. When the states are durable, it
   * resolves with the instances of the states that are kept; if an instance is not in this list, its component goes on
   * elsewhere, and ends here. A call has up to 512 states, of about 1 MiB together, or one state that is larger; it never
   * has two states of one component. There is one call at a time, unless a call takes longer than 5 s.
   */
  save(states: readonly SavedState[]): PromiseLike<readonly string[]> | readonly string[]
}

/** Further options of development. */
export interface DevelopmentOptions {
  /** The first element of each template has `data-l-loc`, the file and the line of the template. `false` by default. */
  locations?: boolean
  /** Failures are shown in the page, with the lines of the source. `true` by default. */
  overlay?: boolean
}

/** The options of `loom.watch`. */
export interface WatchOptions {
  /**
   * The folder whose files are watched, with all folders in it except `node_modules` and names that begin with a dot; at
   * most 2,000 folders. Default: the current folder.
   */
  folder?: string
  /** A server of Vite that loads the application's modules (`ssrLoadModule`): it watches, and loads them again. */
  vite?: ViteLike
}

/** The part of Vite's server that `loom.watch` uses. */
export interface ViteLike {
  readonly watcher: {
    on(event: 'change' | 'add', listener: (file: string) => void): unknown
    off?(event: 'change' | 'add', listener: (file: string) => void): unknown
  }
  ssrLoadModule(file: string): Promise<unknown>
}

export interface LoomOptions {
  /**
   * At least 32 bytes. If it is a list, the first secret seals, and all of them open. It may be left out only in
   * development: a secret is then made and kept in `node_modules/.cache`.
   */
  secret?: string | readonly string[] | undefined
  /**
   * The address of the client and of the WebSocket: `/loom` gives `/loom/ws`. It is the whole path, as the browser asks for
   * it and as it arrives here: the prefix of a router belongs to it, and a proxy must not change it.
   */
  path?: string
  /**
   * Shows error texts in the browser, and looks for mistakes. `process.env.NODE_ENV !== 'production'` by default. Options of
   * development switch it on: see docs/development.md.
   */
  development?: boolean | DevelopmentOptions
  /**
   * Returns the user or the session that a page belongs to: the token of one user is worth nothing for another. Called
   * with the page's request in `mount`, and with the upgrade request when the page connects.
   *
   * @param request Node's request; with Express, Express' own.
   * @param own the request that middleware or hooks have set their members on: Fastify's request, if `mount` was given
   * that one, and on an upgrade; otherwise the same as `request`.
   */
  bind?(
    request: IncomingMessage,
    own: IncomingMessage | FastifyRequestLike,
  ): string | undefined | Promise<string | undefined>
  /**
   * Which origins may connect: by default the request's own scheme, host and port (without TLS, and without a trusted
   * proxy that says the scheme, both http and https). Requests without an origin may.
   */
  origin?: readonly string[] | ((origin: string, request: IncomingMessage) => boolean)
  /**
   * Says which proxies' `X-Forwarded-For`, `-Host`, `-Proto` and `-Port` count; `Forwarded` counts if these are not sent.
   * By default no proxy is trusted.
   */
  trustProxy?: TrustProxy
  /**
   * The names of the members that middleware sets on the request and that `ctx.request` has too. Their JSON is kept for
   * each connection. `['user', 'session']` by default.
   */
  keep?: readonly string[]
  /**
   * Keeps the state after each event before the event is answered. So an older checkpoint cannot roll a state back after a
   * restart, and a state cannot go on in two processes. It is a SQLite file for the processes of one machine, Redis for
   * those of many machines, or a store of your own. By default there is no store: then do not keep balances and numbers of
   * attempts in props.
   */
  store?: SqliteStore | RedisStore | OwnStore
  /**
   * Joins the processes of an application: they share topics, presence, shared components and addresses of components. A
   * message that is published in one process reaches the subscribers in all. A page may come to any process: its component
   * goes where the page goes. By default there is none: then topics are in the memory of each process.
   */
  backplane?: RedisBackplane
  limits?: { readonly [Name in keyof Limits]?: Limits[Name] | undefined }
  /** `console` by default. Loggers of pino and winston fit: see docs/telemetry.md. */
  logger?: Logger
  /**
   * Gets each error that a callback of a module has thrown, as it was thrown; the log has its text as well. It does not get
   * a `Refusal`, because that is an answer; nor errors that `loom.mount` rejects with, because its caller has them; nor
   * failures without an error, such as a call that was given up after `limits.handlerTime`. If `onError` itself throws or
   * rejects, that is logged.
   */
  onError?(error: unknown, context: ErrorContext): unknown
  /**
   * How connections reach Rust: `descriptor` hands over the socket, `relay` copies its bytes.
   * `auto`, the default, hands over sockets that can be handed over: plain sockets on Unix.
   */
  transport?: 'auto' | 'relay'
}

/** Middleware as in Express and Connect. Middleware that is typed for Express' own request is accepted, too. */
export type Middleware = {
  middleware(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown
}['middleware']

export interface AttachOptions {
  /**
   * The application's own middleware, for instance for sessions and logins. An upgrade request passes it before any
   * component joins. If a middleware answers instead of calling `next`, the connection is refused.
   */
  middleware?: readonly Middleware[]
}

/** An open connection, or a connection that is gone and whose components wait for their page. */
export interface Connection {
  /** What the option `bind` gave. */
  readonly bind: string
  /** The client's address. */
  readonly address: string
  /** The request that began the connection. */
  readonly request: LiveRequest
}

/** An element that can be a component's container. */
export type ContainerName =
  | 'div'
  | 'span'
  | 'p'
  | 'section'
  | 'article'
  | 'aside'
  | 'main'
  | 'header'
  | 'footer'
  | 'nav'
  | 'search'
  | 'address'
  | 'blockquote'
  | 'figure'
  | 'figcaption'
  | 'fieldset'
  | 'hgroup'
  | 'h1'
  | 'h2'
  | 'h3'
  | 'h4'
  | 'h5'
  | 'h6'
  | 'ul'
  | 'ol'
  | 'menu'
  | 'li'
  | 'dl'
  | 'dt'
  | 'dd'
  | 'table'
  | 'caption'
  | 'colgroup'
  | 'thead'
  | 'tbody'
  | 'tfoot'
  | 'tr'
  | 'td'
  | 'th'
  | `${string}-${string}`

export interface MountOptions {
  /**
   * The page's request, Node's or Fastify's own. It is needed if code reads it, such as the option `bind` or a module's
   * `mount`. In a callback of a component give `ctx.request`: the mounted component then belongs to the same page and
   * user.
   */
  request?: IncomingMessage | FastifyRequestLike | LiveRequest
  /**
   * The element that is the component's container; `div` by default. Mount a component that shows rows as `tbody`, one that
   * shows cells as `tr`, and one that shows list items as `ul`; put its HTML into the page's `<table>`, or wherever such an
   * element may stand. `mount` rejects with `LOOM_TEMPLATE` if the component's HTML cannot stand in the container.
   */
  as?: ContainerName
  /**
   * Makes one component for all pages that mount this module under this key: it has one state, takes the events of all
   * pages one at a time, and is rendered once for all. Any page can start it, so its state has to follow from the key: props
   * cannot be given, `mount` loads the state by `ctx.key`, and only `authorize` and handlers have `ctx.request`. The key has
   * 1 to 256 bytes.
   *
   * The component lives while a page shows it and `limits.parkTime` longer. If it was mounted and no page joins, it lives
   * for `limits.mountTime`. `mount` rejects with `LOOM_START` if it cannot be started, or too many live (`limits.shared`,
   * `sharedPerAddress`).
   */
  shared?: string
}

export interface Stats {
  /** Open connections. */
  connections: number
  /** Running actors. */
  components: number
  /** Actors that wait for their page to come back. */
  parked: number
  /** States in the `store`, of all processes that share it; 0 without a store, and with a store of your own. */
  stored: number
  /** Events answered with a patch so far. */
  events: number
  /** Joins and events answered with an error so far. */
  errors: number
  /** Events waiting in mailboxes. */
  queuedEvents: number
  /** Tasks that run. */
  tasks: number
  /** Calls waiting for the JavaScript thread. */
  waitingCalls: number
  /** Calls waiting or running, async handlers included. */
  callsInFlight: number
  /** The state of Redis, once for the `store` and once for the `backplane`, if they are in Redis. */
  redis: RedisStats[]
}

/** The state of Redis, as this process sees it. */
export interface RedisStats {
  usedFor: 'store' | 'backplane'
  /** The addresses, without user and password. */
  hosts: string
  /** Whether there is a connection. */
  isUp: boolean
  /** For how long there has been no connection, in milliseconds; 0 if there is one, and before the first one. */
  away: number
  /** Why there is no connection; empty if there is one. */
  why: string
  /** How often the connection was lost so far. */
  losses: number
}

/** Whether a load balancer should send requests and connections to this process. */
export interface Ready {
  ready: boolean
  /** Why not, a sentence for each reason; empty if `ready`. */
  why: string[]
}

/** The part of a Fastify instance that `loom.fastify` uses. */
export interface FastifyLike {
  readonly server: HttpServer | HttpsServer
  readonly prefix: string
  routing(request: IncomingMessage, response: ServerResponse): void
  route(options: {
    method: ('OPTIONS' | 'GET' | 'POST' | 'HEAD' | 'PATCH' | 'DELETE')[]
    url: string
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => void
  }): unknown
  addContentTypeParser(
    type: string,
    parser: (request: never, payload: never, done: (error: Error | null) => void) => void,
  ): unknown
  addHook(name: 'preClose', hook: () => Promise<void>): unknown
  addHook(
    name: 'preHandler',
    hook: (request: FastifyRequestLike & { body?: unknown }, reply: FastifyReplyLike) => Promise<void>,
  ): unknown
  hasContentTypeParser(type: string): boolean
  addContentTypeParser(
    type: string,
    options: { parseAs: 'string'; bodyLimit: number },
    parser: (request: FastifyRequestLike, body: string, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
}

export interface FastifyRequestLike {
  readonly raw: IncomingMessage
}

export interface FastifyReplyLike {
  readonly raw: ServerResponse
  hijack(): unknown
  header(name: string, value: string): unknown
}

export interface Loom {
  /**
   * Adds a module under a name. Only registered names can be joined.
   *
   * @throws LoomError `LOOM_ARGUMENT` if the name is taken or `module` is not a module, `LOOM_PROPS` if its props are not
   * JSON.
   */
  register<Props extends object, Names extends PropertyKey = PropertyKey, Uploads extends string = never>(
    name: string,
    module: LiveModule<Props, Names, Uploads> | RawModule,
  ): RegisteredModule<PropsFrom<Props>>
  /**
   * Renders a component for a page. The result is its HTML in a container, which the browser client brings to life. Props
   * that are left out are the module's own. A module that is given by its name may have any props.
   *
   * @throws LoomError (as a rejection) `LOOM_PROPS` if the props are not JSON, or so large that no page could join with
   * them (`limits.messageBytes`); `LOOM_TEMPLATE` if `render` did not return a template, or its HTML cannot stand in the
   * container; `LOOM_ARGUMENT` if an option is wrong.
   */
  mount<Props extends object>(
    module: RegisteredModule<Props> | string,
    props?: Partial<NoInfer<Props>>,
    options?: MountOptions,
  ): Promise<string>
  /**
   * Starts an actor without a page: `connected` runs, and not `authorize`; then it renders, and `replyTo` gets `trees`.
   * A change that no event asked for is also sent as a `patch`; while an event has no answer, the change comes with the
   * answer.
   *
   * @throws StartError if `connected` or the first render fails.
   */
  start(
    id: string,
    replyTo: (message: SocketMessage) => void,
    module: string | RegisteredModule<object>,
    propsJson: string,
  ): Promise<LiveSocket>
  /**
   * Takes over the WebSocket upgrades of an HTTP or HTTPS server on the loom's path, and no others. Call it once; a
   * second call without middleware does nothing.
   *
   * @throws LoomError `LOOM_ARGUMENT` if another loom has that path of the server, or if this loom is attached already
   * and the middleware would not run; `LOOM_STOPPED` if the loom is closed.
   */
  attach(server: HttpServer | HttpsServer, options?: AttachOptions): void
  /**
   * Closes connections now, and ends the components that wait for their pages, so that these pages have to join again and
   * pass `authorize`: for instance if a login is revoked. Upgrades under way are refused, too. If such an upgrade waits for
   * middleware or `bind`, it is refused as soon as its user is known, and is not counted.
   *
   * With a `topic` only components that are in the topic (`ctx.topics`) end, of all pages, or of pages that also match
   * `bind` and `address`: components that are shown, that wait for their page, and that are just coming to life from a
   * state with this subscription. Their pages join again and pass `authorize`, which finds the topic in `ctx.topics`; the
   * connections stay, and so do the other components of these pages. If a module has no `authorize`, its components go on
   * as before. A shared component that is in the topic goes on; those of its pages end that match, on their connection or
   * on their way back, and their events under way are given up. If only a call in flight puts the shared component into the
   * topic, all its pages end. Without `bind` and `address`, live sockets of `loom.start` end, too: from then on they throw
   * `LOOM_STOPPED`.
   *
   * With a `backplane` all processes do the same, each a moment later; if Redis is away, they do it when Redis is back. A
   * function is called in this process only.
   *
   * @param filter all connections that have this `bind`, `address` and `topic`, or for which the function returns true. An
   * empty filter is an error, and so is a member that is `undefined`.
   * @returns how many connections and waiting components there were in this process; with a `topic`, how many components,
   * and for shared components how many pages.
   * @throws LoomError `LOOM_ARGUMENT`
   */
  disconnect(
    filter:
      { bind?: string; address?: string; topic?: string | Topic<unknown> } | ((connection: Connection) => boolean),
  ): number
  /**
   * Takes components out of a topic now: they get no further messages and no presence of the topic, and are not tracked in
   * it any more. They go on without the topic, and a checkpoint is due at once. For each component this happens after the
   * call that runs and before all messages that wait, also if the component waits for its page. With `{}` live sockets of
   * `loom.start` and shared components are meant, too; with `bind` or `address` they are not, because they belong to no
   * user. It does not reach a state that exists only in a page's checkpoint: such a state brings its subscriptions back,
   * and `authorize` finds them in `ctx.topics`.
   *
   * With a `backplane` all processes do the same, as with `disconnect`.
   *
   * @param filter components that match `bind` and `address`; `{}` for all. A member that is `undefined` is an error.
   * @returns how many components of this process were in the topic, each shared one counted once.
   * @throws LoomError `LOOM_ARGUMENT`
   */
  unsubscribe(topic: string | Topic<unknown>, filter: { bind?: string; address?: string }): number
  /**
   * Takes the files of all uploads, over HTTP beside the socket, in the resumable protocol tus 1.0. Needs the packages
   * `@tus/server` and, with a `directory`, `@tus/file-store`. Returns middleware for Express and its like; put it behind
   * the middleware whose members `bind` reads. For Fastify call `uploads` before `loom.fastify` is registered. Call it once
   * for a loom.
   *
   * @throws LoomError `LOOM_PLATFORM` if a package is missing; `LOOM_ARGUMENT` if an option is wrong, and if there is a
   * `backplane` and the files are on the disk of one machine.
   */
  uploads(
    options: UploadsOptions,
  ): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  /** Middleware for Express and its like: serves the browser client. */
  express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  /**
   * A Fastify plugin: serves the browser client and attaches to the server. Upgrade requests pass the
   * instance's own hooks, as requests to its routes do.
   */
  readonly fastify: (instance: FastifyLike) => Promise<void>
  /**
   * The script elements of the browser client, for the page's end. One client is enough for the components of all looms.
   * The module that scripts of the page import (`hook`, see `loom-live/client`) is served beside the client, as
   * `/loom/client.js`: the option `path` and this name. This address does not change.
   *
   * @throws LoomError `LOOM_ARGUMENT` if an option is wrong.
   */
  script(options?: ScriptOptions): string
  /**
   * Middleware for Express and Connect that takes forms which browsers send without the client's script: the script has
   * not arrived, was blocked, or has failed. It stands before the routes of the pages, and before any parser of bodies:
   *
   *     app.use(loom.express())
   *     app.use(loom.forms())
   *     app.get('/sign-up', async (request, response) => { response.send(await loom.mount(signUp, {}, { request })) })
   *
   * Such a form has `form().seal` in it, and its page was mounted with `request`. The handler runs on the props that the
   * page was rendered with. Then the page's own GET route renders it, with the component as the handler has left it and
   * status 422 if the form was not taken (`validated`, `ctx.keepForm`), or the browser is sent to the URL of `ctx.redirect`
   * (303). The request is checked as a join is: `bind`, age, `authorize`. The form also has to come from a page of this
   * site, by its `Origin` or, if that is missing or `null`, by `Sec-Fetch-Site`. With a `store` each form is taken once: if
   * it is sent again, the page is shown. Every URL-encoded body is read here, up to `limits.messageBytes` and
   * `limits.formFields` names; a larger one is answered with 413. A body that is not such a form goes on to your routes,
   * parsed.
   *
   * There is no live component: `ctx.publish`, `ctx.send`, `ctx.flash` and `ctx.redirect` work, the other effects throw
   * `LOOM_NO_ACTOR`. The form of a shared component goes to its actor, as an event of a page: there all effects work.
   */
  forms(): Middleware
  /**
   * The same for Fastify: `app.register(loom.fastifyForms)`. The page's route has to take POST as well:
   * `app.route({ method: ['GET', 'POST'], url, handler })`.
   */
  readonly fastifyForms: (instance: FastifyLike) => Promise<void>
  /**
   * The element in which a page shows its flashes (`ctx.flash`). The flashes of a form that was sent without the client's
   * script are in it already, if the application uses `loom.forms()`; the client adds others. Call it once for a page,
   * before anything of the response is sent; these flashes are then shown and forgotten. Put the element outside of
   * components.
   *
   * @param look returns the HTML of one flash. The text stands in an element with `data-l-fill="text"`; the client puts the
   * texts of other flashes there. A click on an element with `data-l-dismiss` closes the flash. Without `look` the client's
   * own look is used.
   * @throws LoomError `LOOM_TEMPLATE` if the look has no place for the text; `LOOM_ARGUMENT` if the response was begun.
   */
  flashes(request: IncomingMessage | FastifyRequestLike, look?: (flash: Flash) => Tree): string
  stats(): Stats

  /**
   * All numbers of `stats` and more, in Prometheus' text form: answer a request for `/metrics` with this text, under the
   * content type `text/plain; version=0.0.4`. Durations are measured from the first call on, counts from the beginning of
   * the loom. docs/telemetry.md names them all.
   */
  metrics(): string
  /**
   * Whether a load balancer should send requests and connections here. It is not ready after `close` was called, and not
   * while Redis is away, if the store or the backplane is in Redis. Does not wait. See `docs/scaling.md`.
   *
   * @param options `redis: false` leaves Redis out: if Redis is away for all processes, none of them would be ready,
   * although components that do not need Redis go on.
   * @throws LoomError `LOOM_ARGUMENT` for an unknown option.
   */
  ready(options?: { redis?: boolean }): Ready
  /**
   * Publishes to a topic, from a route, a job, anywhere: each component that has subscribed gets it once, in the topic's
   * order. Resolves when the topic has it.
   *
   * @param data a JSON value of at most `limits.messageBytes`; `null` if it is left out.
   * @param options `id`: if a message was published under this id within `limits.topicIdTime`, this one is not published.
   * @throws LoomError (as a rejection) `LOOM_TOPIC` if there are too many topics (`limits.topics`) or the data is too large;
   * `LOOM_PROPS` if the data is not JSON; `LOOM_ARGUMENT` if the topic or the id is wrong; `LOOM_STOPPED` if the loom is
   * closed.
   */
  publish<Data>(topic: Topic<Data>, data: NoInfer<Data>, options?: { id?: string }): Promise<void>
  publish(topic: string, data?: unknown, options?: { id?: string }): Promise<void>
  /**
   * The topic of this name, with the type of its data: `const prices = loom.topic<Price>('prices')`. You can
   * give it wherever you can give the name of a topic.
   */
  topic<Data>(name: string): Topic<Data>
  /**
   * The people in a topic: everybody whom a component tracks there (`ctx.track`), or only their number.
   *
   * @throws LoomError, as a rejection: `LOOM_ARGUMENT` for a wrong name of a topic; `LOOM_TOPIC` if Redis is away (with
   * a backplane), and the topic is not watched in this process.
   */
  presence<Meta = unknown>(topic: string | Topic<unknown>): Promise<Everybody<Meta>>
  /**
   * Sends a message to one component, by its address (`ctx.self`); otherwise as `publish`. If this application has not made
   * the address, it rejects with `LOOM_TOPIC`.
   */
  send(address: string, receiver: string, data?: unknown, options?: { id?: string }): Promise<void>
  /**
   * In development: loads changed source files again. The modules that they register replace the old ones, and living
   * components are rendered anew, with their state. Changed stylesheets are replaced in open pages. See docs/development.md.
   *
   * @throws LoomError `LOOM_ARGUMENT` in production, for a second call, and if an option is wrong.
   */
  watch(options?: WatchOptions): void
  /**
   * Answers the events that have been sent, closes every connection and resolves when the last actor is gone. The loom
   * releases its keys, its store and everything else; functions that are called later throw `LOOM_STOPPED`.
   *
   * @param options.timeout how long running handlers may still take, in milliseconds; 10,000.
   */
  close(options?: { timeout?: number }): Promise<void>
}

/** How the browser client is loaded. */
export interface ScriptOptions {
  /** The nonce of the page's Content-Security-Policy, for `script-src 'nonce-…'`, with or without `strict-dynamic`. */
  nonce?: string
  /**
   * Whether a bar at the page's lower edge says that the page is offline, that a component has failed, or that the page has
   * to be loaded again. With `false` the bar is not loaded. Default `true`.
   */
  status?: boolean
  /** The client's texts, if they should not be the English ones: in the language of the page. */
  texts?: ClientTexts
}

/** The client's texts for users. A text must not be empty. */
export interface ClientTexts {
  /** The connection is gone. `Connection lost.` */
  offline?: string
  /** When the next try is; `{seconds}` stands for the seconds until then. `Trying again in {seconds} s.` */
  retryIn?: string
  /** A try is under way. `Trying again…` */
  connecting?: string
  /** The button that tries at once. `Try now` */
  retry?: string
  /** The connection is back. Screen readers say it if they have said that the connection was gone. `Connected again.` */
  online?: string
  /** A component has failed. `A part of this page has stopped working.` */
  error?: string
  /** The page has to be loaded again. `This page is out of date.` */
  expired?: string
  /** The button that loads the page again. `Reload` */
  reload?: string
  /** The button that closes a flash. `Dismiss` */
  dismiss?: string
}

/** Makes a loom: one application's components, their connections and their secret. */
export function createLoom(options?: LoomOptions): Loom

/** Every error of loom-live. */
export class LoomError extends Error {
  constructor(code: LoomErrorCode, message: string, options?: { cause?: unknown })
  readonly code: LoomErrorCode
  /** The section of the docs with the causes of this error and their mends: a file of the package, and the heading in it. */
  readonly docs: string
}

/** Throw it in `authorize` or a handler: the page gets the message, and is told what to do. */
export class Refusal extends LoomError {
  /**
   * @param message shown to the user.
   * @param options.redirect the address that the page goes to, for instance a login: a path or an http(s) URL.
   * @param options.reload true if the page has to be loaded again.
   */
  constructor(message: string, options?: { redirect?: string; reload?: boolean })
  readonly redirect: string | undefined
  readonly reload: boolean
}

/** `loom.start` failed: no actor is left behind. */
export class StartError extends LoomError {
  constructor(message: string)
}

export type LoomErrorCode =
  /** An argument or an option is not what was expected. */
  | 'LOOM_ARGUMENT'
  /** A template cannot be made safe, or a value cannot stand in its place in a template. */
  | 'LOOM_TEMPLATE'
  /** Props are not JSON, or larger than a page can bring back. */
  | 'LOOM_PROPS'
  /** There is no usable secret. */
  | 'LOOM_SECRET'
  /** `authorize` or a handler refused. */
  | 'LOOM_REFUSED'
  /** An actor did not come to life. */
  | 'LOOM_START'
  /** The live socket or the loom has stopped, or the call has ended. */
  | 'LOOM_STOPPED'
  /** A function of `ctx` was called after its step had ended. */
  | 'LOOM_STEP_OVER'
  /** A topic cannot be published, subscribed to or read: Redis is away, or a limit is reached. */
  | 'LOOM_TOPIC'
  /** The fields of a form contradict each other, or are named too long or too deep. */
  | 'LOOM_FORM'
  /** A handler asked for an effect that needs a live component, but its form was sent without the client's script. */
  | 'LOOM_NO_ACTOR'
  /** A page asked for an upload that its component does not have, or a file cannot be read here. */
  | 'LOOM_UPLOAD'
  /** The addon for this platform is missing or cannot be loaded; the message says why, and what to do. */
  | 'LOOM_PLATFORM'
