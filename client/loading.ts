/**
 * How the page shows that a click or a submit is under way. All of it is taken back before the page is patched and
 * put on again after it, for what still waits, so that a patch sees only what the server rendered.
 */

import { CONTAINER, isOn } from './attributes'
import { focusQuietly } from './focus'
import { setText } from './build'
import { MARK } from './markup'

/** Both spellings of these attributes are in use. */
function spelled(name: string, value?: string): string {
  const test = value === undefined ? '' : `="${CSS.escape(value)}"`
  return `[l-${name}${test}],[data-l-${name}${test}]`
}

const INLINE = spelled('loading', '')

/** What made a click or submit event, and shows that it is under way. */
export interface Trigger {
  element: Element
  submitter: Element | null | undefined
  /** Of a submit. */
  form: HTMLFormElement | false | undefined
}

const waiting = new Set<Trigger>()
let undo: (() => void)[] = []

/** The element that was disabled while it had the focus: browsers take it from there. */
let focused: HTMLElement | undefined

/** Shows that it waits, where there is something to show it. */
export function beginLoading(trigger: Trigger | undefined): void {
  if (!trigger) return
  waiting.add(trigger)
  // Later: a button that is disabled during its click sends no form, and a checkbox says of no change.
  setTimeout(() => atRest(() => 0))
}

export function endLoading(trigger: Trigger | undefined): void {
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
  for (const { element, submitter } of waiting) {
    // A form cannot be disabled; the button that sent it can.
    for (const busy of submitter ? [element, submitter] : [element]) {
      if (!busy.isConnected || done.has(busy)) continue
      done.add(busy)
      showBusy(busy, isOn(element, 'disable') || isOn(busy, 'disable'))
    }
  }
}

/** Indicators are hidden until something waits. */
export function hideIndicators(root: ParentNode): void {
  root.querySelectorAll<HTMLElement>(spelled('loading')).forEach((element) => {
    if (!isIndicator(element)) return
    // To change one property of a style would drop the slot's mark from it.
    if (element.getAttribute('style')?.includes(MARK)) element.hidden = true
    else element.style.display = 'none'
  })
}

/** An element for another's loading state either is the indicator itself, or holds some. */
function isIndicator(element: Element): boolean {
  return element.matches(INLINE) || !element.querySelector(INLINE)
}

function showBusy(element: Element, disable: boolean): void {
  addClass(element)
  swap(element, 'aria-busy', 'true')
  const text = element.getAttribute('l-loading-text') ?? element.getAttribute('data-l-loading-text')
  if (text !== null) swapText(element, text)
  showInside(element)
  if (element.id) {
    document.querySelectorAll(spelled('loading', element.id)).forEach((remote) => {
      addClass(remote)
      if (isIndicator(remote)) show(remote)
      else showInside(remote)
    })
  }
  if (!disable || (element as Partial<HTMLButtonElement>).disabled !== false) return
  if (element.contains(document.activeElement)) focused = element as HTMLElement
  swap(element, 'disabled', '')
}

function showInside(element: Element): void {
  const container = element.closest(CONTAINER)
  element.querySelectorAll(INLINE).forEach((indicator) => {
    if (indicator.closest(CONTAINER) === container) show(indicator)
  })
}

function returnFocus(): void {
  if (!focused || focused.hasAttribute('disabled')) return
  const active = document.activeElement
  // Not where the user has gone on to something else.
  if (focused.isConnected && (!active || active === document.body)) focusQuietly(focused)
  focused = undefined
}

function addClass(element: Element): void {
  swap(element, 'class', `${element.getAttribute('class') ?? ''} l-loading`.trim())
}

function swap(element: Element, name: string, value: string | null): void {
  const before = element.getAttribute(name)
  setText(element, name, value)
  undo.push(() => setText(element, name, before))
}

function show(indicator: Element): void {
  const { style } = indicator as HTMLElement
  const { display } = style
  swap(indicator, 'hidden', null)
  style.display = ''
  undo.push(() => (style.display = display))
}

/** The first text says it and the others fall silent; icons and indicators beside them stay. */
function swapText(element: Element, text: string): void {
  if (element instanceof HTMLInputElement) return swap(element, 'value', text)
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  let next = text
  while (texts.nextNode()) {
    const node = texts.currentNode
    const before = node.nodeValue
    if (!before?.trim() || node.parentElement?.closest(INLINE)) continue
    node.nodeValue = next
    next = ''
    undo.push(() => (node.nodeValue = before))
  }
}
