import type { LiveContext, LiveEvent } from '../../index'
import { isThenable } from '../check'
import { Joins as JoinKind, MODEL } from '../codec'
import { GivenUp, textOf } from '../errors'
import { setProp } from '../forms/model'
import type { Entry as Kept } from './cache'
import type { Call } from './call'
import { type Commit, UNKNOWN, whatFailed } from './commit'
import { Context, type ContextHost } from './context'
import type { Development } from './development'
import type { GivenUpCalls } from './given_up'
import { type HookCall, hookCallOf } from './hook_calls'
import type { Isolation } from './isolation'
import { askAuthorize, checkAllowed, connect, type First, firstProps, type Joining, type Origin } from './join'
import type { Joins } from './joins'
import type { Arrived } from './messages'
import { type AnyHandler, type Entry, handlerOf, type LiveEntry } from './modules'
import type { Operator } from './operator'
import { receive, type Visit } from './receive'
import { PARAMS } from './reserved'
import type { Results } from './results'
import type { Steps } from '../telemetry/steps'
import { handleParams } from './params'
import { handleUpload } from './uploading'
import { UPLOAD } from '../uploads/rules'

/** OpenTelemetry's name for a value that is not in the list of known ones. */
const OTHER = '_OTHER'

type Callee = (props: Record<string, unknown>, event: LiveEvent, ctx: LiveContext) => unknown

/** The name of a handler of the module. A page can send any other name, and there is no end of such names. */
function nameOf(entry: Entry, { type, handler }: LiveEvent): string {
  if (entry.raw) return OTHER
  const isKnown =
    type === MODEL
      ? entry.model.has(handler)
      : handler === UPLOAD || handler === PARAMS || handlerOf(entry.module, handler) !== undefined
  return isKnown ? handler : OTHER
}

/** Calls the module's callbacks for an event or a join: `authorize`, `upgrade`, `mount`, the handler. */
export class Handling {
  constructor(
    private readonly commit: Commit,
    private readonly givenUp: GivenUpCalls,
    private readonly joins: Joins,
    private readonly results: Results,
    private readonly isolation: Isolation,
    private readonly operator: Operator,
    private readonly development: Development | undefined,
    private readonly host: ContextHost,
    private readonly steps: Steps,
    /** Results that come outside a drain are to be fetched. */
    private readonly flushSoon: () => void,
  ) {}

  callOf(number: number, sequence: number, kept: Kept, event: LiveEvent | undefined): Call {
    const { id, module } = kept.component
    const context = new Context(id, module.name, this.host, number, kept.component, event)
    this.development?.watch?.(context)
    const began = this.development === undefined ? 0 : performance.now()
    return { number, sequence, context, began, during: 'handle', event, kept }
  }

  /** A step begins. Makes the step's messages if somebody listens to them. */
  private observe(call: Call, kind: 'event' | 'message' | 'join', name: string): void {
    const { component } = call.kept
    const { context, event } = call
    call.step = this.steps.begin(component.actor, call.sequence, {
      kind,
      module: component.module.name,
      name,
      component: component.instance,
      event,
      request: () => context.anyRequest,
      trace: () => context.traceparent,
    })
  }

  /** Handles an event. */
  event(number: number, sequence: number, kept: Kept, sent: LiveEvent): void {
    const { module } = kept.component
    let hookCall: HookCall | undefined
    try {
      hookCall = hookCallOf(sent, module.raw)
    } catch (error) {
      this.commit.fail(this.callOf(number, sequence, kept, sent), 'handle', error)
      return
    }
    const event = hookCall?.event ?? sent
    const call = this.callOf(number, sequence, kept, event)
    call.context.hookCall = hookCall?.number
    if (this.steps.isObserved) this.observe(call, 'event', nameOf(module, event))
    const handle = (): unknown =>
      module.raw
        ? module.module.handle_json(
            event.handler,
            kept.props as string,
            event.value ?? '',
            event.checked === undefined ? '' : String(event.checked),
            event.key ?? '',
          )
        : this.handle(call, module, kept.props as Record<string, unknown>, event)
    try {
      const result = call.step === undefined ? handle() : call.step.run(handle)
      if (isThenable(result)) {
        this.wait(call, call, result, (value) => {
          this.commit.finish(call, value)
        })
      } else {
        this.commit.finish(call, result)
      }
    } catch (error) {
      this.commit.fail(call, call.during, error)
    }
  }

