/**
 * How the page shows that a click or a submit is under way. All of it is taken back before the page is patched and
 * put on again after it, for what still waits, so that a patch sees only what the server rendered.
 */

import { CONTAINER, isOn } from '../dom/attributes'
import { own, real, root } from '../dom/elements'
import { focusQuietly } from './focus'
import { forms } from './forms'
import { setText } from '../dom/build'
import { INLINE, isIndicator, spelled } from '../dom/indicators'
import type { Made, Trigger } from './live_event'

/** An answer that comes sooner is not announced: what shows and is gone again at once, flickers. */
const PATIENCE_MS = 100

const waiting = new Set<Trigger>()
let undo: (() => void)[] = []

/** The element that was disabled while it had the focus: browsers take it from there. */
let focused: Element | undefined

/** Shows that the trigger waits, if the page has something that shows it. */
export function beginLoading(trigger: Trigger | undefined): void {
  if (!trigger) return
  waiting.add(trigger)
  // Later: a button that is disabled during its click sends no form, and a checkbox says of no change. What is to take no
  // second click takes none from then on; how that looks comes later.
  setTimeout(() => atRest(() => 0))
  setTimeout(() => atRest(() => (trigger.isSlow = true)), PATIENCE_MS)
}

/** The event has its answer, or will get none: nothing of it shows any more. */
export function settle({ event: { guess }, trigger }: Made, problem?: string): void {
  guess?.end(problem)
  endLoading(trigger)
}

function endLoading(trigger: Trigger | undefined): void {
  if (!trigger || !waiting.has(trigger)) return
  atRest(() => waiting.delete(trigger))
  returnFocus()
}

/** Does `work` on a page without loading states. */
export function atRest(work: () => void): void {
  for (const step of undo.reverse()) step()
  undo = []
  work()
  const done = new Set<Element>()
  for (const { element, submitter, form, isSlow } of waiting) {
    // A form cannot be disabled; the button that sent it can, and so can what is in it.
    for (const busy of submitter ? [element, submitter] : [element]) {
      if (!root.contains(busy) || done.has(busy)) continue
      done.add(busy)
      if (isSlow) showBusy(busy)
      if (isOn(element, 'disable') || isOn(busy, 'disable')) disable(busy)
    }
    if (form && [element, form].some((one) => isOn(one, 'disable'))) forms?.lockForm(form, lock)
  }
}

function showBusy(element: Element): void {
  addClass(element)
  swap(element, 'aria-busy', 'true')
  const text = own.getAttribute(element, 'l-loading-text') ?? own.getAttribute(element, 'data-l-loading-text')
  if (text !== null) swapText(element, text)
  showInside(element)
  const id = own.getAttribute(element, 'id')
  if (id) {
    root.querySelectorAll(spelled('loading', id)).forEach((remote) => {
      addClass(remote)
      if (isIndicator(remote)) show(remote)
      else showInside(remote)
    })
  }
}

function disable(element: Element): void {
  if ((element as Partial<HTMLButtonElement>).disabled === false) lock(element, 'disabled')
}

function lock(element: Element, attribute: string): void {
  if (attribute === 'disabled' && own.contains(element, own.activeElement(document))) focused = element
  swap(element, attribute, '')
}

function showInside(element: Element): void {
  const container = own.closest(element, CONTAINER)
  own.querySelectorAll(element, INLINE).forEach((indicator) => {
    if (own.closest(indicator, CONTAINER) === container) show(indicator)
  })
}

function returnFocus(): void {
  if (!focused || own.getAttribute(focused, 'disabled') !== null) return
  const active = own.activeElement(document)
  // If the user has gone on to something else, the focus stays there.
  if (root.contains(focused) && (!active || own.matches(active, 'body'))) focusQuietly(focused)
  focused = undefined
}

/** Scripts add and take away others meanwhile: those stay so. */
function addClass(element: Element): void {
  const list = own.classList(element)
  list.add('l-loading')
  undo.push(() => {
    list.remove('l-loading')
    if (!list.length) setText(element, 'class', null)
  })
}

function swap(element: Element, name: string, value: string | null): void {
  const before = own.getAttribute(element, name)
  setText(element, name, value)
  undo.push(() => setText(element, name, before))
}

function show(indicator: Element): void {
  const look = real(indicator, 'style')
  const { display } = look
  swap(indicator, 'hidden', null)
  look.display = ''
  undo.push(() => (look.display = display))
}

/** The first text says it and the others fall silent; icons and indicators beside them stay. */
function swapText(element: Element, text: string): void {
  if (element instanceof HTMLInputElement) return swap(element, 'value', text)
  const texts = new Document().createTreeWalker(element, NodeFilter.SHOW_TEXT)
  let next = text
  while (texts.nextNode()) {
    const node = texts.currentNode
    const before = node.nodeValue
    if (!before?.trim() || own.closest(node.parentElement as Element, INLINE)) continue
    node.nodeValue = next
    next = ''
    undo.push(() => (node.nodeValue = before))
  }
}
