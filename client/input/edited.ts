/** What stands in an element that users edit. */

import { isOn } from './core'

/** A control that is bound to a prop. */
export const MODEL = '[data-l-model]'

/** The text of such an element, without the line break that browsers keep at its end. */
export function editedText(element: Element): string {
  const text = (element as HTMLElement).innerText.replace(/\n$/, '').replace(/\xa0/g, ' ')
  return isOn(element, 'model-trim') ? text.trim() : text
}
