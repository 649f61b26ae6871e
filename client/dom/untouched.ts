/**
 * A change that scripts and commands make stays until the server changes the same attribute. For this the client has to
 * know the value that the server has said, which is no longer the attribute's value in the page.
 */

import { own } from './elements'

/**
 * The values that the server has said, by elements and attributes' names: of attributes that commands have changed, and
 * of the classes of a page that joins again.
 */
export const untouched = new WeakMap<Element, Map<string, string | null>>()

export function saidOf(element: Element, name: string): string | null {
  const said = untouched.get(element)?.get(name)
  return said === undefined ? own.getAttribute(element, name) : said
}

/**
 * The value that the attribute has to get if the server says `text` now and has said `before`. Of classes the server
 * says its own: classes that scripts have added or removed meanwhile stay so.
 */
export function renew(element: Element, name: string, before: string | null, text: string | null): string | null {
  const said = untouched.get(element)
  if (name !== 'class') {
    said?.delete(name)
    return text
  }
  said?.set(name, text)
  const now = own.getAttribute(element, name)
  if (now === before) return text
  const wordsOf = (list: string | null) => (list ?? '').split(/\s+/)
  const old = wordsOf(before)
  const next = wordsOf(text)
  // Classes that the server says again stay as they are in the page; classes that it no longer says go.
  const kept = wordsOf(now).filter((one) => !old.includes(one) || next.includes(one))
  return [...new Set([...kept, ...next.filter((one) => !old.includes(one))])].join(' ').trim() || (text && '')
}
