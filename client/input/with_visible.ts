/**
 * The file that the client loads for pages with `@visible`: elements that come into view, and lists whose rows come and
 * go at both ends while the rows that the user sees stay at their place.
 */

import type { Given } from './visible'

/** How far beyond the view counts as in view, in CSS pixels: `data-l-margin`. */
const MOST_MARGIN = 10_000

/** An element with a binding. */
interface Watched {
  attribute: string
  /** The element that scrolled it when the binding was found. */
  scroller: Element | null
  observer: IntersectionObserver
  /** The element is in view. */
  isSeen: boolean
  /** The text of the attribute when the handler was called last. */
  told: string | null
}

export function start({ own, root, bindingOf, handle, finer, names }: Given): () => void {
  const watched = new Map<Element, Watched>()
  /** By the scrolling element (`null` for the page), and by the margin. */
  const observers = new Map<Element | null, Map<number, IntersectionObserver>>()
  const changes = new MutationObserver(look)

  /** Finds the elements that have such a binding now. */
  function look(): void {
    // An element that has moved elsewhere is found again below.
    for (const [element, { scroller, observer }] of watched)
      if (!(scroller ?? root).contains(element) || !root.contains(element)) {
        observer.unobserve(element)
        watched.delete(element)
      }
    for (const attribute of names)
      for (const element of root.querySelectorAll(`[${CSS.escape(attribute)}]:not([data-l-ignore] *)`)) {
        const known = watched.get(element)
        if (known) {
          // The binding says something else now, and the element may have moved.
          if (known.isSeen && known.told !== own.getAttribute(element, attribute)) watch(element, known)
        } else watch(element, { attribute, scroller: scrollerOf(element), told: null })
      }
    for (const [scroller, byMargin] of observers)
      if (scroller && !root.contains(scroller)) {
        byMargin.forEach((observer) => observer.disconnect())
        observers.delete(scroller)
      }
  }

  /** Has an observer watch the element, or watch it again. */
  function watch(element: Element, one: Pick<Watched, 'attribute' | 'scroller' | 'told'>): void {
    watched.get(element)?.observer.unobserve(element)
    const observer = observerOf(element, one.scroller)
    watched.set(element, { ...one, observer, isSeen: false })
    observer.observe(element)
  }

  function observerOf(element: Element, scroller: Element | null): IntersectionObserver {
    const given = Number(own.getAttribute(element, 'data-l-margin'))
    const margin = given > 0 ? Math.min(Math.round(given), MOST_MARGIN) : 0
    const byMargin = observers.get(scroller) ?? new Map<number, IntersectionObserver>()
    observers.set(scroller, byMargin)
    let observer = byMargin.get(margin)
    if (!observer) {
      observer = new IntersectionObserver(seen, { root: scroller, rootMargin: `${margin}px` })
      byMargin.set(margin, observer)
    }
    return observer
  }

  function seen(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const known = watched.get(target)
      if (!known) continue
      const scroller = isIntersecting ? scrollerOf(target) : known.scroller
      if (scroller !== known.scroller) {
        // As on a narrow screen, if there the page scrolls. An element that does not scroll any more has all rows in
        // view.
        watch(target, { ...known, scroller })
        continue
      }
      known.isSeen = isIntersecting
      if (isIntersecting) tell(target, known)
    }
  }

  /** Calls the handler: the element has come into view, or is still in view and its binding is another one. */
  function tell(element: Element, known: Watched): void {
    const { attribute } = known
    known.told = own.getAttribute(element, attribute)
    const event = { type: 'visible', target: element, preventDefault: () => undefined } as unknown as Event
    const binding = bindingOf(event, element, 'visible', attribute)
    if (binding) handle(event, binding)
  }

  /** A "visible" event was too old, or of a state that is gone: elements that are still in view are watched again. */
  function lost(told: Event): void {
    const { target, detail } = told as CustomEvent<{ 'reason': string; 'events': { 'event': string }[] }>
    if (!/expired|reset/.test(detail['reason']) || !detail['events'].some((one) => one['event'] === 'visible')) return
    for (const [element, known] of watched)
      if (known.isSeen && (target as Element).contains(element)) watch(element, known)
  }

  /** The element that scrolls this one; `null` if the page does. */
  function scrollerOf(element: Element): Element | null {
    for (let at = own.parentElement(element); at && at !== root; at = own.parentElement(at)) {
      if (at === own.body(document)) break
      const { overflowY, overflowX } = getComputedStyle(at)
      if (/auto|scroll/.test(overflowY + overflowX)) return at
    }
    return null
  }

  /** Remembers the places of the rows that the user sees, and returns a function that puts them there again. */
  function keepPlace(): () => void {
    const kept = [...root.querySelectorAll('[data-l-anchor]:not([data-l-anchor=false],[data-l-ignore] *)')].flatMap(
      (list) => {
        const scroller = scrollerOf(list.firstElementChild ?? list) ?? document.scrollingElement ?? root
        const isPage = scroller === document.scrollingElement
        const { top, bottom } = isPage ? { top: 0, bottom: innerHeight } : scroller.getBoundingClientRect()
        const rows = [...list.children]
          .filter((row) => !row.matches('[data-l-anchor=false]'))
          .map((row) => ({ row, box: row.getBoundingClientRect() }))
          .filter(({ box }) => box.height > 0)
        const away = (box: DOMRect) => Math.max(top - box.bottom, box.top - bottom, 0)
        // Rows in view come first, from above; then those nearest to the view.
        rows.sort((a, b) => away(a.box) - away(b.box) || a.box.top - b.box.top)
        // Rows further down move nothing that the user sees.
        if (!rows.some(({ box }) => box.top < bottom)) return []
        // Changes before the list are not the list's: if the user sees the list's beginning, the list may move. So may
        // the element that scrolls it.
        const isBeginningSeen = scroller === list || list.getBoundingClientRect().top >= top
        const base = isBeginningSeen ? list : isPage ? null : scroller
        const topOf = () => base?.getBoundingClientRect().top ?? 0
        return { scroller: scroller as HTMLElement, rows, topOf, before: topOf() }
      },
    )
    // Browsers with scroll anchoring would move the rows once more.
    const anchors = kept.map(({ scroller: { style } }) => style.overflowAnchor)
    for (const { scroller } of kept) scroller.style.overflowAnchor = 'none'
    return () => {
      kept.forEach(({ scroller, rows, topOf, before }, at) => {
        const stays = rows.find(({ row }) => root.contains(row))
        if (stays) {
          const by = stays.row.getBoundingClientRect().top - stays.box.top - topOf() + before
          if (Math.abs(by) >= 1) scroller.scrollBy({ top: by, behavior: 'instant' })
        }
        scroller.style.overflowAnchor = anchors[at] ?? ''
        if (!scroller.getAttribute('style')) scroller.removeAttribute('style')
      })
    }
  }

  function begin(): void {
    changes.disconnect()
    changes.observe(document, { subtree: true, childList: true, attributeFilter: [...names] })
    look()
  }

  finer.keepPlace = keepPlace
  own.addEventListener(document, 'loom:lost', lost)
  begin()
  return begin
}
