/** From one page to another without loading the document anew. */

import { announcer } from '../dom/speech'
import { own, root } from '../input/core'
import { go, leave, place } from './address'
import { fetchPage, type Loaded } from './fetch'
import { hideProgress, showProgress } from './progress'
import { beginHead, swapBody } from './swap'

/** What made a visit begin. */
export type Way = 'link' | 'form' | 'back'

/** The details of events at the document: see dom.d.ts. */
export interface Visits {
  'loom:navigate': { 'url': string; 'way': Way }
  'loom:navigated': { 'url': string }
}

interface Transition {
  'updateCallbackDone': Promise<void>
  'ready': Promise<void>
  'finished': Promise<void>
}

/** The visit that is under way. */
let current: AbortController | undefined

/** Whether the page may be left: listeners of `loom:navigate` may prevent it. */
export function mayLeave(url: URL, way: Way): boolean {
  const detail: Visits['loom:navigate'] = { 'url': url.href, 'way': way }
  return own.dispatchEvent(root, new CustomEvent('loom:navigate', { bubbles: true, cancelable: true, detail }))
}

/** Whether somebody wants the user to be asked. A browser does so before it unloads a page, in the user's language. */
export function asks(): boolean {
  const event = new Event('beforeunload', { cancelable: true })
  dispatchEvent(event)
  return event.defaultPrevented
}

/**
 * Shows the page of this address, and gives up what is under way. The page may be left. `way`: after `back` the browser
 * has the address already, and nobody wants the user to be asked.
 */
export async function visit(url: URL, way: Way, replaces: boolean): Promise<void> {
  current?.abort()
  const visiting = (current = new AbortController())
  const isOvertaken = (): boolean => current !== visiting
  let isShown = false
  if (way === 'back' || !asks()) {
    showProgress()
    try {
      const loaded = await fetchPage(url, visiting.signal)
      isShown = !!loaded && !isOvertaken() && (await bring(loaded, way, replaces, isOvertaken))
    } catch (error) {
      if (!isOvertaken()) console.error('loom-live:', url.href, error)
    }
    if (isOvertaken()) return
    hideProgress()
  }
  current = undefined
  if (isShown) return
  if (way === 'back') location.reload()
  else if (replaces) location.replace(url)
  else location.assign(url)
}

/** False if another visit has begun before the page was shown. */
async function bring(loaded: Loaded, way: Way, replaces: boolean, isOvertaken: () => boolean): Promise<boolean> {
  const { url, page } = loaded
  const head = beginHead(page.head)
  await head.ready
  if (isOvertaken()) {
    head.cancel()
    return false
  }
  const swap = (): void => {
    const isBack = way === 'back'
    if (!isBack && !replaces) leave()
    if (!isBack || url.href !== location.href) go(url, true, replaces || isBack)
    head.finish()
    for (const name of ['lang', 'dir']) {
      const value = page.documentElement.getAttribute(name)
      if (value === null) root.removeAttribute(name)
      else root.setAttribute(name, value)
    }
    swapBody(page.body)
    settle(url, isBack)
  }
  const { startViewTransition } = Document.prototype as { startViewTransition?: (update: () => void) => Transition }
  // While a browser takes its pictures of the two pages, clicks reach neither: so the page says that it wants this.
  const isWanted =
    page.body.hasAttribute('data-l-transition') && !matchMedia('(prefers-reduced-motion: reduce)').matches
  if (!startViewTransition || !isWanted) swap()
  else {
    const transition = startViewTransition.call(document, swap)
    // One that is skipped has shown the page as well.
    for (const end of [transition['ready'], transition['finished']]) end.catch(() => undefined)
    await transition['updateCallbackDone']
  }
  type Detail = Visits['loom:navigated']
  own.dispatchEvent(
    root,
    new CustomEvent('loom:navigated', { bubbles: true, detail: { 'url': url.href } satisfies Detail }),
  )
  return true
}

let say: ReturnType<typeof announcer>

export function begin(): void {
  say = announcer(own, root)
}

/** Scrolls to what the address names, gives it the focus, and tells those who listen which page it is. */
function settle({ hash }: URL, isBack: boolean): void {
  const body = own.body(document)
  const target = hash ? own.querySelector(root, `[id="${CSS.escape(decode(hash.slice(1)))}"]`) : null
  const [left, top] = isBack ? place() : [0, 0]
  if (target && !isBack) target.scrollIntoView()
  else scrollTo({ left, top, behavior: 'instant' })
  const wanted = (target ?? own.querySelector(body, '[autofocus]') ?? body) as HTMLElement
  // What takes no focus by itself takes it once: the next Tab goes on from there.
  const isForOnce = wanted.tabIndex < 0 && !wanted.hasAttribute('tabindex')
  if (isForOnce) wanted.setAttribute('tabindex', '-1')
  wanted.focus({ preventScroll: true })
  if (isForOnce) wanted.removeAttribute('tabindex')
  say(Reflect.get(Document.prototype, 'title', document))
}

function decode(hash: string): string {
  try {
    return decodeURIComponent(hash)
  } catch {
    return hash
  }
}
