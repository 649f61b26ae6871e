// The events that the client dispatches in a page. `import type {} from 'loom-live/dom'` gives the browser's own
// `addEventListener` their names and details.

/**
 * The `detail` of each event. If nothing else is said, the event is dispatched at a component's container, and bubbles to
 * the document and the window. `module` is the name of the component's module.
 */
export interface LoomEvents {
  /** The component has joined and is live: after the first load, and after each lost connection. */
  'loom:join': { readonly module: string }
  /** The page shows a change that the server has sent. */
  'loom:patch': { readonly module: string }
  /**
   * A join or an event has failed; `message` is the server's text. If `action` is `reload`, only loading the page again
   * helps. If `action` is `redirect`, the server sends the page to another address.
   */
  'loom:error': { readonly message: string; readonly action?: string | undefined }
  /**
   * These events have no answer and are not sent again.
   *
   * * `expired`: they waited for longer than `limits.eventAge`. They were not applied.
   * * `full`: 100 events of the component waited already. They were not applied.
   * * `large`: they are larger than `limits.messageBytes`. They were not applied.
   * * `error`: the component has failed. They were not applied.
   * * `reset`: the component's state is gone. Nobody knows whether they were applied.
   */
  'loom:lost': {
    readonly reason: 'expired' | 'full' | 'large' | 'error' | 'reset'
    /** `handler` is the text of the binding, with its arguments if it has any; `event` is the type, such as `click`. */
    readonly events: readonly { readonly handler: string; readonly event: string }[]
  }
  /** The component has called `ctx.push(name, data)`, and the page shows the change of the same step. */
  'loom:push': { readonly module: string; readonly name: string; readonly data: unknown }
  /**
   * The component's state is gone, and the component has started anew. Or the component goes on, and changes that came
   * from the server are gone with a process.
   */
  'loom:reset': { readonly module: string }
  /** At the document: there is no connection, and the next try is in `wait` milliseconds. */
  'loom:retry': { readonly wait: number }
  /** The component's state is larger than `limits.checkpointBytes`, and would not survive a crash of the server. */
  'loom:fragile': { readonly module: string }
  /**
   * At the document, before the page of `url` is shown in the same document: after a link, after a form, or because the
   * user goes back or forward (`back`). `preventDefault()` keeps the present page.
   */
  'loom:navigate': { readonly url: string; readonly way: 'link' | 'form' | 'back' }
  /** At the document, after the page of `url` is shown in the same document. */
  'loom:navigated': { readonly url: string }
}

type LoomEventMap = { [Name in keyof LoomEvents]: CustomEvent<LoomEvents[Name]> }

declare global {
  // Declared here, too, for programs without the types of a browser.
  interface CustomEvent<T> {
    readonly detail: T
  }
  // Empty, because all members come from the map.
  /* eslint-disable @typescript-eslint/no-empty-object-type */
  interface ElementEventMap extends LoomEventMap {}
  interface GlobalEventHandlersEventMap extends LoomEventMap {}
}
