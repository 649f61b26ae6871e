/** What an event at a field or a form says beside its handler. */

import { formOf, isControl, isCustom } from './controls'
import { dataOf, heldIn, own } from './core'
import { modelVars } from './model'
import { leftIn } from './validity'
import type { Held, LiveEvent, Made, SpecialVars, Trigger } from './live_event'

/** A field that does not stand in its form is heard of as if it did. */
export function bound({ target }: Event, type: string, selector: string): Element | null | undefined {
  if (!(target instanceof Element) || !/^(input|change|reset)$/.test(type)) return
  const form = formOf(target)
  const nearest = own.closest(target, selector)
  if (form && !own.contains(form, target) && (!nearest || own.contains(nearest, form)))
    return own.closest(form, selector)
}

/** A key is held, and what comes is its repetition: a page that goes elsewhere at the first would not see it. */
let isHeld = false

export function noteKey(event: Event): void {
  const { key, detail, repeat } = event as KeyboardEvent
  if (key || detail) isHeld = repeat
}

/** To press Enter twice, or for long, is to send a form once. */
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
    // What a custom element has set as its form's value need not be its `value`.
    if (form && typeof value !== 'string')
      text = dataIn(form, then).get(own.getAttribute(control, 'name') ?? '') ?? value
    // A file's value is a made-up path.
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
  // By hand: not every browser's FormData takes the submitter.
  if (submitter?.name) fields.append(submitter.name, submitter.value)
  return fields.toString()
}
