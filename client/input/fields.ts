/**
 * Form fields. An attribute has the value that the server rendered last; the property has the one that the user sees
 * and changes. The property follows the attribute only if the server sets its slot, and only after the server has seen
 * all that the user did to the field. Until then the field keeps its text.
 */

import { CONTAINER, hide, isOn, issuedSoFar, own, root, setText, textIn } from './core'
import { hadFocus } from './caret'
import { settleDirt, settleForm } from './dirty'
import { editedText, MODEL } from './edited'
import { forgetLeft, JUDGED, showValidity } from './validity'
import { choicesOf, resetSelect, restoreSelect, type Choices } from './select'
import type { Fields } from '../dom/field_hooks'
import type { Outline, Part } from '../dom/template'
import type { Tree } from '../dom/tree'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

function isField(target: unknown): target is Field {
  return target instanceof Element && own.matches(target, 'input,textarea,select')
}

function isRadio(target: Element): target is HTMLInputElement {
  return (target as HTMLInputElement).type === 'radio'
}

/** How many events the page had made when the user last changed the field, or the edited element. */
const changedAt = new WeakMap<Element, number>()

/** The server's text when the user began to edit the element; undefined before the server has said any. */
const edited = new WeakMap<Element, string | undefined>()

/** A text of the server that it said before it had seen the user's later changes of this element. */
const saidBefore = new WeakMap<Element, string>()

/** The field in which an input method is at work: to set the field would interrupt the user. */
let composing: EventTarget | null = null

/** The radio buttons that were chosen before the patch: while names change one by one, groups can mix for a moment. */
let chosenRadios: HTMLInputElement[] | undefined
/** The radio buttons that the patch has made, and that are chosen in the server's tree. */
const newRadios: HTMLInputElement[] = []

/** The tree and the item that an editable element shows. */
const editables = new WeakMap<EventTarget, [tree: Tree, item: Outline]>()

export function noteEditable(element: EventTarget, tree: Tree, item: Outline): void {
  editables.set(element, [tree, item])
}

export function compose(target: EventTarget | null): void {
  composing = target
}

export function changed(target: EventTarget | null): void {
  if (!(target instanceof Element)) return
  if (own.matches(target, '[contenteditable]') && !edited.has(target)) {
    const [tree, item] = editables.get(target) ?? []
    edited.set(target, item && textIn(item, tree as Tree))
    if (item) hide(target, tree as Tree, item, target)
  }
  changedAt.set(target, issuedSoFar())
  if (!isRadio(target)) return
  // To choose one radio button changes all of its group.
  root.querySelectorAll<HTMLInputElement>('input[type=radio]').forEach((other) => {
    if (other.name === target.name && other.form === target.form) changedAt.set(other, issuedSoFar())
  })
}

/** Has the user changed the field since the server rendered it, as far as the client has heard? */
export function isChanged(field: Element): boolean {
  return changedAt.has(field)
}

/** The field is as the server rendered it. True if the user had changed it. */
export function forget(field: Element): boolean {
  return changedAt.delete(field)
}

/** Does a render that includes the page's events up to `seen` also include the user's last change of the field? */
function hasSeen(field: Element, seen: number): boolean {
  return field !== composing && seen > (changedAt.get(field) ?? -1)
}

function keepRadios(): void {
  chosenRadios ??= [...root.querySelectorAll<HTMLInputElement>('input[type=radio]:checked')]
}

export function isMore(element: Element, parts: Part[]): boolean {
  return own.matches(element, 'input,select') || parts.some(({ name }) => name === 'contenteditable')
}

/** The field has been made, and has all its attributes: its value depends on the others. */
export function settle(field: Element, tree: Tree, item: Outline): void {
  noteEditable(field, tree, item)
  if (!isField(field)) return
  const value = own.getAttribute(field, 'value')
  if (value !== null) setText(field, 'value', value)
  resetField(field)
  showValidity(field)
  if (!isRadio(field)) return
  keepRadios()
  if (field.defaultChecked) newRadios.push(field)
}

