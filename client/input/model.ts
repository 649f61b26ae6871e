/**
 * Controls that are bound to a prop: `data-l-model` has the prop's name. The value of such a control goes to the server
 * as an event of the type `model`, without a handler. The server's answer changes the field like any other patch.
 */

import { CONTAINER, isOn, own, THEIRS } from './core'
import { editedText, MODEL } from './edited'
import type { SpecialVars } from './live_event'
import { tell } from './told'
import { JUDGED, left } from './validity'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** The values that the server was told last of each control, so that it is not told twice. */
const told = new WeakMap<Element, string>()

function nameOf(control: Element): string | null {
  return own.getAttribute(control, 'data-l-model')
}

/** The values of all checked checkboxes of this prop. */
function checkedLike(control: Element): string[] {
  const container = own.closest(control, CONTAINER) as Element
  return [...own.querySelectorAll(container, `${MODEL}[type=checkbox]:checked`)]
    .filter((one) => nameOf(one) === nameOf(control) && own.closest(one, CONTAINER) === container)
    .map((one) => (one as HTMLInputElement).value)
}

function varsOf(control: Element): SpecialVars {
  const { type, value, checked } = control as HTMLInputElement
  const vars: SpecialVars = {}
  if (type === 'checkbox') {
    vars.c = checked
    vars.m = checkedLike(control)
  } else if (type === 'select-multiple')
    vars.m = Array.from((control as HTMLSelectElement).selectedOptions, (option) => option.value)
  else if (own.matches(control, '[contenteditable]')) vars.v = editedText(control)
  else if (/^[sn]/.test(typeof value)) {
    // The value of a custom element may be a number.
    const text = `${value as string | number}`
    vars.v = isOn(control, 'model-trim') ? text.trim() : text
  } else if (typeof checked === 'boolean') vars.c = checked
  // Errors of a control are shown once the user has left it.
  if (own.matches(control, JUDGED)) vars.l = left.has(control) ? [nameOf(control) as string] : []
  return vars
}

export function modelVars(control: Element): SpecialVars {
  const vars = varsOf(control)
  told.set(control, JSON.stringify(vars))
  return vars
}

/** Has the server hear what the control holds. False if it is bound to no prop. */
export function tellModel(control: Element): boolean {
  return (control as Control).type !== 'file' && tell('model', control, (element) => element === control)
}

/** Hears of each event; the event's target may be a bound control. */
export function hearModel({ type, target, isComposing }: Event & { isComposing?: boolean }): void {
  const isOver = type === 'change'
  if (!isOver && !/^(input|compositionend)$/.test(type)) return
  if (!(target instanceof Element) || !own.matches(target, MODEL) || own.matches(target, THEIRS)) return
  const { type: kind, validity } = target as Control
  if (isOver) {
    if (own.matches(target, 'input:not([type=radio],[type=checkbox]),textarea') && isOn(target, 'model-trim'))
      trim(target)
  } else {
    // For checkboxes, radio buttons and selects, `change` is enough. A proposal of an input method is not chosen yet,
    // and `1e` is no number yet.
    const isLazy = isOn(target, 'model-lazy') || /^(checkbox|radio|select)/.test(kind)
    if (isLazy || isComposing || (validity as ValidityState | undefined)?.badInput) return
  }
  // Mostly an `input` has told the server the value before, and `change` only ends it.
  if (type === 'input' || told.get(target) !== JSON.stringify(varsOf(target))) tellModel(target)
}

/** The server was told the trimmed text: once the user no longer types, the control shows it. */
function trim(field: Element): void {
  const { value } = field as HTMLInputElement
  if (value !== value.trim()) (field as HTMLInputElement).value = value.trim()
}
