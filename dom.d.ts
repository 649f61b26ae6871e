// What a page can listen for: bubbling events at a component's container, which reach the document and the window.
// `import type {} from 'loom-live/dom'` gives the browser's own `addEventListener` these names and details.

/** The details of each event. */
export interface LoomEvents {
  /** The component has joined: it is live. */
  'loom:join': { readonly module: string }
  /** An answer of the server is shown. */
  'loom:patch': { readonly module: string }
  /** A join or an event has failed. With the action `reload`, only loading the page again helps. */
  'loom:error': { readonly message: string; readonly action?: string | undefined }
  /** Events that were not applied, or, with the reason `reset`, nobody knows. */
  'loom:lost': {
    readonly reason: 'expired' | 'full' | 'large' | 'error' | 'reset'
    /** `handler` is what the attribute says: with its arguments, if it has any. */
    readonly events: readonly { readonly handler: string; readonly event: string }[]
  }
  /** The component called `ctx.push`; the change of the same step is shown. */
  'loom:push': { readonly module: string; readonly name: string; readonly data: unknown }
  /**
   * The component's state is gone, and it has started anew; or it goes on, and changes that came from the server are gone
   * with a process.
   */
  'loom:reset': { readonly module: string }
  /** Without a connection, at the window: the next try is in so many milliseconds. */
  'loom:retry': { readonly wait: number }
  /** The component's state is too large to survive a crash of the server. */
  'loom:fragile': { readonly module: string }
}

type LoomEventMap = { [Name in keyof LoomEvents]: CustomEvent<LoomEvents[Name]> }

declare global {
  // So that this file stands for itself if there is no browser.
  interface CustomEvent<T> {
    readonly detail: T
  }
  // Empty, so that they take the members of the map.
  /* eslint-disable @typescript-eslint/no-empty-object-type */
  interface ElementEventMap extends LoomEventMap {}
  interface GlobalEventHandlersEventMap extends LoomEventMap {}
}
