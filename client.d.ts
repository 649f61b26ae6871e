/**
 * What scripts of a page import, from `/loom/client.js` (beside `loom.script()`'s own file, at an address that does not
 * change) or from `loom-live/client` in a bundle: hooks, which look after elements with `data-l-hook`.
 */

/** The hook of one element: `this` in its callbacks. What a hook keeps of its widget it sets here: `this.chart = …`. */
export interface Hook {
  /** The element with `data-l-hook`. */
  readonly el: HTMLElement
  /**
   * Calls a handler of the component. The event is one like others: it is applied once, in order, after `authorize`, and
   * waits while the page is offline. The handler's `event.type` is `call`.
   *
   * Resolves with what the handler gave `ctx.reply`, after the change of the same step is shown; with `undefined` if it
   * gave nothing. Rejects with a `CallError`.
   *
   * @param handler its name, without `(`.
   * @param args `event.args`: what JSON can hold. The whole message has at most `limits.messageBytes` bytes.
   */
  call<Answer = unknown>(handler: string, args?: unknown): Promise<Answer>
  /**
   * Listens for what the component tells its page with `ctx.push(name, data)`, after the change of the same step. Returns
   * what ends that; it ends by itself when the element is gone.
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a listener says which data it takes
  on<Data = unknown>(name: string, listener: (data: Data) => void): () => void
}

/** Why a call has no answer. */
export interface CallError extends Error {
  /**
   * * `failed`: the handler failed, or there is none of this name: nothing was applied;
   * * `expired`, `full`, `large`, `error`: as of `loom:lost`: nothing was applied;
   * * `gone`: the component has left the page;
   * * `reset`: the component's state is gone, and nobody knows whether the event was applied;
   * * `unanswered`: the event was applied, and the server ended before the answer was sent.
   */
  readonly reason: 'failed' | 'expired' | 'full' | 'large' | 'error' | 'reset' | 'gone' | 'unanswered'
}

/**
 * What is called in the life of an element. What one of them throws, or rejects with, is written to the console, and harms
 * nobody else. `State` is what the hook keeps on `this`.
 */
export interface HookCallbacks<State extends object = object> {
  /** The element and the hook are both there: when the page is read, when a patch brings the element, when a script comes late. */
  mounted?(this: Hook & State): unknown
  /** Before a patch that changes the element's attributes or something in it. Nothing of the element is changed so far. */
  beforeUpdate?(this: Hook & State): unknown
  /** After that patch, in the same task. Patches that come together are told once. */
  updated?(this: Hook & State): unknown
  /** The element is gone, or has another hook or component now. It is not called when the page itself is left. */
  destroyed?(this: Hook & State): unknown
  /** The component's `data-l-state` is `offline`. What is called meanwhile waits. */
  disconnected?(this: Hook & State): unknown
  /** The component is live again, and shows what it has missed. */
  reconnected?(this: Hook & State): unknown
}

/**
 * Registers what looks after elements with `data-l-hook="name"` in live components. Elements that wait for the hook are
 * mounted now. A name that was registered before gets the new callbacks for elements that are mounted from now on.
 *
 *     hook<{ chart: Chart }>('chart', {
 *       mounted() { this.chart = new Chart(this.el) },
 *       updated() { this.chart.show(JSON.parse(this.el.dataset.points)) },
 *       destroyed() { this.chart.destroy() },
 *     })
 *
 * @throws TypeError if the name is empty, or for a callback that does not exist.
 */
export function hook<State extends object = object>(name: string, callbacks: HookCallbacks<State>): void
