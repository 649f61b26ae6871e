/** What an event says beside its handler: value, checked, key, form. */

import { THEIRS } from './attributes'
import { own } from './dom'

export interface SpecialVars {
  /** The value. */
  v?: string | undefined
  /** Whether it is checked. */
  c?: boolean | undefined
  /** The key. */
  k?: string | undefined
  /** The changed field's form, URL-encoded. */
  f?: string | undefined
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

function isControl(target: EventTarget | null): target is Control {
  return target instanceof Element && own.matches(target, 'input,textarea,select,button[value]')
}

/** `bound` is the element with the binding, which may be around the field that the event happened at. */
export function specialVars(event: Event, bound: Element): SpecialVars {
  const { type, target } = event
  if (type === 'submit' && target instanceof HTMLFormElement) {
    return { v: formText(target, (event as SubmitEvent).submitter as HTMLButtonElement | null) }
  }
  const vars: SpecialVars = {}
  const control = [bound, target].find(isControl)
  const given = own.getAttribute(bound, 'data-l-value')
  // A file's value is a made-up path.
  vars.v = given ?? (control?.type === 'file' ? undefined : control?.value)
  if (/^(checkbox|radio)$/.test(control?.type ?? '')) vars.c = (control as HTMLInputElement).checked
  vars.k = (event as KeyboardEvent).key
  const form = target instanceof HTMLFormElement ? target : control?.form
  if (/^(input|change|reset)$/.test(type) && form) vars.f = formText(form)
  return vars
}

/** What stands in an ignored element does not reach out of it, as a label or as a part of a form elsewhere. */
export function keepIn(element: Element | null | undefined): void {
  const { control, form } = (element ?? {}) as Partial<HTMLLabelElement & HTMLInputElement>
  if (!element?.matches(THEIRS) || (control ?? form)?.matches(THEIRS)) return
  element.removeAttribute('for')
  element.removeAttribute('form')
}

function formText(form: HTMLFormElement, submitter?: HTMLButtonElement | null): string {
  for (const field of own.elements(form)) keepIn(field)
  const fields = new URLSearchParams()
  new FormData(form).forEach((value, name) => {
    if (typeof value === 'string') fields.append(name, value)
  })
  // By hand: not every browser's FormData takes the submitter.
  if (submitter?.name) fields.append(submitter.name, submitter.value)
  return fields.toString()
}
