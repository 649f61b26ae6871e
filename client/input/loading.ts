/**
 * How the page shows that a click or a submit is under way. All loading states are taken back before the page is
 * patched. After the patch, those of events that still wait are put on again. So a patch sees only the server's
 * content.
 */

import { CONTAINER, isOn } from '../dom/attributes'
import { own, real, root } from '../dom/elements'
import { focusQuietly } from './focus'
import { forms } from './forms'
import { setText } from '../dom/build'
import { INLINE, isIndicator, spelled } from '../dom/indicators'
import type { Made, Trigger } from './live_event'

/** If the answer comes sooner, no loading state is shown: it would flicker. */
const PATIENCE_MS = 100

const waiting = new Set<Trigger>()
let undo: (() => void)[] = []

/** The element that was disabled while it had the focus: browsers take the focus from a disabled element. */
let focused: Element | undefined

/** Shows that the trigger waits, if the page has something that shows it. */
export function beginLoading(trigger: Trigger | undefined): void {
  if (!trigger) return
  waiting.add(trigger)
  // In later tasks: a button that is disabled during its click sends no form, and a checkbox reports no change. An
  // element with `data-l-disable` is disabled in the next task; the looks of a loading state come after PATIENCE_MS.
  setTimeout(() => atRest(() => 0))
  setTimeout(() => atRest(() => (trigger.isSlow = true)), PATIENCE_MS)
}

/** The event has its answer, or will get none: its guess and its loading state end. */
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
    // A form cannot be disabled. Its submitting button can be, and so can its controls.
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
  // If the user has moved the focus meanwhile, it stays there.
  if (root.contains(focused) && (!active || own.matches(active, 'body'))) focusQuietly(focused)
  focused = undefined
}

/** Scripts may add and remove other classes meanwhile: these stay as they are. */
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

/** The first text of the element is replaced, and the others become empty; icons and indicators beside them stay. */
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
