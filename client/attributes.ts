/** The attributes that several parts of the client read. */

import { own } from './dom'

/** What is in an element with `data-l-ignore` is not the component's: it names no handlers, and is no component. */
export const THEIRS = '[data-l-ignore] *'
export const OURS = `:not(${THEIRS})`

export const CONTAINER = `[data-l-live]${OURS}`

const DEFAULT_DEBOUNCE_MS = 150

export function attributesOf(element: Element): Attr[] {
  return [...own.attributes(element)]
}

/** `data-l-NAME`, with any value but "false". */
export function isOn(element: Element, name: string): boolean {
  const value = own.getAttribute(element, `data-l-${name}`)
  return value !== null && value !== 'false'
}

/** How long the element's events of this type wait for a pause; undefined where they do not. */
export function debounceOf(element: Element, type: string): number | undefined {
  const value = own.getAttribute(element, 'data-l-debounce')
  // These three say that something is over: there is nothing to wait for.
  if (value === null || /^(submit|focus|blur)$/.test(type)) return undefined
  const ms = parseInt(value)
  return ms >= 0 ? ms : DEFAULT_DEBOUNCE_MS
}
