import type { LogCode } from '../../index'
import { typeOf } from '../check'
import { GivenUp, stackOf, textOf, TopicAway } from '../errors'
import { text, writeChanges, writeWhole } from '../render/delta'
import type { Memo } from '../render/encode'
import { freeze, takeSeen } from '../render/frozen'
import type { PropsCache } from './cache'
import { type Call, type Change, uncached } from './call'
import { type Development, jsonOf, MAX_JSON } from './development'
import type { Operator } from './operator'
import { Refusal } from './refusal'
import { attempt, encodeTree, given } from './render'
import type { Results } from './results'
import { channels } from '../telemetry/channels'
import type { Step, Steps } from '../telemetry/steps'

/** The result of a call whose handler the module does not have. */
export const UNKNOWN = Symbol('unknown handler')

/** Ends calls. The result of a handler is rendered and written for Rust, which commits it; or the call has failed. */
export class Commit {
  constructor(
    private readonly results: Results,
    private readonly cache: PropsCache,
    private readonly operator: Operator,
    private readonly development: Development | undefined,
    private readonly steps: Steps,
    private readonly wait: (call: Call, promise: Promise<unknown>, next: () => void) => void,
  ) {}

  /** The handler has returned. */
  finish(call: Call, result: unknown): void {
    const { kept } = call
    const { module } = kept.component
    const handler = call.event?.handler ?? ''
    if (result === UNKNOWN) {
      if (this.development === undefined || module.raw) this.results.unknownHandler(call.number)
      else {
        const text = this.development.unknownHandler(module, handler, call.event?.type)
        this.development.failed('event', module.name, `an event of ${module.name}`, text, undefined)
        this.results.failed(call.number, text)
      }
      call.context.end()
      return
    }
    if (module.raw) {
      if (typeof result !== 'string') {
        this.fail(call, 'handle_json', new TypeError(`Expected JSON text but received ${typeOf(result)}`))
        return
      }
      this.render(call, result, 'whole')
      return
    }
    this.development?.checkGiven(module, handler, kept.props, kept.json, result)
    const next = result ?? kept.props
    if (next === kept.props || !this.isUntouched(call)) {
      // The handler may have changed the props anywhere, so the cached memo and JSON do not count any more.
      call.kept = uncached(kept.component, next, 0, kept.frozen)
      this.render(call, next, 'whole')
    } else {
      this.render(call, next, kept.parsed ? 'whole' : 'parts')
    }
  }

  /** A visit has ended with these props. Props of modules with receivers are frozen, so the same are unchanged. */
  received(call: Call, props: unknown): void {
    const { kept } = call
    if (props === kept.props) this.render(call, props, 'none')
    else this.render(call, props, kept.parsed ? 'whole' : 'parts')
  }

  private isUntouched({ kept, event }: Call): boolean {
    const { development } = this
    if (development === undefined || event === undefined || kept.json === undefined) return true
    return development.isUntouched(kept.component.module.name, event.handler, kept.props, kept.json)
  }

  /** Renders `props`, and commits props and tree together. */
  render(call: Call, props: unknown, change: Change, anew = false): void {
    const unsettled = call.context.effects?.unsettled
    if (unsettled !== undefined) {
      // Others may join meanwhile.
      if (call.event === undefined && call.receiver === undefined) this.results.waits(call.number)
      this.wait(call, unsettled, () => {
        this.render(call, props, change, anew)
      })
      return
    }
    // `render` cannot ask for effects.
    call.context.isStep = false
    const { kept } = call
    const { component } = kept
    const { module } = component
    const { results, development } = this
    let { bytes, measured } = kept
    let callback = 'handle'
    let memo: Memo | undefined
    // Before props and tree are compared with the last ones: should it change its props after all,
    // both comparisons still are of the same.
    const before = development === undefined || module.raw ? undefined : jsonOf(props)
    const { step } = call
    step?.handled()
    const began = step === undefined ? 0 : performance.now()
    const tree = attempt(module, props)
    if (before) development?.checkRender(module.name, props, before)
    call.context.endHookCall()
    const beside = besideOf(call)
    results.begin(call.number, anew, call.context.keepsForm, beside !== '')
    let { frozen } = kept
    // Of whatever else has been looked at.
    takeSeen()
    try {
      if (change === 'whole') bytes = measured = 0
      if (change !== 'none') bytes += this.writeProps(call, props, change)
      frozen = takeSeen() || frozen
      if (frozen) freeze(props)
      results.propsDone(call.context.redirectUrl, frozen)
      callback = 'render'
      memo = encodeTree(results, given(tree), kept.memo, development?.checkOf(module))
      results.treeDone(beside)
      step?.rendered(began)
    } catch (error) {
      results.undo()
      this.fail(call, callback, error)
      return
    }
    let json: string | undefined
    if (development !== undefined) {
      json = module.raw ? (props as string) : JSON.stringify(props)
      // Before the call is over: the recorder reads the effects of the step.
      development.stepped(call, json)
    }
    if (step !== undefined) {
      if (channels.topic.hasSubscribers)
        step.effects = call.context.effects?.json(call.context.redirectUrl !== '') ?? ''
      this.ends(call, step)
    }
    call.context.settle(true)
    call.context.end()
    if (json !== undefined) {
      bytes = json.length
      if (bytes > MAX_JSON || module.raw) json = undefined
    } else if (measured === 0) {
      measured = bytes
    } else if (bytes > 2 * measured + 1024) {
      // The size of added parts is known, the size of removed parts is not. So the props are measured anew from time to
      // time.
      measured = bytes = module.raw ? (props as string).length : JSON.stringify(props).length
    }
    const isParsed = kept.parsed && change === 'none'
    const version = call.sequence
    this.cache.put(component.actor, {
      component,
      version,
      props,
      parsed: isParsed,
      frozen,
      memo,
      bytes,
      measured,
      json,
    })
  }

