/** The attributes that several parts of the client read. */

import { own } from './elements'

/** Elements inside one with `data-l-ignore` are not the component's: they name no handlers, and are no components. */
export const THEIRS = '[data-l-ignore] *'
export const OURS = `:not(${THEIRS})`

export const CONTAINER = `[data-l-live]${OURS}`

/** The content of such elements is not the component's. */
export const OTHERS = `${CONTAINER},[data-l-ignore]`

export function attributesOf(element: Element): Attr[] {
  return [...own.attributes(element)]
}

/** `data-l-NAME`, with any value but "false". */
export function isOn(element: Element, name: string): boolean {
  const value = own.getAttribute(element, `data-l-${name}`)
  return value !== null && value !== 'false'
}