/** What a component's patches do to its fields. */
export function createFields(): Fields {
  /**
   * The fields that will show the server's value once the server has seen what the user did to them; with the number of
   * the last event that the server had seen when it rendered this value.
   */
  const pending = new Map<Field, number>()
  /** The selects whose options this patch changes: what was chosen, and what the server had marked. */
  const touched = new Map<HTMLSelectElement, Choices>()
  /** The fields whose validity has changed in this patch. */
  const judged = new Set<Field>()
  let seen = 0
  let isBehind = false

  function touch(node: Node): void {
    const element = node instanceof Element ? node : node.parentElement
    const select = element && (own.closest(element, 'select') as HTMLSelectElement | null)
    if (select && !touched.has(select)) touched.set(select, choicesOf(select))
  }

  return {
    begin(number) {
      seen = number
      // These are left over from a patch that could not be finished.
      chosenRadios = undefined
      newRadios.length = 0
      touched.clear()
    },
    set(element, name, text) {
      if (element instanceof HTMLOptionElement) touch(element)
      if (!isField(element)) return setText(element, name, text)
      if (name === 'data-l-validity') judged.add(element)
      if (isRadio(element) && /^(name|form|type|checked)$/.test(name)) keepRadios()
      const isShown = /^(type|min|max|step|multiple|size)$/.test(name) && showsDefault(element)
      if (element instanceof HTMLSelectElement) touch(element)
      setText(element, name, text)
      if (seen >= 0 && (isShown || name === propertyOf(element))) pending.set(element, seen)
    },
    touch,
    keeps(element, tree, item) {
      if (!edited.has(element)) return false
      const text = textIn(item, tree)
      if (own.matches(element, MODEL) && editedText(element) === text) {
        // The server sends back the text that the user typed: the element stays as it is, with its lines and its caret.
        edited.set(element, text)
        return true
      }
      const isNew = text !== (edited.get(element) ?? text)
      if (isNew && !hasSeen(element, seen)) {
        isBehind = true
        saidBefore.set(element, text)
      } else if (isNew) {
        // As for fields below: the server has refused the user's text.
        if (!own.matches(element, MODEL) || saidBefore.get(element) !== text) return !edited.delete(element)
        edited.set(element, text)
      }
      if (edited.get(element) === undefined) edited.set(element, text)
      return true
    },
    waits: () => pending.size > 0 || isBehind,
    isBehind() {
      const was = isBehind
      isBehind = false
      return was
    },
    finish() {
      const choose = (radio: HTMLInputElement) => (radio.checked ||= true)
      for (const [select, choices] of touched) if (restoreSelect(select, choices)) pending.set(select, seen)
      chosenRadios?.forEach(choose)
      for (const radio of newRadios) pending.set(radio, seen)
      for (const [field, renderedAt] of pending) {
        const { defaultValue } = field as HTMLInputElement
        const isText = own.matches(field, `${MODEL}:not(select,[type=checkbox],[type=radio])`)
        // The user is still typing: a text that is no number yet may become one, and an empty number field equals 0 for
        // a handler that reads a number.
        const isTyped =
          hadFocus(field) &&
          (field.validity.badInput ||
            // If the space behind a word were taken away, the next word would be joined to it.
            (isText && field.value.trim() === defaultValue) ||
            (field.type === 'number' && !field.value && !+defaultValue))
        if (root.contains(field) && (isTyped || !hasSeen(field, seen))) continue
        pending.delete(field)
        // If the server refuses a value, it says what is wrong with the value, and does not set the field. A value that
        // the server rendered before it had seen the refused one does not replace the refused one.
        if (own.matches(field, `${MODEL},${JUDGED}`) && !hasSeen(field, renderedAt)) continue
        changedAt.delete(field)
        resetField(field)
      }
      judged.forEach(showValidity)
      judged.clear()
      chosenRadios?.filter((radio) => !hasSeen(radio, seen)).forEach(choose)
    },
  }
}

/**
 * The name of the attribute, and of the property, that the field shows until the user changes it. Empty if there is
 * none, or if the field's text is shown instead.
 */
function propertyOf({ type }: Field): string {
  if (/^(checkbox|radio)$/.test(type)) return 'checked'
  // A file shows no attribute; in buttons and hidden fields the attribute is the value; a select has no value
  // attribute.
  return /^(file|hidden|submit|button|reset|image|textarea|select)/.test(type) ? '' : 'value'
}

/** After an answered submit: the values that the form had then have been taken; what was typed since stays. */
export function resetForm(form: HTMLFormElement, container: Element, seq: number): void {
  forgetLeft(form)
  for (const field of own.elements(form)) {
    if (!hasSeen(field, seq)) continue
    const isKept = [form, field].some((one) => isOn(one, 'keep')) || own.closest(field, CONTAINER) !== container
    if (isField(field) && !isKept) {
      changedAt.delete(field)
      resetField(field)
    }
    settleDirt(field, isKept)
  }
  settleForm(form)
}

/** Shows the value that the server rendered. */
export function resetField(field: Field): void {
  if ('options' in field) resetSelect(field)
  else if (propertyOf(field) === 'checked')
    (field as HTMLInputElement).checked = (field as HTMLInputElement).defaultChecked
  else {
    const value = field.type === 'file' ? '' : field.defaultValue
    // To set even the same value moves the caret. And to set 10 would take away the end of a 10.0 that is being typed.
    if (field.validity.badInput || !means(field, value)) field.value = value
  }
}

/** Would the field show the same value if it were given this text? */
function means(field: HTMLInputElement | HTMLTextAreaElement, text: string): boolean {
  if (field.value === text) return true
  const other = field.cloneNode() as HTMLInputElement
  other.value = text
  // For two texts that are no numbers the difference is NaN, which is not 0.
  return other.value === field.value || other.valueAsNumber - (field as HTMLInputElement).valueAsNumber === 0
}

/** Does the field show the same as if the user had changed nothing? */
export function showsDefault(field: Field): boolean {
  if (!('options' in field)) return propertyOf(field) === 'value' && means(field, field.defaultValue)
  const other = field.cloneNode(true) as HTMLSelectElement
  resetSelect(other)
  const places = ({ options }: HTMLSelectElement) => String(Array.from(options, ({ selected }) => selected))
  return places(other) === places(field)
}
