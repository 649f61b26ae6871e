import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { LiveContext, LiveEvent } from '../../index'
import { checkFunction, checkNames, checkString, invalid, isObject, isThenable } from '../check'
import { GivenUp, LoomError } from '../errors'
import { checkSchema, errorsOf, shownOf } from './errors'
import { type Fields, fieldsOf, nameIn } from './names'

type Props = Record<string, unknown>
type Handle = (this: unknown, props: Props, event: LiveEvent, ctx: LiveContext) => unknown
type HandleInput = (this: unknown, props: Props, input: unknown, event: LiveEvent, ctx: LiveContext) => unknown

/** A handler has this member if it is validated: the name of the prop for its errors. */
const MEMBER = Symbol('errors')

/** The prop that the handler puts errors into, if it is validated. */
export function errorsMemberOf(handler: unknown): string | undefined {
  return typeof handler === 'function' ? (handler as { [MEMBER]?: string })[MEMBER] : undefined
}

/**
 * @throws LoomError `LOOM_ARGUMENT` if the handler is validated and its module has no prop for errors: then a form would
 * be refused without a word.
 */
export function checkErrorsMember(handler: unknown, props: unknown, what: string): void {
  const member = errorsMemberOf(handler)
  if (member === undefined || (isObject(props) && isObject(props[member]))) return
  throw new LoomError(
    'LOOM_ARGUMENT',
    `${what} is validated and puts errors into the prop ${JSON.stringify(member)}, but the module's props have no such ` +
      `object; add { ${member}: {} } to its props, or name another prop: validated(schema, handler, { errors: 'name' })`,
  )
}

/** The input for the schema: the form; without a form the arguments of the event's binding, or else its value. */
function inputOf({ form, args = null, value }: LiveEvent): Fields {
  return form === undefined ? { input: args ?? value, nameOf: (path) => nameIn(undefined, path) } : fieldsOf(form)
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0
}

export function validated(schema: unknown, handler: unknown, options: object = {}): Handle {
  checkSchema(schema, 'the schema of validated')
  checkFunction(handler, 'the handler of validated')
  checkNames(options, { errors: true }, 'the options of validated', 'an option of validated')
  const { errors: member = 'errors' } = options as { errors?: unknown }
  checkString(member, 'the option errors of validated')
  const handle = handler as HandleInput

  const validatedHandler: Handle = function (props, event, ctx) {
    const { input, nameOf } = inputOf(event)
    const finish = (result: StandardSchemaV1.Result<unknown>): unknown => {
      // The issues of arktype are a list that has itself as its issues.
      if (typeof result !== 'object' || (result as unknown) === null)
        throw invalid('{ value } or { issues }', 'what the schema of validated gives', result)
      const { issues } = result
      if (issues === undefined) {
        const cleared = isEmpty(props[member]) ? props : { ...props, [member]: {} }
        const next = handle.call(this, cleared, result.value, event, ctx)
        // If the handler gives nothing, the props stay as they are, except for the errors.
        return isThenable(next) ? Promise.resolve(next).then((given: unknown) => given ?? cleared) : (next ?? cleared)
      }
      // The form is not taken, so its texts stay.
      ctx.keepForm()
      return { ...props, [member]: shownOf(errorsOf(issues, nameOf), props[member], event) }
    }
    const result = schema['~standard'].validate(input)
    if (!isThenable(result)) return finish(result)
    return Promise.resolve(result).then((result) => {
      // Nobody waits for it any more.
      if (ctx.signal.aborted) throw new GivenUp()
      return finish(result)
    })
  }
  return Object.assign(validatedHandler, { [MEMBER]: member })
}
