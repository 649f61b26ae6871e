/**
 * What the file for fields has of the client. The two are minified apart, and nothing is to be there twice: so the client
 * gives it, and the modules of the file import it from here.
 */

import type { CONTAINER as container, isOn as on, THEIRS as theirs } from '../dom/attributes'
import type { hide as hiding, setText as setting } from '../dom/build'
import type { own as owned, real as really, root as page } from '../dom/elements'
import type { find as finding, handle as handling } from './events'
import type { textIn as text } from '../dom/match'
import type { issuedSoFar as issued } from '../live/outbox'
import type { dataOf as entries, heldIn as holding } from './special_vars'

export interface Core {
  CONTAINER: typeof container
  THEIRS: typeof theirs
  isOn: typeof on
  hide: typeof hiding
  dataOf: typeof entries
  setText: typeof setting
  own: typeof owned
  real: typeof really
  root: typeof page
  find: typeof finding
  handle: typeof handling
  heldIn: typeof holding
  textIn: typeof text
  issuedSoFar: typeof issued
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

export function take(core: Core): void {
  ;({ CONTAINER, THEIRS, isOn, hide, dataOf, setText, own, real, root, find, handle, heldIn, textIn, issuedSoFar } =
    core)
}
