/** What an event says beside its handler: value, checked, key, form. */

export interface SpecialVars {
  /** The value. */
  v?: string
  /** Whether it is checked. */
  c?: boolean
  /** The key. */
  k?: string
  /** The changed field's form, URL-encoded. */
  f?: string
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

function isControl(target: EventTarget | null): target is Control {
  return target instanceof Element && target.matches('input,textarea,select,button[value]')
}

/** `bound` is the element with the binding, which may be around the field that the event happened at. */
export function specialVars(event: Event, bound: HTMLElement): SpecialVars {
  const vars: SpecialVars = {}
  if (event.type === 'submit' && event.target instanceof HTMLFormElement) {
    vars.v = formText(event.target, (event as SubmitEvent).submitter)
    return vars
  }
  const control = isControl(bound) ? bound : isControl(event.target) ? event.target : undefined
  const given = bound.getAttribute('data-l-value')
  if (given !== null) vars.v = given
  // A file's value is a made-up path.
  else if (control && control.type !== 'file') vars.v = control.value
  if (control instanceof HTMLInputElement && /^(checkbox|radio)$/.test(control.type)) vars.c = control.checked
  if (event instanceof KeyboardEvent) vars.k = event.key
  if (/^(input|change)$/.test(event.type) && control?.form) vars.f = formText(control.form)
  return vars
}

function formText(form: HTMLFormElement, submitter: HTMLElement | null = null): string {
  const fields = new URLSearchParams()
  new FormData(form).forEach((value, name) => {
    if (typeof value === 'string') fields.append(name, value)
  })
  // By hand: not every browser's FormData takes the submitter.
  const name = submitter?.getAttribute('name')
  if (name) fields.append(name, submitter?.getAttribute('value') ?? '')
  return fields.toString()
}
