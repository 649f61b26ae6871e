/** Indicators: elements that a page shows only while an event is under way. */

import { all, own, real } from './elements'
import { MARK } from './markup'

/** Both spellings of these attributes are in use. */
export function spelled(name: string, value?: string): string {
  const test = value === undefined ? '' : `="${CSS.escape(value)}"`
  return `[l-${name}${test}],[data-l-${name}${test}]`
}

/** Indicators that stand inside of the element that they are for. */
export const INLINE = spelled('loading', '')

/** Indicators are hidden until something waits. */
export function hideIndicators(around: Element | DocumentFragment): void {
  for (const element of all(around, spelled('loading'))) {
    if (!isIndicator(element)) continue
    // To change one property of a style would drop the mark of a slot from the attribute.
    if (own.getAttribute(element, 'style')?.includes(MARK)) own.setAttribute(element, 'hidden', '')
    else real(element, 'style').display = 'none'
  }
}

/** Is an element that shows another's loading state the indicator itself? Else it holds indicators. */
export function isIndicator(element: Element): boolean {
  return own.matches(element, INLINE) || !own.querySelectorAll(element, INLINE).length
}
