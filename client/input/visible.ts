/**
 * `@visible`, and places that stay where the user sees them, need a file of their own, made of with_visible.ts. The
 * file for bindings loads it when there is such a binding.
 */

import type { bindingOf, handle, own, root } from './core'
import type { Finer } from './forms'

/** The parts of the client that the file uses. */
export interface Given {
  own: typeof own
  root: typeof root
  bindingOf: typeof bindingOf
  handle: typeof handle
  /** The file sets `keepPlace` of this object. */
  finer: Finer
  /** The `data-l-on-visible` attributes that are in use, each with its modifiers. */
  names: readonly string[]
}

/** The name of the file: see scripts/client.mjs. */
declare const VISIBLE: string

const RETRY_MS = 10_000

const names: string[] = []
/** Looks for elements, also for those with a new name. Set when the file is there. */
let look: (() => void) | undefined

export function noteVisible(attribute: string, given: Omit<Given, 'names'>): void {
  // Some browsers remember for an address that it could not be loaded.
  const load = (failures: number): unknown =>
    import(new URL(`${VISIBLE}#${failures}`, import.meta.url).href).then(
      ({ start }: { start(given: Given): () => void }) => (look = start({ ...given, names })),
      () => setTimeout(load, RETRY_MS, failures + 1),
    )
  if (names.push(attribute) === 1) load(0)
  else look?.()
}
