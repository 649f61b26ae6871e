/** What the browser does to fields by itself: handlers hear of it as if the user had done it. */

import { find, handle, own } from './core'
import { settleDirt, settleForm } from './dirty'
import { forget } from './fields'

/**
 * Has a handler hear of what the browser did as if the user had, if the element with the binding is accepted; false if
 * there is none.
 */
export function tell(type: string, target: Element, accepts: (element: Element) => boolean = () => true): boolean {
  const now = { type, target, preventDefault() {} } as unknown as Event
  const binding = find(now, type)
  if (!binding || !accepts(binding.element)) return false
  handle(now, binding)
  return true
}

/** The browser tells nobody that it changes fields: handlers hear of it as if the user had. */
export function wasReset(event: Event): void {
  // It does so when everybody has heard of the reset.
  setTimeout(() => {
    if (event.defaultPrevented) return
    const form = event.target as HTMLFormElement
    for (const field of own.elements(form)) settleDirt(field)
    settleForm(form)
    for (const target of [...own.elements(form), form]) {
      const isForm = target === form
      const { type: kind, checked } = target as HTMLInputElement
      // Of radio buttons, the one that is chosen speaks.
      if (!isForm && (!forget(target) || (kind === 'radio' && !checked))) continue
      for (const type of ['model', 'input', 'change', 'reset']) {
        // What is around the form hears of it once.
        tell(type, target, (element) => own.contains(element, form) === isForm)
      }
    }
  })
}
