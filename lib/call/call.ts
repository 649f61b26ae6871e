import type { LiveEvent } from '../../index'
import type { Step } from '../telemetry/steps'
import type { Component, Entry as Kept } from './cache'
import type { Context } from './context'

/** One call of a component: an event that is handled, or a join that renders for the first time. */
export interface Call {
  readonly number: number
  readonly sequence: number
  readonly context: Context
  /** When the call began, in development; 0 otherwise. */
  readonly began: number
  /** The callback that runs now. */
  during: string
  /** What is handled; nothing if it is a join or a visit. */
  readonly event: LiveEvent | undefined
  /** The name of the receiver that runs now, in a visit. */
  receiver?: string
  /** Of a visit, in development: the timers that have rung in it. */
  rung?: string[]
  /** Of a visit that has ended early: how many messages were handled, what the next one threw, and its stack. */
  thrown?: [handled: number, message: string, stack: string]
  /** What that was, as it was thrown. */
  failure?: unknown
  /** There while somebody listens to what steps do. */
  step?: Step
  /** What was kept of the committed state; `memo` and `json` only if it was kept. */
  kept: Kept
}

/** How a call changed its props. */
export type Change = 'none' | 'whole' | 'parts'

/** An entry for props of which nothing is known but what they are. */
export function uncached(component: Component, props: unknown, bytes: number, frozen: boolean): Kept {
  return {
    component,
    version: 0,
    props,
    parsed: false,
    frozen,
    memo: undefined,
    bytes,
    measured: bytes,
    json: undefined,
  }
}

/** A copy, under the names that the component has by now: on another connection it has another id. */
export function named(copy: Kept | undefined, component: Component): Kept | undefined {
  return copy === undefined || copy.component.id === component.id ? copy : { ...copy, component }
}

/** A form has a member for each of its fields, whatever they are called, and no others; so has a detail. */
export function withForm(event: LiveEvent): LiveEvent {
  const { form, detail } = event
  if (form === undefined && detail === undefined) return event
  return { ...event, ...(form && { form: bare(form) }), ...(detail && { detail: bare(detail) }) }
}

function bare<Members extends object>(members: Members): Members {
  return Object.assign(Object.create(null), members) as Members
}
