/**
 * What scripts and commands do to elements stays until the server changes that very thing. For that the client has to
 * know what the server has said of an attribute, which is no longer what the element has.
 */

import { own } from './elements'

/**
 * What the server has said of attributes, by elements and names: of those that commands have changed, and of the classes of
 * a page that joins again.
 */
export const untouched = new WeakMap<Element, Map<string, string | null>>()

export function saidOf(element: Element, name: string): string | null {
  const said = untouched.get(element)?.get(name)
  return said === undefined ? own.getAttribute(element, name) : said
}

/**
 * What the attribute has to be if the server says `text` now and has said `before`. Of classes the server says its own:
 * those that others have added or removed meanwhile stay so.
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
  // What the server goes on to say stays as it is, and what the server no longer says goes.
  const kept = wordsOf(now).filter((one) => !old.includes(one) || next.includes(one))
  return [...new Set([...kept, ...next.filter((one) => !old.includes(one))])].join(' ').trim() || (text && '')
}
