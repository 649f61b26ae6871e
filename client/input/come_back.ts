/** The values that fields have when the client begins to look at them, and where these values came from. */

import { CONTAINER, own, root, THEIRS } from './core'
import { touch } from './dirty'
import { changed, isChanged, resetField, showsDefault } from './fields'
import { tell } from './told'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** Fields whose attribute is the value, or whose value nobody may set. */
const WITHOUT = /^(file|hidden|submit|button|reset|image)$/

/** Does the field hold another value than the server rendered? */
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

/** The fields that differ from what the server rendered, and of which the client has heard nothing. */
function others(): Field[] {
  return [...root.querySelectorAll<Field>('input,textarea,select')].filter(
    (field) => !isChanged(field) && own.closest(field, CONTAINER) && !own.matches(field, THEIRS) && differs(field),
  )
}

/** Text that the user typed before the client listened stays. */
export function noteTyped(): void {
  for (const field of others()) {
    changed(field)
    touch(field)
  }
  // So do the fields of a form that was sent without the client, was not accepted, and is shown again.
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
    // Of a group of radio buttons, only the chosen one is told.
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
 * If a page comes back, the browser has filled its fields again with what they held. The server knows nothing of this,
 * so it is told as if the user had typed it. Fields without a binding become as the server rendered them. Fields of a
 * form that is still to be sent stay as they were typed.
 */
export function comeBack(): void {
  told()
  // Not every browser has filled the fields by now.
  if (own.readyState(document) !== 'complete') own.addEventListener(window, 'load', () => setTimeout(told))
}
