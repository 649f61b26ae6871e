/**
 * Controls that are bound to a prop: `data-l-model` has the prop's name. What such a control holds goes to the server as
 * an event of the type `model`, without a handler. What the server makes of it comes back as any other change of a field.
 */

import { CONTAINER, isOn, own, THEIRS } from './core'
import { editedText, MODEL } from './edited'
import type { SpecialVars } from './live_event'
import { tell } from './told'
import { JUDGED, left } from './validity'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** What the server was told last of each, so that it is not told twice. */
const told = new WeakMap<Element, string>()

function nameOf(control: Element): string | null {
  return own.getAttribute(control, 'data-l-model')
}

/** The values of the checkboxes of this prop that are on. */
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
    // Of a custom element it may be a number.
    const text = `${value as string | number}`
    vars.v = isOn(control, 'model-trim') ? text.trim() : text
  } else if (typeof checked === 'boolean') vars.c = checked
  // Errors of a control are shown when it has been left.
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

/** Something happened at a control, perhaps. */
export function hearModel({ type, target, isComposing }: Event & { isComposing?: boolean }): void {
  const isOver = type === 'change'
  if (!isOver && !/^(input|compositionend)$/.test(type)) return
  if (!(target instanceof Element) || !own.matches(target, MODEL) || own.matches(target, THEIRS)) return
  const { type: kind, validity } = target as Control
  if (isOver) {
    if (own.matches(target, 'input:not([type=radio],[type=checkbox]),textarea') && isOn(target, 'model-trim'))
      trim(target)
  } else {
    // Clicks at these are changes, too. What an input method proposes is not chosen yet, and `1e` is no number yet.
    const isLazy = isOn(target, 'model-lazy') || /^(checkbox|radio|select)/.test(kind)
    if (isLazy || isComposing || (validity as ValidityState | undefined)?.badInput) return
  }
  // Mostly the server knows by its `input` what a `change` ends.
  if (type === 'input' || told.get(target) !== JSON.stringify(varsOf(target))) tellModel(target)
}

/** What the server has heard of is what the control shows, once nobody types in it. */
function trim(field: Element): void {
  const { value } = field as HTMLInputElement
  if (value !== value.trim()) (field as HTMLInputElement).value = value.trim()
}
