/** What an element of the page may be, and still be the server's. */

import { CONTAINER } from './attributes'

/** Elements that are what they are as a whole. */
export const WHOLE = 'noscript,template,iframe,script,style'

/** There is nothing in it, or it is not the template's to look at. */
export function isClosed(element: Element): boolean {
  return !element.firstChild || element.matches(`${CONTAINER},[data-l-ignore],textarea,title,${WHOLE}`)
}

/**
 * Looks, addresses (which proxies rewrite), and what the user opens and closes do not count; nor does a nonce, which
 * browsers hide.
 */
export function agrees(page: Element, name: string, value: string): boolean {
  if (name === 'class') return value.split(/\s+/).every((one) => !one || page.classList.contains(one))
  return /^(style|open|nonce|href|src)$/.test(name) || page.getAttribute(name) === value
}

/** Extensions and scripts have put it there. */
export function isForeign(element: Element): boolean {
  return element.localName.includes('-') || element.matches('[data-l-ignore],script,style,link')
}
