/** The props that controls with `data-l-model` may set: a module lists them, each with a type or a schema. */

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { LiveContext, LiveEvent } from '../../index'
import { invalid, isObject, isThenable, unknownName } from '../check'
import { GivenUp, LoomError } from '../errors'
import { checkSchema, type Errors, errorsOf, shownOf } from './errors'

type Props = Record<string, unknown>
type Validate = StandardSchemaV1.Props['validate']

/** The prop that has the messages. */
const ERRORS = 'errors'

/** A number as HTML writes one: `Number` also reads spaces, `0x10` and `Infinity`. */
const NUMBER = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

function type(message: string, read: (input: unknown) => unknown): Validate {
  return (input) => {
    const value = read(input)
    return value === undefined ? { issues: [{ message }] } : { value }
  }
}

function numberOf(input: unknown): number | undefined {
  const value = typeof input === 'string' && NUMBER.test(input) ? Number(input) : NaN
  return Number.isFinite(value) ? value : undefined
}

function stringOf(input: unknown): string | undefined {
  return typeof input === 'string' ? input : undefined
}

/** An empty text means that nothing is chosen in the control. */
function matching(pattern: RegExp): (input: unknown) => string | undefined {
  return (input) => (typeof input === 'string' && (input === '' || pattern.test(input)) ? input : undefined)
}

/** A date of the calendar: the 30th of February is refused. */
function dateOf(input: unknown): string | undefined {
  const text = matching(/^\d{4,6}-\d\d-\d\d$/)(input)
  if (text === undefined || text === '') return text
  const [, year = '', month = '', day = ''] = /^(\d+)-(\d\d)-(\d\d)$/.exec(text) ?? []
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) ? text : undefined
}

const TIME = '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,3})?)?'

function dateTimeOf(input: unknown): string | undefined {
  const text = matching(new RegExp(`^[^T]+T${TIME}$`))(input)
  return text === undefined || dateOf(text.split('T')[0]) === undefined ? undefined : text
}

function listOf<Item>(itemOf: (input: unknown) => Item | undefined): (input: unknown) => Item[] | undefined {
  return (input) => {
    if (!Array.isArray(input)) return undefined
    const items = input.map(itemOf)
    return items.every((item) => item !== undefined) ? items : undefined
  }
}

const TYPES: Record<string, Validate> = {
  'string': type('Expected a text', stringOf),
  'number': type('Expected a number', numberOf),
  'boolean': type('Expected yes or no', (input) => (typeof input === 'boolean' ? input : undefined)),
  'string[]': type('Expected a list', listOf(stringOf)),
  'number[]': type('Expected a list of numbers', listOf(numberOf)),
  'date': type('Expected a date', dateOf),
  'time': type('Expected a time', matching(new RegExp(`^${TIME}$`))),
  'datetime': type('Expected a date and a time', dateTimeOf),
  'month': type('Expected a month', matching(/^\d{4,6}-(0[1-9]|1[0-2])$/)),
  'week': type('Expected a week', matching(/^\d{4,6}-W(0[1-9]|[1-4]\d|5[0-3])$/)),
  'color': type('Expected a color', matching(/^#[\da-f]{6}$/i)),
}

function validateOf(entry: unknown, what: string): Validate {
  if (typeof entry === 'string') {
    if (!Object.hasOwn(TYPES, entry)) throw unknownName(entry, Object.keys(TYPES), what)
    return TYPES[entry] as Validate
  }
  checkSchema(entry, what)
  return (input) => entry['~standard'].validate(input)
}

/** By the names of props. */
export type Model = ReadonlyMap<string, Validate>

export const NO_MODEL: Model = new Map()

/**
 * Reads a module's list.
 *
 * @throws LoomError `LOOM_ARGUMENT` if a name is not one of the module's props, or is a private prop; if a value is
 * neither a type nor a schema; and if the module has no prop for errors: then a control would be refused without a
 * word.
 */
export function modelOf(given: unknown, props: unknown, hidden: readonly string[], module: string): Model {
  if (given === undefined) return NO_MODEL
  const what = `model of module ${JSON.stringify(module)}`
  if (!isObject(given)) throw invalid('an object of types and schemas by the names of props', what, given)
  const known = isObject(props) ? Object.keys(props) : []
  const model = new Map<string, Validate>()
  for (const name of Object.keys(given)) {
    if (hidden.includes(name))
      throw new LoomError(
        'LOOM_ARGUMENT',
        `${what} lists the private prop ${JSON.stringify(name)}, and mount loads private props anew at every join: a value ` +
          'that a page sets would be lost. Leave the prop out of model, and save its value in a handler',
      )
    if (!known.includes(name)) throw unknownName(name, known, `a prop in ${what}`)
    model.set(name, validateOf(given[name], `${JSON.stringify(name)} in ${what}`))
  }
  if (model.has(ERRORS) || (model.size > 0 && !isObject((props as Props)[ERRORS])))
    throw new LoomError(
      'LOOM_ARGUMENT',
      `${what} puts the errors of values into the prop "${ERRORS}": add { ${ERRORS}: {} } to the module's props, and do not ` +
        `list "${ERRORS}" in model`,
    )
  return model
}

/** The control's value: a list if the prop is one, else whether the control is checked, else its text. */
function inputOf({ value = '', values, checked }: LiveEvent, before: unknown): unknown {
  if (values !== undefined && (checked === undefined || Array.isArray(before))) return values
  return checked ?? value
}

/**
 * The errors after those of one field have changed. If nothing has changed, the result is the same object, so nothing
 * of it crosses.
 */
function withErrors(before: unknown, name: string, messages: string[]): Errors {
  const errors = (isObject(before) ? before : {}) as Errors
  const there = Object.hasOwn(errors, name) ? errors[name] : undefined
  if (JSON.stringify(there ?? []) === JSON.stringify(messages)) return errors
  const others = Object.entries(errors).filter(([other]) => other !== name)
  return Object.fromEntries(messages.length > 0 ? [...others, [name, messages]] : others)
}

/**
 * The props with the control's value, if its type or schema accepts the value; otherwise the props with its errors.
 * If the page says that the user is still at the control, no new error is shown.
 */
export function setProp(validate: Validate, props: Props, event: LiveEvent, ctx: LiveContext): unknown {
  const { handler: name } = event
  const finish = (result: StandardSchemaV1.Result<unknown>): Props => {
    if (typeof result !== 'object' || (result as unknown) === null)
      throw invalid('{ value } or { issues }', `what the schema of ${JSON.stringify(name)} gives`, result)
    const { issues } = result
    const isRight = issues === undefined
    const found = isRight
      ? {}
      : shownOf(
          errorsOf(issues, () => name),
          props[ERRORS],
          event,
        )
    const errors = withErrors(props[ERRORS], name, found[name] ?? [])
    if (!isRight) return errors === props[ERRORS] ? props : { ...props, [ERRORS]: errors }
    return { ...props, [name]: result.value, [ERRORS]: errors }
  }
  const result = validate(inputOf(event, props[name]))
  if (!isThenable(result)) return finish(result)
  return Promise.resolve(result).then((result) => {
    // Nobody waits for it any more.
    if (ctx.signal.aborted) throw new GivenUp()
    return finish(result)
  })
}
