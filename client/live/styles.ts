/** In development a changed stylesheet takes the place of its older version, without a reload. */

import { own, root } from '../dom/elements'

/**
 * How many names at the end of the link's path (its file and folders) equal those of the file; 0 if the files' names
 * differ.
 */
function likeness(file: readonly string[], link: HTMLLinkElement): number {
  const path = new URL(link.href).pathname.split('/').map(decodeURIComponent).reverse()
  let count = 0
  while (count < file.length && path[count] === file[count]) count++
  return count
}

let count = 0
/** New links that are being loaded, by the old link that each will replace. */
const coming = new Map<HTMLLinkElement, HTMLLinkElement>()

/** `file`: the file's path on the server. The end of this path is what pages have in their links. */
export function exchangeStyles(file: string): void {
  const parts = file.split('/').reverse()
  const links = [...root.querySelectorAll('link')].filter(
    (link) => /(^|\s)stylesheet(\s|$)/i.test(link.rel) && link.href.startsWith(location.origin) && !isComing(link),
  )
  const best = Math.max(0, ...links.map((link) => likeness(parts, link)))
  // If no link names the file, another stylesheet imports it: then all links are as like, and all are loaded again.
  for (const link of links) if (likeness(parts, link) === best) exchange(link)
}

function isComing(link: HTMLLinkElement): boolean {
  return [...coming.values()].includes(link)
}

function exchange(link: HTMLLinkElement): void {
  const address = new URL(link.href)
  address.searchParams.set('loom', `${Date.now()}-${count++}`)
  // A link that belongs to a component's tree stays the same element.
  if (own.closest(link, '[data-l-live]')) {
    link.href = address.href
    return
  }
  coming.get(link)?.remove()
  const next = link.cloneNode() as HTMLLinkElement
  next.href = address.href
  coming.set(link, next)
  const end = (): void => {
    if (coming.get(link) === next) coming.delete(link)
    next.remove()
  }
  // Until the new sheet is there, the page has the old one; if the new one cannot be loaded, the page keeps the old
  // one.
  next.onerror = end
  // The link stays, since observers of links and the application know it.
  next.onload = () => {
    if (coming.get(link) !== next) return
    link.onload = link.onerror = end
    link.href = address.href
  }
  link.after(next)
}
