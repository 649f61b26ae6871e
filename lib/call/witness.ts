import type { Component } from './cache'
import type { Caller } from './context'

/** Hears of an application's components, for the application's tests: see lib/testing/. Only tests have a witness. */
export interface Witness {
  /** A page begins to join a component, or is back. The page is known by the request of its connection. */
  joins(component: Component, caller: Caller | undefined): void
  /**
   * A callback has thrown. `request`: the request of the page's connection, as JSON; `{}` if the call was for no page.
   */
  failed(error: unknown, request: string): void
}
