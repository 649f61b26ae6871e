/** The browser's side of loom-live. Loaded as a module it starts by itself, when the page has been read. */

import { root } from './dom'
import { listen } from './events'
import { hideIndicators } from './loading'
import { start } from './page'

hideIndicators(root)
// Before the sockets: what waits for a pause is sent before a page that goes away closes them.
listen()
start()
