/** In development a stylesheet that has changed takes the place of what it was, without a reload. */

import { own, root } from '../dom/elements'

/** How many folders of the link's path are also at the end of the file's. The names have to be the same. */
function likeness(file: readonly string[], link: HTMLLinkElement): number {
  const path = new URL(link.href).pathname.split('/').map(decodeURIComponent).reverse()
  let count = 0
  while (count < file.length && path[count] === file[count]) count++
  return count
}

let count = 0
/** Those that are on their way, by the link that waits for them. */
const coming = new Map<HTMLLinkElement, HTMLLinkElement>()

/** `file`: where the server has it, which says at its end what pages call it. */
export function exchangeStyles(file: string): void {
  const parts = file.split('/').reverse()
  const links = [...root.querySelectorAll('link')].filter(
    (link) => /(^|\s)stylesheet(\s|$)/i.test(link.rel) && link.href.startsWith(location.origin) && !isComing(link),
  )
  const best = Math.max(0, ...links.map((link) => likeness(parts, link)))
  // What no link names is imported by another one.
  for (const link of links) if (likeness(parts, link) === best) exchange(link)
}

function isComing(link: HTMLLinkElement): boolean {
  return [...coming.values()].includes(link)
}

function exchange(link: HTMLLinkElement): void {
  const address = new URL(link.href)
  address.searchParams.set('loom', `${Date.now()}-${count++}`)
  // What belongs to a component's tree stays the same element.
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
  // Until the new one is there, the page is shown with the old one; if it does not come, it goes on with that.
  next.onerror = end
  // The link stays: it is known to what follows links, and to the application.
  next.onload = () => {
    if (coming.get(link) !== next) return
    link.onload = link.onerror = end
    link.href = address.href
  }
  link.after(next)
}