  /** JavaScript is done with a step that is observed. */
  ends(call: Call, step: Step, code: LogCode | '' = ''): void {
    step.handled()
    this.steps.endsHere(call.kept.component.actor, step, code)
  }

  private writeProps({ kept, event, receiver }: Call, props: unknown, change: Change): number {
    if (kept.component.module.raw) return text(this.results, props as string)
    const source = (): string => {
      if (receiver !== undefined) return `the receiver ${JSON.stringify(receiver)}`
      return event === undefined ? 'the join' : `the handler ${JSON.stringify(event.handler)}`
    }
    if (change === 'whole') return writeWhole(this.results, props, source)
    return writeChanges(this.results, kept.props as object, props, source)
  }

  /** Nothing is committed; the copy of the props, which may have been changed, is gone already. */
  fail(call: Call, callback: string, error: unknown): void {
    call.context.effects?.truncate(0)
    call.context.settle(false)
    // Nobody waits for this call any more, and Rust has answered it already.
    if (error instanceof GivenUp) return
    call.step?.handled(error)
    if (error instanceof Refusal) {
      this.results.refused(call.number, error)
      if (call.step !== undefined) this.ends(call, call.step, 'LOOM_REFUSED')
    } else {
      this.operator.report(call, callback, error)
      const { frozen, component } = call.kept
      const text = this.development?.thrown(error, frozen) ?? textOf(error)
      const forNow = error instanceof TopicAway
      const message = `${callback} of module ${component.module.name}: ${text}`
      this.development?.recorder.failed(call, text)
      this.development?.failed(kindOf(call), component.module.name, whatFailed(call, callback), text, error)
      this.results.failed(call.number, message, stackOf(error), forNow)
      if (call.step !== undefined) this.ends(call, call.step, 'LOOM_FAILED')
    }
    call.context.end()
  }
}

/** The kind of step, for the message of a failure. */
function kindOf({ event, receiver }: Call): 'event' | 'join' | 'message' {
  return event !== undefined ? 'event' : receiver !== undefined ? 'message' : 'join'
}

/** Names the handler, receiver or join that has failed, for a page that shows failures. */
export function whatFailed({ event, receiver, kept }: Call, callback: string): string {
  const { name } = kept.component.module
  const cause =
    event !== undefined
      ? `the handler ${JSON.stringify(event.handler)}`
      : receiver !== undefined
        ? `the receiver ${JSON.stringify(receiver)}`
        : 'a join'
  if (callback === 'handle' || callback === 'receive') return `${cause} of ${name}`
  return `${callback} of ${name}, after ${cause}`
}

/** The step's effects and redirect, and the message at which a visit ended; empty if there are none. */
function besideOf({ context: { effects, redirectUrl }, thrown }: Call): string {
  const members: string[] = []
  if (effects !== undefined && effects.length > 0) members.push(`"effects":${effects.json(redirectUrl !== '')}`)
  if (thrown !== undefined) members.push(`"thrown":${JSON.stringify(thrown)}`)
  return members.length === 0 ? '' : `{${members.join(',')}}`
}
