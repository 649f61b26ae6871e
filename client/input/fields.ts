/**
 * Form fields. An attribute is what the server rendered last, a property what the user made of it. The property
 * follows the attribute only when the server sets its slot, and only once the server has seen what the user did to
 * the field; until then the field keeps its text.
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

/** How many events the page had made when the user last changed the field, or what is edited. */
const changedAt = new WeakMap<Element, number>()

/** What the server said when the user began to edit it; undefined before it has said anything. */
const edited = new WeakMap<Element, string | undefined>()

/** What the server said of an edited text before it had seen what the user has made of it since. */
const saidBefore = new WeakMap<Element, string>()

/** The field in which an input method is at work: to set it would end that. */
let composing: EventTarget | null = null

/** The radio buttons that were chosen before the patch: names that change one by one let groups meet. */
let chosenRadios: HTMLInputElement[] | undefined
/** The radio buttons that the patch has made, and that the server has chosen. */
const newRadios: HTMLInputElement[] = []

/** What is in elements that users edit. */
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
  // To choose one is to change all of its group.
  root.querySelectorAll<HTMLInputElement>('input[type=radio]').forEach((other) => {
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
function hasSeen(field: Element, seen: number): boolean {
  return field !== composing && seen > (changedAt.get(field) ?? -1)
}

function keepRadios(): void {
  chosenRadios ??= [...root.querySelectorAll<HTMLInputElement>('input[type=radio]:checked')]
}

export function isMore(element: Element, parts: Part[]): boolean {
  return own.matches(element, 'input,select') || parts.some(({ name }) => name === 'contenteditable')
}

/** It has been made, and has all its attributes: what a field makes of its value depends on the others. */
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
   * Those that will show what the server rendered, once it has seen what the user did to them: with the number of the
   * last event that it had seen when it rendered that.
   */
  const pending = new Map<Field, number>()
  /** The selects whose options this patch changes: what was chosen, and what the server had marked. */
  const touched = new Map<HTMLSelectElement, Choices>()
  /** Those of which the server says something else than before. */
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
      // Of a patch that could not be finished.
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
        // What was sent has come back: it stays as it is, with its lines and its caret.
        edited.set(element, text)
        return true
      }
      const isNew = text !== (edited.get(element) ?? text)
      if (isNew && !hasSeen(element, seen)) {
        isBehind = true
        saidBefore.set(element, text)
      } else if (isNew) {
        // As of fields below: what was made of it since is refused.
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
        // What cannot be read is on its way to something that can; and nothing is 0 to who reads it as a number.
        const isTyped =
          hadFocus(field) &&
          (field.validity.badInput ||
            // To take away the space behind a word is to join the next word to it.
            (isText && field.value.trim() === defaultValue) ||
            (field.type === 'number' && !field.value && !+defaultValue))
        if (root.contains(field) && (isTyped || !hasSeen(field, seen))) continue
        pending.delete(field)
        // The server may refuse a value. Then it says what is wrong with it, and nothing of the field: what it rendered
        // before it had seen that value does not take the place of that.
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

/** Shows what the server rendered. */
export function resetField(field: Field): void {
  if ('options' in field) resetSelect(field)
  else if (propertyOf(field) === 'checked')
    (field as HTMLInputElement).checked = (field as HTMLInputElement).defaultChecked
  else {
    const value = field.type === 'file' ? '' : field.defaultValue
    // Even the same value would move the caret, and 10 would take away what comes behind the 10.0 that is being typed.
    if (field.validity.badInput || !means(field, value)) field.value = value
  }
}

/** Is what the field shows what it would make of this text? */
function means(field: HTMLInputElement | HTMLTextAreaElement, text: string): boolean {
  if (field.value === text) return true
  const other = field.cloneNode() as HTMLInputElement
  other.value = text
  // Two texts that are no numbers have no difference.
  return other.value === field.value || other.valueAsNumber - (field as HTMLInputElement).valueAsNumber === 0
}

/** Would it show the same if the user had not been there? */
export function showsDefault(field: Field): boolean {
  if (!('options' in field)) return propertyOf(field) === 'value' && means(field, field.defaultValue)
  const other = field.cloneNode(true) as HTMLSelectElement
  resetSelect(other)
  const places = ({ options }: HTMLSelectElement) => String(Array.from(options, ({ selected }) => selected))
  return places(other) === places(field)
}
