/**
 * Form fields. An attribute is what the server rendered last, a property what the user made of it. The property
 * follows the attribute only when the server sets its slot, and only once the server has seen what the user did to
 * the field; until then the field keeps its text.
 */

import { CONTAINER, isOn } from './attributes'
import { setText } from './build'
import { issuedSoFar } from './outbox'
import { defaultValues, resetSelect, restoreSelect, selectedValues } from './select'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

function isField(target: unknown): target is Field {
  return !!(target as Partial<Element> | null)?.matches?.('input,textarea,select')
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

/** Has the user changed the field since the server rendered it, as far as the page has heard? */
export function isChanged(field: Element): boolean {
  return changedAt.has(field)
}

/** The field is as the server rendered it. True if the user had changed it. */
export function forget(field: Element): boolean {
  return changedAt.delete(field)
}

/** Has a render that saw the page's events up to `seen` seen what the user did to the field? */
function hasSeen(field: Field, seen: number): boolean {
  return field !== composing && seen > (changedAt.get(field) ?? -1)
}

export interface Fields {
  /** Sets an attribute; without a name, the text of a textarea or a title. Null takes the attribute away. */
  set(element: Element, name: string, text: string | null): void
  /** Something in the element is about to come, go or change. */
  touch(node: Node): void
  /** Is anything to be done when the server has seen more? */
  waits(): boolean
  /** At the end of a patch. `seen`: the number of the last of the page's events that the server had seen. */
  finish(seen: number): void
}

/** What a component's patches do to its fields. */
export function createFields(): Fields {
  /** Those that will show what the server rendered, once it has seen what the user did to them. */
  const pending = new Set<Field>()
  /** The selects whose options this patch changes: what was chosen, and what the server had marked. */
  const touched = new Map<HTMLSelectElement, [chosen: string[], marked: string[]]>()

  function touch(node: Node): void {
    const select = (node instanceof Element ? node : node.parentElement)?.closest('select')
    if (select && !touched.has(select)) touched.set(select, [selectedValues(select), defaultValues(select)])
  }

  return {
    set(element, name, text) {
      if (name === 'selected') touch(element)
      // Taking the attribute off a modal dialog would leave the page inert behind it.
      if (name === 'open' && text === null && element instanceof HTMLDialogElement) element.close()
      setText(element, name, text)
      if (isField(element) && name === propertyOf(element)) pending.add(element)
    },
    touch,
    waits: () => pending.size > 0,
    finish(seen) {
      for (const [select, [chosen, marked]] of touched) {
        restoreSelect(select, chosen)
        if (String(marked) !== String(defaultValues(select))) pending.add(select)
      }
      touched.clear()
      for (const field of pending) {
        if (field.isConnected && !hasSeen(field, seen)) continue
        pending.delete(field)
        changedAt.delete(field)
        resetField(field)
      }
    },
  }
}

/**
 * The property that shows the attribute of the same name, or without a name the text, until the user changes the
 * field.
 */
function propertyOf({ type }: Field): string {
  if (/^(checkbox|radio)$/.test(type)) return 'checked'
  // For a file there is nothing to show, in buttons and hidden fields the attribute is the value, and a select has none.
  return /^(file|hidden|submit|button|reset|image|textarea|select)/.test(type) ? '' : 'value'
}

/** After an answered submit: what was in the form then has been taken; what was typed since stays. */
export function resetForm(form: HTMLFormElement, container: Element, seq: number): void {
  if (isOn(form, 'keep')) return
  for (const field of form.elements) {
    if (!isField(field) || isOn(field, 'keep') || field.closest(CONTAINER) !== container) continue
    if (!hasSeen(field, seq)) continue
    changedAt.delete(field)
    resetField(field)
  }
}

/** Shows what the server rendered. */
export function resetField(field: Field): void {
  if ('options' in field) resetSelect(field)
  else if (propertyOf(field) === 'checked')
    (field as HTMLInputElement).checked = (field as HTMLInputElement).defaultChecked
  else {
    const value = field.type === 'file' ? '' : field.defaultValue
    // Even the same value would move the caret.
    if (field.value !== value) field.value = value
  }
}
