import type { Flash, LiveEvent } from '../../index'
import { invalid, isObject } from '../check'
import { Joins } from '../codec'
import { GivenUp, LoomError } from '../errors'
import { checkProps } from '../render/props'
import { freeze } from '../render/frozen'
import type { FormContext, Outgoing } from './form_context'
import { checkAllowed, firstProps, type Joining } from './join'
import { handlerOf, type LiveEntry, receiverOf } from './modules'
import { merged } from './receive'

/** The component that a form belongs to, as its page was rendered. */
export interface Rendered {
  readonly version: number
  readonly propsJson: string
}

/** The result of a handler for a form. */
export interface Handled {
  readonly props: Record<string, unknown>
  /** The address that the page is sent to; empty if the page stays. */
  readonly redirectUrl: string
  /** The handler did not take the form's texts, so the page shows them again. */
  readonly isKept: boolean
  readonly outgoing: readonly Outgoing[]
  readonly flashes: readonly Flash[]
}

/**
 * Runs a handler on the props of a page, as the component would: its state is upgraded and its private props are loaded,
 * and `authorize` is asked as before a join and before an event.
 *
 * @throws Refusal if `authorize` does not allow it; LoomError `LOOM_ARGUMENT` if there is no such handler; and what the
 * handler throws.
 */
export async function handleForm(
  entry: LiveEntry,
  { version, propsJson }: Rendered,
  event: LiveEvent,
  context: FormContext,
): Promise<Handled> {
  const { module, name } = entry
  const handler = handlerOf(module, event.handler)
  if (handler === undefined) throw invalid(`a handler of module ${JSON.stringify(name)}`, 'the form', event.handler)
  context.isStep = false
  let problem: unknown
  const joining: Joining = {
    context,
    during: 'join',
    isWanted: () => !context.isAborted,
    refused: () => undefined,
    failed: (error) => (problem = error),
  }
  const sealed = JSON.parse(propsJson) as Record<string, unknown>
  const { props, anew } = await firstProps(entry, sealed, [Joins.MOUNT, version, 0], joining)
  // The form belongs to a state that cannot be upgraded.
  if (anew)
    throw new LoomError('LOOM_FORM', 'The page is of an older version of its module: the form was not handled', {
      cause: problem,
    })
  if (module.authorize !== undefined) checkAllowed(await module.authorize(context, event), () => undefined)
  // The call took too long: the page was told that nothing was done.
  if (context.isAborted) throw new GivenUp()
  if (module.receive !== undefined) freeze(props)
  context.isStep = true
  const next = ((await handler.call(module.handle, props, event, context)) ?? props) as unknown
  if (!isObject(next)) throw invalid('an object of props, or nothing,', `what handler ${event.handler} gives`, next)
  checkProps(next, () => `the handler ${JSON.stringify(event.handler)}`)
  context.end()
  const { redirectUrl, keepsForm, outgoing, flashes } = context
  return { props: next, redirectUrl, isKept: keepsForm, outgoing, flashes }
}

/**
 * The props of a nested component after its parent has given it other props, as its receiver `given` makes them.
 *
 * @throws the error of the receiver.
 */
export async function giveAnew(
  { module, name }: LiveEntry,
  props: Record<string, unknown>,
  given: unknown,
  context: FormContext,
): Promise<Record<string, unknown>> {
  const message = { id: context.formId, from: 'parent' as const, data: given, gap: false, done: false }
  freeze(message)
  freeze(props)
  const receiver = receiverOf(module, 'given')
  const next = ((await (receiver ?? merged).call(module.receive, props, message, context)) ?? props) as unknown
  if (!isObject(next)) throw invalid('an object of props, or nothing,', 'what receiver given gives', next)
  checkProps(next, () => `the receiver given of module ${name}`)
  context.end()
  return next
}
