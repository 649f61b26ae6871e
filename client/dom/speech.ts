/**
 * How the client speaks to users, for files that are bundles of their own. The texts are the server's. All texts for
 * screen readers go through one region, whichever file says them.
 */

import type { own as owned } from './elements'

export interface Texts {
  'offline': string
  'retryIn': string
  'connecting': string
  'retry': string
  'online': string
  'error': string
  'expired': string
  'reload': string
  'dismiss': string
  /** The texts' language; there if none of the texts is the application's. */
  'lang'?: string
}

/** Longer than a screen reader needs to take a text. */
const SAID_MS = 5_000

/** The texts of the page that is shown now: a link may have led to a page in another language. */
export function textsOf(root: Element): Texts {
  const given = root.querySelector<HTMLElement>('script[data-l-texts]')?.dataset.lTexts
  return JSON.parse(given ?? '{}') as Texts
}

/** The text of an element, and its language. */
export function write(element: HTMLElement, text: string, { lang }: Pick<Texts, 'lang'>): void {
  if (element.textContent !== text) element.textContent = text
  // The page that came before may have had texts of another language.
  if (lang) element.lang = lang
  else element.removeAttribute('lang')
}

/** Returns a function that says a text. The region has to be there before the first text, or screen readers miss it. */
export function announcer(own: typeof owned, root: Element): (text: string, lang?: string) => void {
  let region = root.querySelector(':scope>[data-l-said]')
  if (!region) {
    region = own.createElement(document, 'div')
    region.setAttribute('data-l-said', '')
    region.setAttribute('aria-live', 'polite')
    Object.assign((region as HTMLElement).style, {
      position: 'fixed',
      width: '1px',
      height: '1px',
      overflow: 'hidden',
      clipPath: 'inset(50%)',
    })
    // Not in the body: the body is the page's.
    root.append(region)
  }
  const said = region
  return (text, lang) => {
    const line = own.createElement(document, 'div')
    write(line, text, { lang: lang ?? '' })
    said.append(line)
    setTimeout(() => line.remove(), SAID_MS)
  }
}
