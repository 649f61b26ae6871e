/**
 * Form fields. An attribute is what the server rendered last, a property what the user made of it. A field is set
 * only where the server's new attribute differs from its last one, and only by a render that has seen what the user
 * did to it; otherwise it keeps its text, and the attribute stays, so that a later render is compared with that.
 */

import { CONTAINER, isOn } from './attributes'
import { issuedSoFar } from './outbox'
import { defaultValues, resetSelect, restoreSelect, selectedValues, setDefaults } from './select'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

function isField(target: unknown): target is Field {
  return target instanceof Element && target.matches('input,textarea,select')
}

/** How many events the page had made when the user last changed the field. */
const changedAt = new WeakMap<Element, number>()

/** The field in which an input method is at work: to set it would end that. */
let composing: EventTarget | null = null

export function compositionStarted({ target }: Event): void {
  composing = target
}

export function compositionEnded(): void {
  composing = null
}

export function changed(target: EventTarget | null): void {
  if (!isField(target)) return
  changedAt.set(target, issuedSoFar())
  if (target.type !== 'radio') return
  // To choose one is to change all of its group.
  document.querySelectorAll<HTMLInputElement>('input[type=radio]').forEach((other) => {
    if (other.name === target.name && other.form === target.form) changedAt.set(other, issuedSoFar())
  })
}

/** Has a render that saw the page's events up to `seen` seen what the user did to the field? */
function hasSeen(field: Field, seen: number): boolean {
  return field !== composing && seen > (changedAt.get(field) ?? -1)
}

function setValue(field: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  // Even the same value would move the caret.
  if (field.value !== value) field.value = value
}

/** Elements whose content is not for the morph to touch. */
export function ownsChildren(element: Element): boolean {
  return element.matches('textarea,option')
}

/** What one patch does to the fields: decided before the attributes change, done after. */
export class FieldPatch {
  private readonly later: (() => void)[] = []

  constructor(private readonly seen: number) {}

  before(from: Element, to: Element): void {
    if (from instanceof HTMLInputElement) this.input(from, to)
    else if (from instanceof HTMLTextAreaElement) this.textarea(from, to as HTMLTextAreaElement)
    else if (from instanceof HTMLSelectElement) this.select(from, to as HTMLSelectElement)
    else if (from instanceof HTMLOptionElement && from.innerHTML !== to.innerHTML) {
      from.replaceChildren(...document.importNode(to, true).childNodes)
    }
  }

  finish(): void {
    for (const set of this.later) set()
  }

  private show(field: Field, set: () => void): void {
    this.later.push(set)
    changedAt.delete(field)
  }

  private input(from: HTMLInputElement, to: Element): void {
    const name = /^(checkbox|radio)$/.test(from.type) ? 'checked' : 'value'
    const before = from.getAttribute(name)
    const now = to.getAttribute(name)
    // For a file there is nothing to show, and in buttons and hidden fields the attribute is the value.
    if (before === now || /^(file|hidden|submit|button|reset|image)$/.test(from.type)) return
    if (hasSeen(from, this.seen)) {
      this.show(from, () => {
        if (name === 'checked') from.checked = now !== null
        else setValue(from, now ?? '')
      })
    } else if (before === null) to.removeAttribute(name)
    else to.setAttribute(name, before)
  }

  private textarea(from: HTMLTextAreaElement, to: HTMLTextAreaElement): void {
    const now = to.defaultValue
    if (from.defaultValue === now || !hasSeen(from, this.seen)) return
    this.show(from, () => {
      from.defaultValue = now
      setValue(from, now)
    })
  }

  private select(from: HTMLSelectElement, to: HTMLSelectElement): void {
    const before = defaultValues(from)
    const chosen = selectedValues(from)
    const renewed = String(before) !== String(defaultValues(to))
    const isUsers = changedAt.has(from) || String(chosen) !== String(selectedValues(to))
    if (renewed ? hasSeen(from, this.seen) : !isUsers) return this.show(from, () => resetSelect(from))
    if (renewed) setDefaults(to, before)
    this.later.push(() => restoreSelect(from, chosen))
  }
}

/** After an answered submit: what was in the form then has been taken; what was typed since stays. */
export function resetForm(form: HTMLFormElement, container: Element, seq: number): void {
  if (isOn(form, 'keep')) return
  for (const field of form.elements) {
    if (!isField(field) || isOn(field, 'keep') || field.closest(CONTAINER) !== container) continue
    if (!hasSeen(field, seq)) continue
    changedAt.delete(field)
    if (field instanceof HTMLSelectElement) resetSelect(field)
    else if (/^(checkbox|radio)$/.test(field.type)) {
      const box = field as HTMLInputElement
      box.checked = box.defaultChecked
    } else setValue(field, field.type === 'file' ? '' : field.defaultValue)
  }
}
