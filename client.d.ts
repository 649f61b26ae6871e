/**
 * Hooks for the scripts of a page. A hook looks after an element with `data-l-hook`. A script that is bundled imports
 * `loom-live/client`; any other script imports `/loom/client.js` from the server, an address that does not change.
 */

/** The hook of one element. It is `this` in all callbacks of the element; a hook keeps its widget here: `this.chart = …`. */
export interface Hook {
  /** The element with `data-l-hook`. */
  readonly el: HTMLElement
  /**
   * Calls a handler of the component. A call is an event like others: it is applied once, in order, after `authorize`, and
   * waits while the page is offline. The handler's `event.type` is `call`.
   *
   * Resolves when the page shows the change of the same step, with the value that the handler gave to `ctx.reply`, or with
   * `undefined` if the handler did not call `ctx.reply`. Rejects with a `CallError`, and with a `TypeError` if `handler` is
   * not a name or `args` cannot be written as JSON.
   *
   * @param handler the handler's name: a text that is not empty and has no `(`.
   * @param args the handler's `event.args`: any value that JSON can hold. The whole message has at most
   * `limits.messageBytes` bytes.
   */
  call<Answer = unknown>(handler: string, args?: unknown): Promise<Answer>
  /**
   * Calls the listener with the data of each `ctx.push(name, data)` of the component, after the page shows the change of
   * the same step. If the listener throws or rejects, the browser's console says so, and other listeners are called.
   *
   * @returns a function that ends the listening. The listening also ends when the element is gone.
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a listener says which data it takes
  on<Data = unknown>(name: string, listener: (data: Data) => void): () => void
}

/** The error of a call without an answer. */
export interface CallError extends Error {
  /**
   * * `failed`: the handler threw, took too long, does not exist, or `authorize` refused the call. Nothing was applied;
   *   `message` has the server's text.
   * * `expired`, `full`, `large`, `error`: as in `loom:lost`. Nothing was applied.
   * * `gone`: the component has left the page. Nobody knows whether the event was applied.
   * * `reset`: the component's state is gone. Nobody knows whether the event was applied.
   * * `unanswered`: the event was applied, and the server's process ended before it sent the answer.
   */
  readonly reason: 'failed' | 'expired' | 'full' | 'large' | 'error' | 'reset' | 'gone' | 'unanswered'
}

/**
 * The callbacks of a hook. If a callback throws or rejects, the browser's console says so, and all other callbacks are
 * called. `State` has the members that the hook sets on `this`.
 */
export interface HookCallbacks<State extends object = object> {
  /** The element and its hook are both there. This may be before the page has joined. */
  mounted?(this: Hook & State): unknown
  /** A patch is about to change the element's attributes, or something in the element. The element is still unchanged. */
  beforeUpdate?(this: Hook & State): unknown
  /** The patch is done. The call is in the same task. Patches that come together, in one frame, cause one call. */
  updated?(this: Hook & State): unknown
  /** The element is gone, or has another hook or component now. There is no call when the user leaves the page. */
  destroyed?(this: Hook & State): unknown
  /** The component's `data-l-state` is `offline`. Calls wait until the component is live again. */
  disconnected?(this: Hook & State): unknown
  /** The component is live again, and shows the changes that it has missed. */
  reconnected?(this: Hook & State): unknown
}

/**
 * Registers the hook of elements with `data-l-hook="name"` in live components. Elements that wait for the hook are mounted
 * now. If the name was registered before, the new callbacks are for elements that are mounted from now on.
 *
 *     hook<{ chart: Chart }>('chart', {
 *       mounted() { this.chart = new Chart(this.el) },
 *       updated() { this.chart.show(JSON.parse(this.el.dataset.points)) },
 *       destroyed() { this.chart.destroy() },
 *     })
 *
 * @throws TypeError if the name is empty or not a text, if there is no callback of such a name, or if a callback is not a
 * function.
 */
export function hook<State extends object = object>(name: string, callbacks: HookCallbacks<State>): void
