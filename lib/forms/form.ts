import type { Form, FormField, FormOptions, Tree } from '../../index'
import { checkNames, checkString, invalid, isObject } from '../check'
import { html } from '../render/html'
import { baseOf, partsOf } from './names'
import { postedFor, sealOf } from './posted'

const OPTIONS: Record<keyof Required<FormOptions>, true> = { id: true, errors: true, values: true }

/** Ids of several elements are written with spaces between them. */
function asId(text: string): string {
  return text.replace(/\s/g, '_')
}

/** The value of a field, by the field's name. */
function valueIn(values: object, name: string): unknown {
  let value: unknown = values
  for (const { key } of partsOf(name)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function textsOf(value: unknown): string[] {
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).map(String)
}

class Field implements FormField {
  readonly id: string
  readonly invalid: boolean
  readonly describedBy: string | undefined
  readonly message: string
  readonly error: Tree | undefined
  private readonly texts: readonly string[]

  constructor(
    form: string,
    readonly name: string,
    value: unknown,
    messages: readonly string[],
  ) {
    this.id = asId(`${form}-${name}`)
    this.texts = textsOf(value)
    this.invalid = messages.length > 0
    this.message = messages.join(' ')
    this.describedBy = this.invalid ? `${this.id}-error` : undefined
    this.error = errorElement(`${this.id}-error`, messages)
  }

  get value(): string {
    return this.texts[0] ?? ''
  }

  has(value: string): boolean {
    return this.texts.includes(value)
  }
}

function errorElement(id: string, messages: readonly string[]): Tree | undefined {
  return messages.length === 0 ? undefined : html`<p class="loom-error" id="${id}">${messages.join(' ')}</p>`
}

export function form(handler: string, options: FormOptions = {}): Form {
  checkString(handler, 'the handler of form')
  checkNames(options, OPTIONS, 'the options of form', 'an option of form')
  const { id = handler, errors = {}, values = {} } = options
  checkString(id, 'the option id of form')
  if (!isObject(errors)) throw invalid('an object of messages by name', 'the option errors of form', errors)
  if (!isObject(values)) throw invalid('an object', 'the option values of form', values)
  const posted = postedFor(handler, id)
  const messagesOf = (name: string): readonly string[] => (Object.hasOwn(errors, name) ? textsOf(errors[name]) : [])
  const formId = asId(id)
  return {
    id: formId,
    handler,
    method: 'post',
    // An address that is only a fragment is the page's own, with its query.
    action: `#${encodeURIComponent(formId)}`,
    seal: sealOf(handler, id, posted !== undefined),
    error: errorElement(`${formId}-error`, messagesOf('')),
    field: (name) => {
      checkString(name, 'the name of a field')
      // If a form was sent without a script, its texts are shown again.
      const value = posted === undefined ? valueIn(values, name) : posted[name]
      return new Field(formId, name, value, messagesOf(baseOf(name)))
    },
  }
}
