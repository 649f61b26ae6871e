import type { Around, LiveEvent, LiveRequest, LogCode, Loom, StepMessage, TopicMessage } from '../../index'
import type { JobKind } from '../codec'
import { areStepsObserved, channels } from './channels'

/** The description of a step before it begins. */
export interface About {
  readonly kind: StepMessage['kind']
  readonly module: string
  readonly name: string
  readonly component: string
  readonly event: LiveEvent | undefined
  readonly request: () => LiveRequest
  readonly trace: () => string
}

/** A step that is over, as Rust tells it; times are in nanoseconds. See src/bridge/jobs.rs. */
export type TimedJob = [
  kind: JobKind.TIMED,
  actor: number,
  sequence: number,
  step: number,
  total: number,
  call: number,
  store: number,
  patch: number,
  code: LogCode | '',
]

const MS = 1e6

/** A step that is observed: one object for all that is told of it. */
export class Step implements StepMessage {
  readonly kind: StepMessage['kind']
  readonly module: string
  readonly name: string
  readonly component: string
  readonly event: LiveEvent | undefined
  readonly startTime = performance.now()
  /** When JavaScript was done with it; 0 until then. */
  doneAt = 0
  /** Rust does not say when it is over: nothing is committed. */
  endsHere = false
  /** Something was thrown, and told. */
  hasThrown = false
  /** The effects that the step has asked for, as JSON; empty if nobody listens for them. */
  effects = ''
  private isHandled = false
  private around: Around[] = []

  constructor(
    readonly loom: Loom,
    readonly sequence: number,
    private readonly about: About,
  ) {
    ;({ kind: this.kind, module: this.module, name: this.name, component: this.component, event: this.event } = about)
  }

  get request(): LiveRequest {
    return this.about.request()
  }

  get traceparent(): string {
    return this.about.trace()
  }

  within(around: Around): void {
    this.around.push(around)
  }

  /** Calls the module's callback for the step, wrapped as subscribers want it. */
  run<T>(callback: () => T): T {
    return this.around.reduceRight<() => T>((inner, around) => () => around(inner), callback)()
  }

  /** The callbacks have returned, or one of them has thrown. */
  handled(error?: unknown): void {
    if (this.isHandled) return
    this.isHandled = true
    if (!channels.handle.hasSubscribers) return
    const { startTime } = this
    const failed = error === undefined ? {} : { error }
    channels.handle.publish({ step: this, startTime, duration: performance.now() - startTime, ...failed })
  }

  rendered(startTime: number): void {
    if (channels.render.hasSubscribers)
      channels.render.publish({ step: this, startTime, duration: performance.now() - startTime })
  }
}

/** The steps that are observed, while somebody listens to a channel that tells of them. */
export class Steps {
  /** Looked up before each batch of calls. */
  isObserved = false
  /** By actor, which makes one call at a time: the steps that have begun and are not over. */
  private readonly open = new Map<number, Step>()

  constructor(
    private readonly loom: Loom,
    /** Has Rust tell of steps that are over, or stops that. */
    private readonly observe: (isObserved: boolean) => void,
    private readonly hasStore: boolean,
  ) {}

  /** Looks whether somebody listens. */
  look(): void {
    const isObserved = areStepsObserved()
    if (isObserved === this.isObserved) return
    this.isObserved = isObserved
    if (!isObserved) this.open.clear()
    this.observe(isObserved)
  }

  begin(actor: number, sequence: number, about: About): Step {
    // The actor goes on, so that nothing more is heard of its last step.
    this.abandon(actor)
    const step = new Step(this.loom, sequence, about)
    this.open.set(actor, step)
    channels.stepStart.publish(step)
    return step
  }

  /** The actor makes no call any more, or another one. */
  abandon(actor: number): void {
    // Asked at the end of each actor.
    if (this.open.size === 0) return
    const step = this.open.get(actor)
    if (step === undefined) return
    this.open.delete(actor)
    this.over(step, performance.now() - step.startTime, 'LOOM_STOPPED')
  }

  /** JavaScript is done with a step that Rust does not commit. */
  endsHere(actor: number, step: Step, code: LogCode | ''): void {
    step.doneAt = performance.now()
    if (!step.endsHere) return
    this.open.delete(actor)
    this.over(step, step.doneAt - step.startTime, code)
  }

  /** Rust says that a step is over. */
  timed([, actor, sequence, , total, call, store, patch, code]: TimedJob): void {
    const step = this.open.get(actor)
    if (step?.sequence !== sequence) return
    this.open.delete(actor)
    const doneAt = step.doneAt === 0 ? performance.now() : step.doneAt
    step.handled()
    if (this.hasStore && store > 0) channels.store.publish({ step, startTime: doneAt, duration: store / MS })
    if (code === '') {
      const startTime = doneAt + (this.hasStore ? store / MS : 0)
      channels.patch.publish({ step, startTime, duration: patch / MS })
    }
    const spent = doneAt - step.startTime
    // Without a clock Rust knows nothing: the step began before anybody listened.
    const isKnown = total > 0
    const endTime = isKnown ? doneAt + (store + patch) / MS : performance.now()
    this.over(step, isKnown ? total / MS : endTime - step.startTime, code, {
      endTime,
      waited: isKnown ? Math.max(0, call / MS - spent) : 0,
    })
  }

  private over(
    step: Step,
    duration: number,
    code: LogCode | '',
    { endTime = performance.now(), waited = 0 }: { endTime?: number; waited?: number } = {},
  ): void {
    const outcome = code === '' ? {} : { code }
    const message = { step, duration, endTime, waited, ...outcome }
    if (code === '' && !step.endsHere) channels.commit.publish(message)
    else if (code !== '' && !step.hasThrown && code !== 'LOOM_REFUSED' && channels.error.hasSubscribers)
      channels.error.publish({ loom: this.loom, code, module: step.module, step })
    if (code === '' && step.effects !== '') for (const told of topicsOf(step)) channels.topic.publish(told)
    if (step.kind === 'join') channels.join.publish(message)
    channels.stepEnd.publish(message)
  }
}

/** The messages about the topics of a step that has committed. */
function topicsOf(step: Step): TopicMessage[] {
  const told: TopicMessage[] = []
  for (const effect of JSON.parse(step.effects) as Record<string, unknown>[]) {
    for (const [action, given] of Object.entries(effect)) {
      const [first, second] = Array.isArray(given) ? (given as unknown[]) : [given]
      if (action === 'publish') told.push({ loom: step.loom, action, topic: String(second), step })
      else if (action === 'subscribe' || action === 'unsubscribe')
        told.push({ loom: step.loom, action, topic: String(first), step })
    }
  }
  return told
}
