/** The browser's side of loom-live. Loaded as a module it starts by itself, when the page has been read. */

import { CONTAINER, isOn, OURS, THEIRS } from './dom/attributes'
import { hide, setText } from './dom/build'
import { own, real, root } from './dom/elements'
import { trust } from './dom/markup'
import { bindingOf, find, handle, listen, listenTo } from './input/events'
import { provide } from './input/forms'
import { provideUploads } from './input/uploads'
import { hideIndicators } from './dom/indicators'
import { textIn } from './dom/match'
import { untouched } from './dom/untouched'
import { atRest } from './input/loading'
import { followRedirect } from './live/addresses'
import { issuedSoFar } from './live/outbox'
import { components, start } from './live/page'
import { dataOf, heldIn } from './input/special_vars'

provide(
  [
    CONTAINER,
    THEIRS,
    isOn,
    hide,
    setText,
    own,
    real,
    root,
    textIn,
    dataOf,
    find,
    handle,
    heldIn,
    issuedSoFar,
    listenTo,
    bindingOf,
    components,
    trust,
    atRest,
    followRedirect,
    untouched,
  ],
  (message) => components.forEach((component) => component.tell(message, 'reload')),
)
provideUploads({ own, CONTAINER, OURS, components })
hideIndicators(root)
// Before the sockets begin: when a page goes away, waiting events are sent before the sockets are closed.
listen(components)
start()
