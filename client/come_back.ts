/**
 * What few pages need: a file of its own, which the client loads when one does. It is minified apart from the client,
 * so that what it needs of it comes as arguments.
 */

import { CONTAINER, THEIRS } from './attributes'
import { own, root } from './dom'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** Of these the attribute is the value, or nobody may set it. */
const WITHOUT = /^(file|hidden|submit|button|reset|image)$/

/** Does the field hold something else than what the server rendered? */
function differs(field: Field, showsDefault: (field: Field) => boolean): boolean {
  if (WITHOUT.test(field.type)) return false
  if (/^(checkbox|radio)$/.test(field.type))
    return (field as HTMLInputElement).checked !== (field as HTMLInputElement).defaultChecked
  return field instanceof HTMLTextAreaElement ? field.value !== field.defaultValue : !showsDefault(field)
}

/**
 * A page that comes back, by the back button or by being loaded again, has fields that the browser has filled in again
 * with what they held. The server knows of none of it, so it is told as if the user had; what nobody binds is as the server
 * rendered it, and what waits in a form for being sent stays as it was typed.
 */
export function comeBack(
  /** Has the user changed it meanwhile, or was it looked at before? */
  isChanged: (field: Element) => boolean,
  changed: (field: Element) => void,
  reset: (field: Field) => void,
  /** Does a select, or a field with a value, show what it would if the user had not been there? */
  showsDefault: (field: Field) => boolean,
  /** Tells the handler that is bound for this, if the element with the binding is accepted. */
  tell: (type: string, target: Element, accepts?: (element: Element) => boolean) => void,
): void {
  const isBound = (type: string, target: Element): boolean => {
    let found = false
    tell(type, target, () => {
      found = true
      return false
    })
    return found
  }
  const look = (): void => {
    for (const field of root.querySelectorAll<Field>('input,textarea,select')) {
      if (isChanged(field) || !field.closest(CONTAINER) || field.matches(THEIRS) || !differs(field, showsDefault))
        continue
      const { form } = field
      const types = ['input', 'change'].filter((type) => isBound(type, field))
      if (!types.length && !(form && isBound('submit', form))) {
        reset(field)
        continue
      }
      changed(field)
      // Of radio buttons, the one that is chosen speaks.
      if (field.type === 'radio' && !(field as HTMLInputElement).checked) continue
      for (const type of types) tell(type, field)
    }
  }
  look()
  // Not every browser has done it by now.
  if (own.readyState(document) !== 'complete') own.addEventListener(window, 'load', () => setTimeout(look))
}
