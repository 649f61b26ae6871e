/** Locks the controls of a form with `data-l-disable` while the form is sent. */

import { CONTAINER, own } from './core'

/**
 * Controls that are not locked: buttons that neither send the form nor change a field (a Cancel must work meanwhile),
 * and elements that are no controls.
 */
const FREE =
  '[type=button i],[formmethod=dialog i],[data-l-disable="false"],fieldset,output,object,[readonly],:disabled'

/** Calls `lock` for each of the form's controls that are the component's own, with the attribute that locks it. */
export function lockForm(form: HTMLFormElement, lock: (control: Element, attribute: string) => void): void {
  const container = own.closest(form, CONTAINER)
  for (const control of own.elements(form)) {
    if (own.closest(control, CONTAINER) !== container || own.matches(control, FREE)) continue
    // A read-only field keeps the focus, the caret and the contrast of its text. Only text fields can be read-only.
    lock(control, own.matches(control, ':read-write') ? 'readonly' : 'disabled')
  }
}
