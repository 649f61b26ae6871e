import type { Flash, FlashKind, Topic } from '../../index'
import { LoomError } from '../errors'
import { stringifyData } from '../render/props'
import { Context } from './context'
import { type Effects, sentData, topicName } from './effects'
import { checkAnnouncement, checkFlash } from './flash'

/** An effect of a handler: to publish to a topic, or to send to an address. */
export interface Outgoing {
  readonly kind: 'publish' | 'send'
  /** The topic or the address. */
  readonly to: string
  readonly id: string
  readonly json: string
}

/** The functions of `ctx` that work without an actor. */
const WORKS = new Set(['publish', 'send', 'flash', 'announce'])

/** Notes messages and flashes of the handler. They are sent when the handler has returned. */
class FormEffects implements Pick<Effects, 'publish' | 'send' | 'flash' | 'announce'> {
  readonly list: Outgoing[] = []
  readonly flashes: Flash[] = []

  constructor(private readonly cause: string) {}

  publish(topic: string | Topic<unknown>, data?: unknown): void {
    const to = topicName(topic, 'ctx.publish')
    this.add(
      'publish',
      to,
      stringifyData(data, () => `the data of ctx.publish(${JSON.stringify(to)})`),
    )
  }

  send(address: string, receiver: string, data?: unknown): void {
    this.add('send', address, sentData(receiver, data, 'ctx.send'))
  }

  flash(kind: FlashKind, text: string): void {
    checkFlash(kind, text, this.flashes)
    this.flashes.push({ kind, text })
  }

  /** A page that is loaded anew is read from its beginning. */
  announce(text: string): void {
    checkAnnouncement(text)
  }

  private add(kind: Outgoing['kind'], to: string, json: string): void {
    this.list.push({ kind, to, json, id: `${this.cause}/${this.list.length + 1}` })
  }
}

/** The context of a handler for a form that was sent without the client's script. There is no actor. */
export class FormContext extends Context {
  private outgoingEffects: FormEffects | undefined
  /** The event's id. The ids of messages begin with it. */
  formId = ''

  get outgoing(): readonly Outgoing[] {
    return this.outgoingEffects?.list ?? []
  }

  get flashes(): readonly Flash[] {
    return this.outgoingEffects?.flashes ?? []
  }

  protected override get takesSteps(): boolean {
    return true
  }

  /** The form is sent by a page that is loaded with the answer: nobody waits for a value, as of a click. */
  protected override get answersEvent(): boolean {
    return true
  }

  protected override effectsFor(what: string): Effects {
    if (!WORKS.has(what)) {
      throw new LoomError(
        'LOOM_NO_ACTOR',
        `ctx.${what} has no effect here: the form was sent without the client's script, so there is no live component. ` +
          'ctx.publish, ctx.send, ctx.flash and ctx.redirect work; do the rest in connected, which runs when the page comes to life',
      )
    }
    // Only the functions in `WORKS` are called.
    return (this.outgoingEffects ??= new FormEffects(this.formId)) as unknown as Effects
  }
}
