/**
 * The hooks that scripts have registered. The client's file for hooks and the module that scripts import `hook` from
 * are bundled apart, and a page may have the module twice, as `/loom/client.js` and in a bundle. All of them use this
 * registry.
 */

/** The callbacks that a script registers for a name; `this` is the hook of one element. */
export type Callbacks = Partial<Record<Callback, (this: unknown) => unknown>>

export type Callback = 'mounted' | 'beforeUpdate' | 'updated' | 'destroyed' | 'disconnected' | 'reconnected'

/** Names in quotes: both bundles use them. */
export interface Registry {
  'hooks': Map<string, Callbacks>
  /** Set by the client's file: mounts the elements that wait for the name. */
  'registered'?: (name: string) => void
}

const KEY = Symbol.for('loom-live.hooks')

export function registry(): Registry {
  const all = globalThis as unknown as Record<symbol, Registry | undefined>
  return (all[KEY] ??= { 'hooks': new Map() })
}
