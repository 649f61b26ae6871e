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

/** `file`: where the server has it, which says at its end what pages call it. */
export function exchangeStyles(file: string): void {
  const parts = file.split('/').reverse()
  const links = [...root.querySelectorAll('link')].filter(
    (link) => /(^|\s)stylesheet(\s|$)/i.test(link.rel) && link.href.startsWith(location.origin),
  )
  const best = Math.max(0, ...links.map((link) => likeness(parts, link)))
  // What no link names is imported by another one.
  for (const link of links) if (likeness(parts, link) === best) exchange(link)
}

function exchange(link: HTMLLinkElement): void {
  const address = new URL(link.href)
  address.searchParams.set('loom', `${Date.now()}-${count++}`)
  // What belongs to a component's tree stays the same element.
  if (own.closest(link, '[data-l-live]')) {
    link.href = address.href
    return
  }
  const next = link.cloneNode() as HTMLLinkElement
  next.href = address.href
  // Until the new one is there, the page is shown with the old one.
  next.onload = next.onerror = () => link.remove()
  link.after(next)
}
