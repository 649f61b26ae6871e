/** One page takes the place of another in the same document. */

import { own, root, THEIRS, trust } from '../input/core'
import { CLIENT } from './fetch'

const PERMANENT = '[data-l-permanent][id]'

/** How long the present page waits for the style sheets of the next one. */
const SHEETS_MS = 3_000

/** The elements of the head that are the server's: scripts and extensions add others. */
let known = new Set<Element>()
/** The document's nonce. A fetched page's scripts and styles have another one, which the document's policy refuses. */
let nonce = ''
/** The present body, and the elements that it began with. */
let shown: { body: HTMLElement; content: Element[] }

const remember = (): void => {
  const body = own.body(document)
  shown = { body, content: [...body.children] }
}

/** Whether another library, as Turbo Drive and htmx do, has put another page in the place of the one that came last. */
export function isReplaced(): boolean {
  const { body, content } = shown
  return body !== own.body(document) || (!!content.length && !content.some((element) => element.isConnected))
}

export function begin(): void {
  known = new Set(own.head(document).children)
  remember()
  nonce = (own.querySelector(root, CLIENT) as HTMLElement | null)?.nonce ?? ''
}

/** The element as a text, without its nonce. */
function textOf(element: Element): string {
  const copy = element.cloneNode(true) as Element
  copy.removeAttribute('nonce')
  return copy.outerHTML
}

/**
 * A script that was parsed for another document does not run; its copy does, also in a page that demands Trusted Types.
 */
function alive(element: Element): HTMLElement {
  const copy = own.createElement(document, element.localName)
  for (const { name, value } of element.attributes)
    copy.setAttribute(name, name === 'src' ? trust(value, 'createScriptURL') : value)
  copy.textContent = trust(element.textContent, 'createScript')
  copy.nonce = nonce
  return copy
}

export interface Head {
  /** Settled when the head's style sheets are there, have failed, or take too long. */
  ready: Promise<unknown>
  /** The head is the next page's from now on. */
  finish(): void
  /** The page is not shown after all. */
  cancel(): void
}

/** Begins to load the elements of the next page's head that this page's head does not have. */
export function beginHead(next: Element): Head {
  // Another library may have taken some of the elements out.
  const here = new Map([...known].filter((element) => element.isConnected).map((element) => [textOf(element), element]))
  const kept = new Set<Element>()
  const sheets: Element[] = []
  const others: Element[] = []
  for (const element of [...next.children]) {
    const same = here.get(textOf(element))
    const copy = same ?? (/^(script|style)$/.test(element.localName) ? alive(element) : element)
    kept.add(copy)
    if (!same) (copy.matches('link[rel~=stylesheet][href]') ? sheets : others).push(copy)
  }
  const loads = sheets.map(
    (sheet) =>
      new Promise((resolve) => {
        for (const type of ['load', 'error']) sheet.addEventListener(type, resolve)
      }),
  )
  own.append(own.head(document), ...sheets)
  return {
    ready: loads.length
      ? Promise.race([Promise.all(loads), new Promise((resolve) => setTimeout(resolve, SHEETS_MS))])
      : Promise.resolve(),
    finish() {
      for (const element of known) {
        // A script that has run need not run again if a later page has it, too.
        if (element.localName === 'script') kept.add(element)
        else if (!kept.has(element)) element.remove()
      }
      // The first one counts, also if another library has brought it.
      for (const title of own.head(document).querySelectorAll('title')) if (!kept.has(title)) title.remove()
      own.append(own.head(document), ...others)
      known = kept
    },
    cancel() {
      for (const sheet of sheets) sheet.remove()
    },
  }
}

/** Gives the body the next page's content, apart from permanent elements that both pages have. */
export function swapBody(next: HTMLElement): void {
  const body = own.body(document)
  const permanent = `${PERMANENT}:not(${THEIRS})`
  // The fragment belongs to this document and is not in it yet: a script that is put into another document never runs.
  const content = own.createDocumentFragment(document)
  content.append(...next.childNodes)
  for (const element of content.querySelectorAll<HTMLElement>('[nonce]')) element.nonce = nonce
  for (const script of content.querySelectorAll('script'))
    if (!script.matches('[data-l-client],[data-l-status]')) script.replaceWith(alive(script))
  for (const { name } of [...own.attributes(body)]) if (!next.hasAttribute(name)) body.removeAttribute(name)
  for (const { name, value } of own.attributes(next)) body.setAttribute(name, value)
  const before = new Set<ChildNode>(body.childNodes)
  const stays = own.querySelectorAll(body, permanent)
  // Of several with one id the first counts.
  const places = new Map([...content.querySelectorAll(permanent)].reverse().map((there) => [there.id, there]))
  // The new content stands behind the old one until the permanent elements have gone from the old one to the new one.
  body.append(content)
  for (const here of stays) {
    const there = places.get(here.id)
    // An element inside of a permanent one goes with the permanent one, on either page.
    if (!there?.isConnected || here.parentElement?.closest(PERMANENT)) continue
    before.delete(here)
    move(here, there)
  }
  for (const node of before) node.remove()
  remember()
}

/**
 * Puts `here` in the place of `there`. If the browser can, `here` never leaves the page, so that media go on playing.
 */
function move(here: Element, there: Element): void {
  const parent = there.parentNode as ParentNode & Partial<{ moveBefore(node: Node, child: Node | null): void }>
  if (parent.moveBefore) parent.moveBefore(here, there)
  else parent.insertBefore(here, there)
  there.remove()
}
