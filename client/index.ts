/** The browser's side of loom-live. Loaded as a module it starts by itself, when the page has been read. */

import { root } from './dom'
import { listen, tell } from './events'
import { changed, isChanged, resetField, showsDefault } from './fields'
import { hideIndicators } from './loading'
import { start } from './page'

/** The file that client/extras.ts is built into, beside the client: see scripts/client.mjs. */
declare const EXTRAS: string

hideIndicators(root)
// Before the sockets: what waits for a pause is sent before a page that goes away closes them.
listen()
start()
// Not one that is new. (What is said to take the place of this attribute takes three times as many bytes.)
// eslint-disable-next-line @typescript-eslint/no-deprecated
if (performance.navigation.type)
  void (import(EXTRAS) as Promise<typeof import('./extras')>).then(({ comeBack }) =>
    comeBack(isChanged, changed, resetField, showsDefault, tell),
  )
