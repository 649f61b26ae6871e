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
  /** The event that is handled; nothing if the call is a join or a visit. */
  readonly event: LiveEvent | undefined
  /** The name of the receiver that runs now, in a visit. */
  receiver?: string
  /** Of a visit, in development: the timers that have rung in it. */
  rung?: string[]
  /**
   * In a visit that has ended early: how many messages were handled, the message of the error that the next one threw,
   * and its stack.
   */
  thrown?: [handled: number, message: string, stack: string]
  /** The error as it was thrown. */
  failure?: unknown
  /** Set while somebody listens to steps (channels, OpenTelemetry). */
  step?: Step
  /** The cached parts of the committed state. `memo` and `json` are there only if the cache had them. */
  kept: Kept
}

/** How a call changed its props. */
export type Change = 'none' | 'whole' | 'parts'

/** An entry for props that have no memo and no JSON so far. */
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
