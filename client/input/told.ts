/** Changes that the browser makes to fields by itself: handlers hear of them as if the user had made them. */

import { find, handle, own } from './core'
import { settleDirt, settleForm } from './dirty'
import { forget } from './fields'

/**
 * Has a handler hear of the browser's change as if the user had made it, if the element with the binding is accepted.
 * False if there is no such binding.
 */
export function tell(type: string, target: Element, accepts: (element: Element) => boolean = () => true): boolean {
  const now = { type, target, preventDefault() {} } as unknown as Event
  const binding = find(now, type)
  if (!binding || !accepts(binding.element)) return false
  handle(now, binding)
  return true
}

/** A reset changes fields, and the browser tells nobody of this: handlers hear of it as if the user had done it. */
export function wasReset(event: Event): void {
  // The browser resets the fields after all listeners have heard of the reset.
  setTimeout(() => {
    if (event.defaultPrevented) return
    const form = event.target as HTMLFormElement
    for (const field of own.elements(form)) settleDirt(field)
    settleForm(form)
    for (const target of [...own.elements(form), form]) {
      const isForm = target === form
      const { type: kind, checked } = target as HTMLInputElement
      // Of a group of radio buttons, only the chosen one is told.
      if (!isForm && (!forget(target) || (kind === 'radio' && !checked))) continue
      for (const type of ['model', 'input', 'change', 'reset']) {
        // A binding around the form hears of the reset once.
        tell(type, target, (element) => own.contains(element, form) === isForm)
      }
    }
  })
}
