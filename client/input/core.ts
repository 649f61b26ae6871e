/**
 * What the file for fields has of the client. The two are minified apart, and nothing is to be there twice: so the client
 * gives it, and the modules of the file import it from here.
 */

import type { CONTAINER as container, isOn as on, THEIRS as theirs } from '../dom/attributes'
import type { hide as hiding, setText as setting } from '../dom/build'
import type { own as owned, real as really, root as page } from '../dom/elements'
import type { textIn as text } from '../dom/match'
import type { Binding, Held } from './live_event'

export interface Core {
  CONTAINER: typeof container
  THEIRS: typeof theirs
  isOn: typeof on
  hide: typeof hiding
  setText: typeof setting
  own: typeof owned
  real: typeof really
  root: typeof page
  textIn: typeof text
  // The others belong to files above this one: `special_vars.ts`, `events.ts` and `live/outbox.ts`.
  dataOf(form: HTMLFormElement): FormData
  heldIn(target: Element): Held
  find(event: Event, type: string): Binding | undefined
  handle(event: Event, binding: Binding): void
  issuedSoFar(): number
  listenTo(type: string, look: (event: Event) => Binding | undefined): void
  bindingOf(event: Event, element: Element | null, type: string, attribute: string): Binding | undefined
}

export let CONTAINER: Core['CONTAINER']
export let THEIRS: Core['THEIRS']
export let isOn: Core['isOn']
export let hide: Core['hide']
export let dataOf: Core['dataOf']
export let setText: Core['setText']
export let own: Core['own']
export let real: Core['real']
export let root: Core['root']
export let find: Core['find']
export let handle: Core['handle']
export let heldIn: Core['heldIn']
export let textIn: Core['textIn']
export let issuedSoFar: Core['issuedSoFar']
export let listenTo: Core['listenTo']
export let bindingOf: Core['bindingOf']

export function take(core: Core): void {
  ;({
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
  } = core)
}
