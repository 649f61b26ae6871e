// Which shared components this process owns: the page /cluster shows it.

import { once } from 'node:events'

/** @type {Set<{ readonly name: string }>} */
const owned = new Set()

/** The names of the shared components that this process owns. */
export const ownedNames = () => [...owned].map(({ name }) => name).sort()

/**
 * A task for `connected` of a shared component. A task runs where its component does, and its signal is aborted when the
 * component ends there or goes to another process.
 * @param {string} name
 */
export const owns = (name) => async (/** @type {AbortSignal} */ signal) => {
  const one = { name }
  owned.add(one)
  if (!signal.aborted) await once(signal, 'abort')
  owned.delete(one)
}
