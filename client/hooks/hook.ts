/**
 * The module that scripts import from `/loom/client.js` or `loom-live/client`: see client.d.ts. A bundle of its own.
 */

import { registry, type Callback, type Callbacks } from './registry'

const CALLBACKS: Record<Callback, 0> = {
  'mounted': 0,
  'beforeUpdate': 0,
  'updated': 0,
  'destroyed': 0,
  'disconnected': 0,
  'reconnected': 0,
}

export function hook(name: string, callbacks: Callbacks): void {
  if (typeof name !== 'string' || !name) throw new TypeError("Expected the name of a hook: hook('chart', { … })")
  if (typeof callbacks !== 'object' || callbacks === null)
    throw new TypeError(`Expected an object of callbacks for the hook ${JSON.stringify(name)}`)
  for (const [callback, work] of Object.entries(callbacks) as [string, unknown][]) {
    if (!Object.hasOwn(CALLBACKS, callback)) {
      throw new TypeError(
        `The hook ${JSON.stringify(name)} has no callback ${JSON.stringify(callback)}: there are ${Object.keys(CALLBACKS).join(', ')}. ` +
          'Functions of your own can stand beside the hook, or be set on this',
      )
    }
    if (work !== undefined && typeof work !== 'function')
      throw new TypeError(`Expected a function for ${callback} of the hook ${JSON.stringify(name)}`)
  }
  const known = registry()
  known['hooks'].set(name, { ...callbacks })
  known['registered']?.(name)
}
