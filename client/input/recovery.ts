/**
 * Forms with `data-l-recover` need a file of its own, made of with_recovery.ts. Nothing waits for the file: the fields
 * remember what the user types before the file is there.
 */

import type { isOn, own, root } from './core'

/** What the file does for the client. */
export interface Recovery {
  /** The user has changed something in this form. */
  note(form: HTMLFormElement): void
  /** The form's values have been taken or reset, apart from those that are dirty now. */
  taken(form: HTMLFormElement): void
  /** Looks for forms again, since the page may have others now. */
  look(): void
}

/** The parts of the file for fields that this file uses. */
export interface Given {
  own: typeof own
  root: typeof root
  isOn: typeof isOn
  CONTAINER: string
  THEIRS: string
  /** Does the field hold something that the server has not taken? */
  isDirty(field: Element): boolean
  isChanged(field: Element): boolean
  /** Treats the field as if the user had changed it. */
  edited(field: Element): void
  /** Has the handlers hear of the field as if the user had changed it, if the element with the binding is accepted. */
  tell(type: string, target: Element, accepts: (element: Element) => boolean): boolean
}

/** The name of the file: see scripts/client.mjs. */
declare const RECOVERY: string

const RETRY_MS = 10_000

export let recovery: Recovery | undefined
let isAsked = false
let failures = 0

/** The page has such a form. */
export function needRecovery(give: () => Given): void {
  if (isAsked) return
  isAsked = true
  // Some browsers remember for an address that it could not be loaded.
  import(new URL(`${RECOVERY}#${failures}`, import.meta.url).href).then(
    ({ start }: { start(given: Given): Recovery }) => {
      recovery = start(give())
      recovery.look()
    },
    () => {
      failures++
      setTimeout(() => {
        isAsked = false
        needRecovery(give)
      }, RETRY_MS)
    },
  )
}
