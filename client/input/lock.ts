/** What of a form rests while the form is sent, if it has `data-l-disable`. */

import { CONTAINER, own } from './core'

/** Buttons that send nothing and change no field: a Cancel is good while the form is sent, too. And what is no control. */
const FREE =
  '[type=button i],[formmethod=dialog i],[data-l-disable="false"],fieldset,output,object,[readonly],:disabled'

/** Calls `lock` for each of the form's controls that are the component's own, with the attribute that has it rest. */
export function lockForm(form: HTMLFormElement, lock: (control: Element, attribute: string) => void): void {
  const container = own.closest(form, CONTAINER)
  for (const control of own.elements(form)) {
    if (own.closest(control, CONTAINER) !== container || own.matches(control, FREE)) continue
    // What is read-only keeps the focus, the caret and its text's contrast. Only texts can be.
    lock(control, own.matches(control, ':read-write') ? 'readonly' : 'disabled')
  }
}
