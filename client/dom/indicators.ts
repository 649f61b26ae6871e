/** Indicators: what a page shows while something is under way, and only then. */

import { all, own, real } from './elements'
import { MARK } from './markup'

/** Both spellings of these attributes are in use. */
export function spelled(name: string, value?: string): string {
  const test = value === undefined ? '' : `="${CSS.escape(value)}"`
  return `[l-${name}${test}],[data-l-${name}${test}]`
}

/** Those that stand in what they are for. */
export const INLINE = spelled('loading', '')

/** Indicators are hidden until something waits. */
export function hideIndicators(around: Element | DocumentFragment): void {
  for (const element of all(around, spelled('loading'))) {
    if (!isIndicator(element)) continue
    // To change one property of a style would drop the slot's mark from it.
    if (own.getAttribute(element, 'style')?.includes(MARK)) own.setAttribute(element, 'hidden', '')
    else real(element, 'style').display = 'none'
  }
}

/** An element for another's loading state either is the indicator itself, or holds some. */
export function isIndicator(element: Element): boolean {
  return own.matches(element, INLINE) || !own.querySelectorAll(element, INLINE).length
}
