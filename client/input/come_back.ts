/** What fields hold when the client begins to look at them, and how it came there. */

import { CONTAINER, own, root, THEIRS } from './core'
import { touch } from './dirty'
import { changed, isChanged, resetField, showsDefault } from './fields'
import { tell } from './told'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** Of these the attribute is the value, or nobody may set it. */
const WITHOUT = /^(file|hidden|submit|button|reset|image)$/

/** Does the field hold something else than what the server rendered? */
function differs(field: Field): boolean {
  if (WITHOUT.test(field.type)) return false
  if (/^(checkbox|radio)$/.test(field.type))
    return (field as HTMLInputElement).checked !== (field as HTMLInputElement).defaultChecked
  return field instanceof HTMLTextAreaElement ? field.value !== field.defaultValue : !showsDefault(field)
}

function isBound(type: string, target: Element): boolean {
  let found = false
  tell(type, target, () => {
    found = true
    return false
  })
  return found
}

/** Those in which there is something else, and of which nobody has heard. */
function others(): Field[] {
  return [...root.querySelectorAll<Field>('input,textarea,select')].filter(
    (field) => !isChanged(field) && own.closest(field, CONTAINER) && !own.matches(field, THEIRS) && differs(field),
  )
}

/** What the user has typed before anybody listened stays. */
export function noteTyped(): void {
  for (const field of others()) {
    changed(field)
    touch(field)
  }
  // So is what was sent without the client and shown again, since it was not taken.
  for (const { form } of root.querySelectorAll<HTMLInputElement>('[data-l-seal=again]'))
    for (const field of form ? own.elements(form) : []) changed(field)
}

function told(): void {
  for (const field of others()) {
    const { form } = field
    const types = ['model', 'input', 'change'].filter((type) => isBound(type, field))
    if (!types.length && !(form && isBound('submit', form))) {
      resetField(field)
      continue
    }
    changed(field)
    touch(field)
    // Of radio buttons, the one that is chosen speaks.
    if (field.type === 'radio' && !(field as HTMLInputElement).checked) continue
    for (const type of types) tell(type, field)
  }
}

/** Does the page come back, by the back button or by being loaded again? */
export function isBack(): boolean {
  const [how] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return /^[br]/.test(how?.type ?? '')
}

/**
 * A page that comes back has fields that the browser has filled in again with what they held. The server knows of none
 * of it, so it is told as if the user had; what nobody binds is as the server rendered it, and what waits in a form for
 * being sent stays as it was typed.
 */
export function comeBack(): void {
  told()
  // Not every browser has done it by now.
  if (own.readyState(document) !== 'complete') own.addEventListener(window, 'load', () => setTimeout(told))
}
