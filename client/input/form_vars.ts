/** The values that an event at a field or a form sends in addition to its handler. */

import { formOf, isControl, isCustom } from './controls'
import { dataOf, heldIn, own } from './core'
import { modelVars } from './model'
import { leftIn } from './validity'
import type { Held, LiveEvent, Made, SpecialVars, Trigger } from './live_event'

/** The binding of a field that stands outside of its form is found as if the field stood inside. */
export function bound({ target }: Event, type: string, selector: string): Element | null | undefined {
  if (!(target instanceof Element) || !/^(input|change|reset)$/.test(type)) return
  const form = formOf(target)
  const nearest = own.closest(target, selector)
  if (form && !own.contains(form, target) && (!nearest || own.contains(nearest, form)))
    return own.closest(form, selector)
}

/** A key is held and repeats. A page that a first submit sends elsewhere would not see the repetition. */
let isHeld = false

export function noteKey(event: Event): void {
  const { key, detail, repeat } = event as KeyboardEvent
  if (key || detail) isHeld = repeat
}

/** If Enter is pressed twice, or held, the form is sent once. */
export function isRepeated(event: LiveEvent, trigger: Trigger | undefined, before: Made[]): boolean {
  const form = trigger?.form
  if (!form) return false
  const last = before.filter((item) => item.trigger?.form === form).pop()
  return isHeld || (!!last && JSON.stringify(last.event) === JSON.stringify(event))
}

/** `bound` is the element with the binding, which may be around the field that the event happened at. */
export function formVars(event: Event, bound: Element, then?: Held | false): SpecialVars {
  const { type, target } = event
  if (type === 'submit' && target instanceof HTMLFormElement) {
    return { v: formText(target, then, (event as SubmitEvent).submitter as HTMLButtonElement | null) }
  }
  if (type === 'model') return modelVars(bound)
  const vars: SpecialVars = { v: own.getAttribute(bound, 'data-l-value') ?? undefined, k: (event as KeyboardEvent).key }
  const control = [target, bound].find(isControl)
  const form = target instanceof HTMLFormElement ? target : control && formOf(control)
  if (control) {
    const { type: kind } = control
    const { value, checked, chosen } = (control === target && then) || heldIn(control)
    let text = value
    // The form value that a custom element has set need not be its `value`.
    if (form && typeof value !== 'string')
      text = dataIn(form, then).get(own.getAttribute(control, 'name') ?? '') ?? value
    // The value of a file input is an invented path.
    if (kind !== 'file' && /^[sn]/.test(typeof text))
      vars[vars.v === undefined ? 'v' : 't'] = `${text as string | number}`
    if (/^(checkbox|radio)$/.test(kind) || (isCustom(control) && typeof checked === 'boolean')) vars.c = checked
    if ('options' in control && control.multiple) vars.m = chosen.map((option) => option.value)
  }
  if (/^(input|change|reset)$/.test(type) && form) {
    vars.f = formText(form, then)
    vars.l = leftIn(form)
  }
  return vars
}

function dataIn(form: HTMLFormElement, then: Held | false | undefined): FormData {
  return (then && then.data) || dataOf(form)
}

function formText(form: HTMLFormElement, then: Held | false | undefined, submitter?: HTMLButtonElement | null): string {
  const fields = new URLSearchParams()
  dataIn(form, then).forEach((value, name) => {
    if (typeof value === 'string') fields.append(name, value)
  })
  // Added by hand: not every browser's FormData takes the submitter.
  if (submitter?.name) fields.append(submitter.name, submitter.value)
  return fields.toString()
}
