/** What an event says beside its handler: value, checked, key, form. */

import { THEIRS } from './attributes'
import { own, root } from './dom'

export interface SpecialVars {
  /** The value. */
  v?: string | undefined
  /** Whether it is checked. */
  c?: boolean | undefined
  /** The key. */
  k?: string | undefined
  /** The changed field's form, URL-encoded. */
  f?: string | undefined
  /** What the field holds if the value is the element's `data-l-value`. */
  t?: string | undefined
  /** The chosen values of a `<select multiple>`. */
  m?: string[] | undefined
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

/** Custom elements can be fields, too. Events in their shadow roots seem to happen at them. */
function isCustom({ localName }: Element): boolean {
  return localName.includes('-')
}

function isControl(target: EventTarget | null): target is Control {
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

/** `bound` is the element with the binding, which may be around the field that the event happened at. */
export function specialVars(event: Event, bound: Element): SpecialVars {
  const { type, target } = event
  if (type === 'submit' && target instanceof HTMLFormElement) {
    return { v: formText(target, (event as SubmitEvent).submitter as HTMLButtonElement | null) }
  }
  const vars: SpecialVars = { v: own.getAttribute(bound, 'data-l-value') ?? undefined, k: (event as KeyboardEvent).key }
  const control = [target, bound].find(isControl)
  const form = target instanceof HTMLFormElement ? target : control && formOf(control)
  if (control) {
    const { type: kind, checked } = control as HTMLInputElement
    let value: unknown = control.value
    // What a custom element has set as its form's value need not be its `value`.
    if (form && typeof value !== 'string')
      value = new FormData(form).get(own.getAttribute(control, 'name') ?? '') ?? value
    // A file's value is a made-up path.
    if (kind !== 'file' && /^[sn]/.test(typeof value))
      vars[vars.v === undefined ? 'v' : 't'] = `${value as string | number}`
    if (/^(checkbox|radio)$/.test(kind) || (isCustom(control) && typeof checked === 'boolean')) vars.c = checked
    if ('options' in control && control.multiple) vars.m = [...control.selectedOptions].map(({ value }) => value)
  }
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
