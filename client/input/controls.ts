/** Which elements are controls (native ones and custom elements), and which form a control belongs to. */

import { own, root } from './core'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

/** Custom elements can be fields, too. An event in their shadow root seems to happen at the element. */
export function isCustom(element: Element): boolean {
  return own.localName(element).includes('-')
}

export function isControl(target: EventTarget | null): target is Control {
  return (
    target instanceof Element &&
    (isCustom(target)
      ? 'value' in target || 'formAssociated' in target.constructor
      : own.matches(target, 'input,textarea,select,button[value]'))
  )
}

/**
 * The form that the field belongs to. The field may stand outside of it. Most custom elements do not name their form.
 */
export function formOf(field: Element): HTMLFormElement | null {
  const id = own.getAttribute(field, 'form')
  const form =
    (field as Partial<Control>).form ??
    (id === null ? own.closest(field, 'form') : own.querySelector(root, `#${CSS.escape(id)}`))
  return form instanceof HTMLFormElement ? form : null
}