  /** Handles messages from the server: all that wait, together. */
  visit(number: number, sequence: number, kept: Kept, messages: readonly Arrived[]): void {
    const { module } = kept.component
    const call = this.callOf(number, sequence, kept, undefined)
    call.during = 'receive'
    call.receiver = messages[0]?.receiver ?? ''
    if (this.steps.isObserved) this.observe(call, 'message', call.receiver)
    if (module.raw) {
      this.rawAgain(call, messages)
      return
    }
    const finish = (props: unknown): void => {
      if (call.failure !== undefined) {
        const { failure, thrown } = call
        this.operator.report(call, 'receive', failure)
        const text = thrown?.[1] ?? textOf(failure)
        this.development?.failed('message', module.name, whatFailed(call, 'receive'), text, failure)
      }
      this.commit.received(call, props)
    }
    try {
      const { development } = this
      const isWanted = (): boolean => this.givenUp.isWanted(number) && !call.context.isAborted
      const visit: Visit = { entry: module, development, isWanted }
      const handle = (): unknown => receive(call, visit, kept.props as Record<string, unknown>, messages)
      const props = call.step === undefined ? handle() : call.step.run(handle)
      if (isThenable(props)) this.wait(call, call, props, finish)
      else finish(props)
    } catch (error) {
      this.commit.fail(call, call.during, error)
    }
  }

  /**
   * A raw module has no receivers. The only message for it is that of development, which has the component render
   * again.
   */
  private rawAgain(call: Call, messages: readonly Arrived[]): void {
    const { props } = call.kept
    const given = messages
      .map(({ message }) => message.data)
      .filter((data) => data !== undefined)
      .at(-1)
    if (given === undefined) this.commit.render(call, props, 'none')
    else this.commit.render(call, JSON.stringify(given), 'whole')
  }

  /** Renders for the first time, if the page may join. */
  first(call: Call, origin: Origin): void {
    if (!this.givenUp.isWanted(call.number)) return
    const { component, props } = call.kept
    const { module } = component
    if (origin !== null) this.development?.joined(module.name)
    this.development?.recorder.joins(call, this.host.readCaller(call.number))
    this.operator.witness?.joins(component, this.host.readCaller(call.number))
    if (this.steps.isObserved && origin?.[0] !== JoinKind.SHOWN) {
      this.observe(call, 'join', '')
      if (call.step !== undefined)
        call.step.endsHere = origin?.[0] === JoinKind.RESUME || origin?.[0] === JoinKind.VIEWER
    }
    // A component that is resumed has been connected.
    const connects = !module.raw && module.module.connected !== undefined && origin?.[0] !== JoinKind.RESUME
    if (module.raw || (origin === null && !connects)) {
      this.commit.render(call, props, 'none')
      return
    }
    call.context.isStep = origin === null
    const joining: Joining = {
      context: call.context,
      during: 'join',
      isWanted: () => this.givenUp.isWanted(call.number) && !call.context.isAborted,
      refused: (given) => {
        this.refused(call, given)
      },
      failed: (error) => {
        const what = `upgrade of module ${module.name} from version ${origin?.[1]} to ${module.version}`
        this.operator.tell('warn', 'LOOM_STATE', `${what}: ${textOf(error)}`, { module: module.name })
        this.operator.report(call, 'upgrade', error)
        this.development?.failed('message', module.name, what, textOf(error), error)
      },
    }
    if (origin !== null && origin[0] === JoinKind.VIEWER) {
      this.viewer(call, module, joining)
      return
    }
    const render = ({ props: first, changed, anew }: First): void => {
      if (joining.isWanted()) this.commit.render(call, first, changed ? 'whole' : 'none', anew)
    }
    const kind = origin?.[0]
    call.context.revived = kind === JoinKind.CHECKPOINT || kind === JoinKind.SHARED_STATE
    call.context.behind = origin?.[2] === 1
    const start = (first: First): void => {
      if (!connects) {
        render(first)
        return
      }
      if (!joining.isWanted()) return
      call.context.isStep = true
      const connecting = (): First | Promise<First> => connect(module, first, joining, call.context)
      const connected = call.step === undefined ? connecting() : call.step.run(connecting)
      if (connected instanceof Promise) {
        this.results.waits(call.number)
        this.wait(call, joining, connected, render)
      } else render(connected)
    }
    try {
      const begin = (): First | Promise<First> => firstProps(module, props as Record<string, unknown>, origin, joining)
      const first = call.step === undefined ? begin() : call.step.run(begin)
      if (first instanceof Promise) {
        // Others may join meanwhile; src/turns/mod.rs.
        this.results.waits(call.number)
        this.wait(call, joining, first, start)
      } else start(first)
    } catch (error) {
      this.commit.fail(call, joining.during, error)
    }
  }

