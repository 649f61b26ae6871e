/**
 * The file that the client loads for pages whose links are followed without a full load, or whose address alone
 * changes.
 */

import { own, take, THEIRS, type Core } from '../input/core'
import { begin as beginAddress, entryOf, leave, moveTo, note, patch, place, tellAddress } from './address'
import { prefetch } from './fetch'
import { begin as beginProgress } from './progress'
import { begin as beginSwap, isReplaced } from './swap'
import { asks, begin as beginVisits, mayLeave, visit, type Way } from './visit'

/** The server's pushes; their names are those of PATCH and TITLE in lib/call/reserved.ts. */
interface Pushes {
  'loom.patch': { 'url': string; 'replace': boolean }
  'loom.title': string
}

type Pushed = { [Name in keyof Pushes]: { 'name': Name; 'data': Pushes[Name] } }[keyof Pushes]

/** A user who rests so long on a link is about to click it. */
const INTENT_MS = 65

let intent: ReturnType<typeof setTimeout> | undefined
/** Set while the browser goes back to the entry of a page that is not left yet: the work to do at that entry. */
let atHome: (() => void) | undefined

export function start(core: Core): void {
  take(core)
  beginAddress()
  beginSwap()
  beginProgress()
  beginVisits()
  // If a document is loaded anew, the browser scrolls it.
  const restore = (by: ScrollRestoration) => () => (history.scrollRestoration = by)
  restore('manual')()
  addEventListener('pagehide', restore('auto'))
  addEventListener('pageshow', restore('manual'))
  listen('click', clicked)
  listen('submit', submitted)
  listen('pointerover', meant)
  listen('focusin', meant)
  listen('touchstart', meant)
  addEventListener('popstate', moved)
  addEventListener('hashchange', note)
  listen('loom:push', ({ detail }: CustomEvent<Pushed>) => {
    pushed(detail)
  })
}

function listen(type: string, listener: (event: never) => void): void {
  own.addEventListener(document, type, listener as (event: Event) => void, { passive: type === 'touchstart' })
}

/**
 * Whether the attribute counts for the element: it can stand around the element, as at a menu, and be "false" at one
 * link.
 */
function isOn(element: Element, name: string): boolean {
  const around = own.closest(element, `[${name}]`)
  return !!around && own.getAttribute(around, name) !== 'false'
}

/** The visit that a link or form asks for; undefined if the browser is to do it. */
interface Wish {
  element: Element
  url: URL
  isPatch: boolean
}

function wishOf(element: Element, address: string, target: string | null): Wish | undefined {
  const isPatch = isOn(element, 'data-l-patch')
  if (!isPatch && !isOn(element, 'data-l-nav')) return undefined
  const url = new URL(address, document.baseURI)
  if (url.origin !== location.origin || (target && target !== '_self') || own.matches(element, THEIRS)) return undefined
  return { element, url, isPatch }
}

function linkOf({ target }: Event): Wish | undefined {
  const link = target instanceof Element ? own.closest(target, 'a[href]:not([download])') : null
  return link ? wishOf(link, (link as HTMLAnchorElement).href, own.getAttribute(link, 'target')) : undefined
}

function follow({ element, url, isPatch }: Wish, way: Way): void {
  const replaces = own.hasAttribute(element, 'data-l-replace')
  if (isPatch) patch(url, replaces)
  // A link to the page itself loads it again.
  else if (mayLeave(url, way)) void visit(url, way, replaces || url.href === location.href)
}

function clicked(event: MouseEvent): void {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  // The browser itself scrolls to another place of the same page.
  leave()
  const wish = linkOf(event)
  const [before] = location.href.split('#')
  if (!wish || (wish.url.hash && wish.url.href.split('#')[0] === before)) return
  event.preventDefault()
  follow(wish, 'link')
}

/** A form with the method GET: its fields go into the address of the page that it asks for. */
function submitted(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement
  const { submitter } = event
  if (event.defaultPrevented) return
  const of = (name: string): string =>
    (submitter && own.getAttribute(submitter, `form${name}`)) ?? own.getAttribute(form, name) ?? ''
  if (!/^(get)?$/i.test(of('method'))) return
  const wish = wishOf(form, of('action') || location.href, of('target'))
  if (!wish) return
  const fields = [...new FormData(form, submitter)]
  // As in a browser: a file counts as its name here.
  const texts = fields.map(([name, value]) => [name, typeof value === 'string' ? value : value.name])
  wish.url.search = String(new URLSearchParams(texts))
  wish.url.hash = ''
  event.preventDefault()
  follow(wish, 'form')
}

/** Fetches the page of a link that somebody is about to click. */
function meant(event: Event): void {
  clearTimeout(intent)
  const wish = linkOf(event)
  const { connection } = navigator as { connection?: { 'saveData': boolean } }
  if (!wish || wish.isPatch || connection?.['saveData'] || wish.url.href === location.href) return
  const { element, url } = wish
  if (isOn(element, 'data-l-prefetch') || !own.closest(element, '[data-l-prefetch]'))
    intent = setTimeout(() => prefetch(url), event.type === 'touchstart' ? 0 : INTENT_MS)
}

/** The browser has gone back or forward. */
function moved({ state }: PopStateEvent): void {
  const entry = entryOf(state)
  // A state without an entry is another place of the page, or belongs to another library.
  if (!entry) return
  if (!atHome) leave()
  const { by, isSame } = moveTo(entry)
  // If another library has marked the entry as its own, too, that library shows it.
  if (atHome) {
    atHome()
    atHome = undefined
  } else if (!isSame || (isReplaced() && Object.keys(state as object).length === 1)) {
    const url = new URL(location.href)
    const may = mayLeave(url, 'back')
    if (may && !asks()) void visit(url, 'back', true)
    else if (by) {
      // The browser asks the user, and does so at the entry that the user may stay at. (Entries that another library
      // has made are not counted in `by`.)
      atHome = () => {
        if (may) location.replace(url)
      }
      history.go(-by)
    } else if (may) location.reload()
  } else {
    const [left, top] = place()
    scrollTo({ left, top, behavior: 'instant' })
    tellAddress()
  }
}

function pushed({ name, data }: Pushed): void {
  if (name === 'loom.title') Reflect.set(Document.prototype, 'title', data, document)
  else if (name === 'loom.patch') {
    const url = new URL(data['url'], location.href)
    if (url.origin === location.origin) patch(url, data['replace'])
    else console.error('loom-live: an address of another site was refused:', data['url'])
  }
}
