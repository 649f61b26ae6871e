/**
 * Forms that are sent without the client's script. Each has a hidden field for the sealed state of its component. When
 * the component is rendered, the field is empty: the state is put there when the HTML of the whole page is known.
 */

import type { Tree } from '../../index'
import { html } from '../render/html'

/** The name of the hidden field. As SEAL in src/bridge/form.rs, which no handler is given. */
export const SEAL = 'loom:form'

/** A form that was sent without a script, and whose texts the handler did not take. */
export interface Posted {
  readonly handler: string
  /** The form's id. */
  readonly id: string
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
}

/** Rendering shows the texts of this form again. Rendering is not async, so one variable is enough. */
let shown: Posted | undefined
/** Some page of this process has such a form: all others are not looked through. */
let hasForms = false

/** Renders with the texts of the form that was sent. */
export function showing<Result>(posted: Posted | undefined, render: () => Result): Result {
  shown = posted
  try {
    return render()
  } finally {
    shown = undefined
  }
}

/** The texts that were sent with this form and are shown again. */
export function postedFor(handler: string, id: string): Posted['fields'] | undefined {
  return shown?.handler === handler && shown.id === id ? shown.fields : undefined
}

/** The hidden field. Its value begins with the form's handler and id. */
export function sealOf(handler: string, id: string, isShownAgain: boolean): Tree {
  hasForms = true
  const which = JSON.stringify([handler, id])
  return html`<input type="hidden" name="loom:form" data-l-seal="${isShownAgain ? 'again' : ''}" value="${which}">`
}

/**
 * The component's HTML with the sealed state in the hidden fields of its forms. The HTML may be from another process
 * (`isShared`).
 */
export function seal(page: string, state: string, isShared = false): string {
  if (!hasForms && !isShared) return page
  // Only a template can have such an element: in texts and attributes `<` and quotes are escaped, and HTML of users has
  // no attributes of ours.
  return page.replace(FIELD, (field) => `${field.slice(0, -2)} ${state}">`)
}

const FIELD = /<input type="hidden" name="loom:form" data-l-seal="(?:again)?" value="[^"]*">/g
