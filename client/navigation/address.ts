/**
 * The page's address, and the entries of the tab's history. An entry says which page it belongs to. So the client knows
 * whether only the address changes, or the page, too.
 */

import { components, own } from '../input/core'

/** As the server's PARAMS in lib/call/reserved.ts. */
const PARAMS = 'loom.params'

/** The most entries whose scroll positions are remembered. */
const MOST_PLACES = 100

interface Entry {
  /** A number that no other entry of the tab has, also after a reload. */
  'entry': number
  /** Entries of the same page differ in their address only. */
  'page': number
  /** The entry's place among those of the tab. */
  'at': number
}

/** The client's part of `history.state`. Other libraries may have a part of it, too. */
type State = { 'loom'?: Entry } | null | undefined

type Place = readonly [x: number, y: number]

let now: Entry
/** The scroll positions of the entries that were left last. */
const places = new Map<number, Place>()

const fresh = (): number => Date.now() + Math.random()

export function begin(): void {
  now = entryOf(history.state) ?? { entry: fresh(), page: fresh(), at: 0 }
  history.replaceState({ ...(history.state as object | null), loom: now }, '')
}

/** The entry, if it is one of ours. */
export function entryOf(state: unknown): Entry | undefined {
  return (state as State)?.loom
}

/** Remembers how far the page is scrolled, before its entry is left. */
export function leave(): void {
  places.delete(now.entry)
  places.set(now.entry, [scrollX, scrollY])
  for (const [oldest] of places) if (places.size > MOST_PLACES) places.delete(oldest)
}

/** How far the page was scrolled when its entry was left. */
export function place(): Place {
  return places.get(now.entry) ?? [0, 0]
}

/** The browser is at this entry now. Returns by how many entries it has moved, and whether both are of one page. */
export function moveTo(entry: Entry): { by: number; isSame: boolean } {
  const moved = { by: entry.at - now.at, isSame: entry.page === now.page }
  now = entry
  return moved
}

/** Gives the page another address: as another page, or as the same. */
export function go(url: URL, isOther: boolean, replaces: boolean): void {
  now = {
    entry: replaces ? now.entry : fresh(),
    page: isOther ? fresh() : now.page,
    at: replaces ? now.at : now.at + 1,
  }
  history[replaces ? 'replaceState' : 'pushState']({ loom: now }, '', url)
}

/** The browser has gone to another place of the page by itself. */
export function note(): void {
  if (entryOf(history.state)) return
  now = { entry: fresh(), page: now.page, at: now.at + 1 }
  history.replaceState({ loom: now }, '')
}

/** Tells the address to the components whose modules have `params`. */
export function tellAddress(): void {
  const vars = { v: location.pathname + location.search }
  for (const [container, component] of components) {
    if (own.matches(container, '[data-l-params]'))
      component.issue({ handler: PARAMS, type: 'patch', vars }, container, undefined)
  }
}

/** Changes the address, and nothing else of the page. */
export function patch(url: URL, replaces: boolean): void {
  const isSame = url.href === location.href
  if (!replaces && !isSame) leave()
  go(url, false, replaces || isSame)
  tellAddress()
}
