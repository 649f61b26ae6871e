/** What is a control, and whose: native ones, and custom elements. */

import { own, root } from './core'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

/** Custom elements can be fields, too. Events in their shadow roots seem to happen at them. */
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

/** The form that the field belongs to, which need not be around it. Custom elements mostly do not say. */
export function formOf(field: Element): HTMLFormElement | null {
  const id = own.getAttribute(field, 'form')
  const form =
    (field as Partial<Control>).form ??
    (id === null ? own.closest(field, 'form') : own.querySelector(root, `#${CSS.escape(id)}`))
  return form instanceof HTMLFormElement ? form : null
}
