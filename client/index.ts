/** The browser's side of loom-live. Loaded as a module it starts by itself, when the page has been read. */

import { root } from './dom'
import { listen, tell } from './events'
import { changed, isChanged, resetField, showsDefault } from './fields'
import { hideIndicators } from './loading'
import { start } from './page'

/** The name of the file that client/extras.ts is built into: see scripts/client.mjs. */
declare const EXTRAS: string

hideIndicators(root)
// Before the sockets: what waits for a pause is sent before a page that goes away closes them.
listen()
start()
// Not one that is new.
if (
  /^[br]/.test((performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined)?.type ?? '')
)
  void import(new URL(EXTRAS, import.meta.url).href).then(({ comeBack }: typeof import('./extras')) =>
    comeBack(isChanged, changed, resetField, showsDefault, tell),
  )