  /** Asks whether a page may still see its component. Its props are not known here, and nothing of it changes. */
  stillAllowed(call: Call): void {
    const { number, context } = call
    const { module } = call.kept.component
    if (!this.givenUp.isWanted(number)) return
    call.during = 'authorize'
    context.isStep = false
    const check = (allowed: unknown): void => {
      checkAllowed(allowed, (given) => {
        this.refused(call, given)
      })
    }
    const done = (): void => {
      context.end()
      this.results.allowed(number)
    }
    try {
      const allowed: unknown = module.raw ? true : module.module.authorize?.(context, undefined)
      if (isThenable(allowed)) this.wait(call, call, Promise.resolve(allowed).then(check), done)
      else {
        check(allowed)
        done()
      }
    } catch (error) {
      this.commit.fail(call, call.during, error)
    }
  }

  /** Asks whether a page may see a shared component, and renders nothing: the component shows the same to all. */
  private viewer(call: Call, entry: LiveEntry, joining: Joining): void {
    const allow = (): void => {
      this.results.allowed(call.number)
      call.context.end()
      if (call.step !== undefined) this.commit.ends(call, call.step)
    }
    try {
      const ask = (): void | Promise<void> => askAuthorize(entry, joining)
      const allowed = call.step === undefined ? ask() : call.step.run(ask)
      if (allowed instanceof Promise) {
        this.results.waits(call.number)
        this.wait(call, joining, allowed, allow)
      } else allow()
    } catch (error) {
      this.commit.fail(call, joining.during, error)
    }
  }

  /** `authorize` returned neither `true` nor `false`. This refuses, and in development a warning says why. */
  private refused({ kept }: Call, given: string): void {
    this.development?.checkAuthorize(kept.component.module.name, given)
  }

  /**
   * The function that an event calls: a handler, or, if a control has sent the event, the one that sets the control's
   * prop.
   */
  private callee({ module, model }: LiveEntry, { type, handler }: LiveEvent): Callee | undefined {
    if (type !== MODEL) return handlerOf(module, handler)?.bind(module.handle)
    const validate = model.get(handler)
    return validate && ((props, event, ctx) => setProp(validate, props, event, ctx))
  }

  private handle(call: Call, entry: LiveEntry, props: Record<string, unknown>, event: LiveEvent): unknown {
    const { context } = call
    const { module } = entry
    const callee = this.ownHandler(call, event) ?? this.callee(entry, event)
    if (callee === undefined) return UNKNOWN
    if (module.authorize === undefined) return callee(props, event, context)
    call.during = 'authorize'
    context.isStep = false
    const allowed: unknown = module.authorize(context, event)
    const handle = (allowed: unknown): unknown => {
      if (!this.givenUp.isWanted(call.number) || context.isAborted) throw new GivenUp()
      checkAllowed(allowed, (given) => {
        this.refused(call, given)
      })
      call.during = 'handle'
      context.isStep = true
      return callee(props, event, context)
    }
    return isThenable(allowed) ? Promise.resolve(allowed).then(handle) : handle(allowed)
  }

  /** The library's own function for the event, if the page says something of its uploads, or of its address. */
  private ownHandler(call: Call, { handler, type }: LiveEvent): AnyHandler | undefined {
    const { module: entry } = call.kept.component
    const { uploads } = this.host
    // A control's event names a prop, whatever the prop is called.
    if (type === MODEL || entry.raw) return undefined
    if (handler === PARAMS && entry.module.params !== undefined)
      return (props, event, context) => handleParams(entry, props, event, context) as ReturnType<AnyHandler>
    if (handler !== UPLOAD || entry.uploads === undefined || uploads === undefined) return undefined
    const visit = { entry, development: this.development }
    return (props, event) => handleUpload(call, visit, uploads, props, event)
  }

  /** Goes on when the promise has settled, with whatever else waits then. */
  wait<T>(call: Call, at: { readonly during: string }, promise: PromiseLike<T>, next: (value: T) => void): void {
    this.givenUp.started(call.number, call.context)
    // A promise of our own: any other thenable may call back twice.
    Promise.resolve(promise).then(
      (value) => {
        this.finishLater(call, () => {
          try {
            next(value)
          } catch (error) {
            // As of a callback that is not async: thrown here, it would end the process.
            this.commit.fail(call, at.during, error)
          }
        })
      },
      (error: unknown) => {
        this.finishLater(call, () => {
          this.commit.fail(call, at.during, error)
        })
      },
    )
  }

  /** An async callback has ended: too late, if its call was given up meanwhile. */
  private finishLater(call: Call, finish: () => void): void {
    if (!this.givenUp.ended(call.number, call.context)) return
    // Many joins may have waited for the same promise.
    if (call.event === undefined && call.receiver === undefined) {
      this.joins.add(call.number, () => {
        this.isolation.run(finish, undefined)
      })
    } else finish()
    this.flushSoon()
  }
}
