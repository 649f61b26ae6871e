/**
 * The parts of the client that the files for fields, bindings and commands use. The files are minified apart, and no
 * code is to be in two of them: so the client gives them these values, and the files' modules import the values from
 * here.
 */

import type { CONTAINER as container, isOn as on, THEIRS as theirs } from '../dom/attributes'
import type { hide as hiding, setText as setting } from '../dom/build'
import type { trust as trusting } from '../dom/markup'
import type { own as owned, real as really, root as page } from '../dom/elements'
import type { textIn as text } from '../dom/match'
import type { untouched as before } from '../dom/untouched'
import type { Binding, Held, Receiver } from './live_event'

export let CONTAINER: typeof container
export let THEIRS: typeof theirs
export let isOn: typeof on
export let hide: typeof hiding
export let setText: typeof setting
export let own: typeof owned
export let real: typeof really
export let root: typeof page
export let textIn: typeof text
// These belong to files above this one: `events.ts`, `loading.ts`, `special_vars.ts`, `live/addresses.ts`,
// `live/outbox.ts` and `live/page.ts`.
export let dataOf: (form: HTMLFormElement) => FormData
export let find: (event: Event, type: string) => Binding | undefined
export let handle: (event: Event, binding: Binding) => void
export let heldIn: (target: Element) => Held
export let issuedSoFar: () => number
export let listenTo: (type: string, look: (event: Event) => Binding | undefined) => void
export let bindingOf: (event: Event, element: Element | null, type: string, attribute: string) => Binding | undefined
/** The components that get the events of their containers. */
export let components: ReadonlyMap<Element, Receiver>
export let trust: typeof trusting
export let atRest: (work: () => void) => void
export let followRedirect: (address: string) => void
export let untouched: typeof before

/** A list in the order of `client/index.ts`, and no object: names of members would be in each of the files. */
export type Core = [
  typeof CONTAINER,
  typeof THEIRS,
  typeof isOn,
  typeof hide,
  typeof setText,
  typeof own,
  typeof real,
  typeof root,
  typeof textIn,
  typeof dataOf,
  typeof find,
  typeof handle,
  typeof heldIn,
  typeof issuedSoFar,
  typeof listenTo,
  typeof bindingOf,
  typeof components,
  typeof trust,
  typeof atRest,
  typeof followRedirect,
  typeof untouched,
]

export function take(core: Core): void {
  ;[
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
  ] = core
}
