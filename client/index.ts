/** The browser's side of loom-live. Loaded as a module it starts by itself, when the page has been read. */

import { CONTAINER, isOn, OURS, THEIRS } from './dom/attributes'
import { hide, setText } from './dom/build'
import { own, real, root } from './dom/elements'
import { bindingOf, find, handle, listen, listenTo } from './input/events'
import { provide } from './input/forms'
import { provideUploads } from './input/uploads'
import { hideIndicators } from './dom/indicators'
import { textIn } from './dom/match'
import { issuedSoFar } from './live/outbox'
import { components, start } from './live/page'
import { dataOf, heldIn } from './input/special_vars'

provide(
  {
    CONTAINER,
    THEIRS,
    isOn,
    hide,
    dataOf,
    setText,
    own,
    real,
    root,
    find,
    handle,
    heldIn,
    textIn,
    issuedSoFar,
    listenTo,
    bindingOf,
  },
  (message) => components.forEach((component) => component.tell(message, 'reload')),
)
provideUploads({ own, CONTAINER, OURS, components })
hideIndicators(root)
// Before the sockets: what waits for a pause is sent before a page that goes away closes them.
listen(components)
start()
