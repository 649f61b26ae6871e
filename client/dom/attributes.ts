/** The attributes that several parts of the client read. */

import { own } from './elements'

/** What is in an element with `data-l-ignore` is not the component's: it names no handlers, and is no component. */
export const THEIRS = '[data-l-ignore] *'
export const OURS = `:not(${THEIRS})`

export const CONTAINER = `[data-l-live]${OURS}`

/** What is in such elements is not the component's. */
export const OTHERS = `${CONTAINER},[data-l-ignore]`

export function attributesOf(element: Element): Attr[] {
  return [...own.attributes(element)]
}

/** `data-l-NAME`, with any value but "false". */
export function isOn(element: Element, name: string): boolean {
  const value = own.getAttribute(element, `data-l-${name}`)
  return value !== null && value !== 'false'
}
