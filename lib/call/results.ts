import { Action, Status } from '../codec'
import type { Refusal } from './refusal'
import { Writer } from '../render/writer'

/** The results of a batch of calls. One call hands all of them to Rust; src/bridge/results.rs reads them. */
export class Results extends Writer {
  /** The position at which the current result begins, in `ops` and in the text. */
  private start = 0
  private startBytes = 0
  /** The position of the current result's sizes in `ops`. They are filled in when the parts are written. */
  private header = 0
  /** The position at which the current part of the result begins: its props or its tree. */
  private part = 0
  private partBytes = 0

  /** Begins the result of a call that succeeded. The caller writes the change of the props next. */
  begin(call: number, anew: boolean, keepsForm: boolean, hasBeside = false): void {
    this.start = this.length
    this.startBytes = this.bytes
    this.op(call)
    const status = anew ? Status.DONE_ANEW : keepsForm ? Status.DONE_KEEPING_FORM : Status.DONE
    this.op(hasBeside ? status + Status.BESIDE : status)
    this.header = this.length
    for (let size = hasBeside ? 6 : 5; size > 0; size--) this.op(0)
    this.part = this.length
    this.partBytes = this.bytes
  }

  /** Ends the props. The caller writes the tree next. */
  propsDone(redirect: string, frozen: boolean): void {
    if (frozen) this.ops[this.header - 1] = (this.ops[this.header - 1] as number) + Status.FROZEN
    this.ops[this.header] = this.length - this.part
    this.ops[this.header + 1] = this.bytes - this.partBytes
    this.ops[this.header + 2] = this.append(redirect)
    this.part = this.length
    this.partBytes = this.bytes
  }

  /** Ends the tree, and with it the result. `beside` has the step's effects and says how a visit ended, as JSON. */
  treeDone(beside = ''): void {
    this.ops[this.header + 3] = this.length - this.part
    this.ops[this.header + 4] = this.bytes - this.partBytes
    if (beside !== '') this.ops[this.header + 5] = this.append(beside)
    this.comparisons.forget()
  }

  /** Takes back a result that was begun. */
  undo(): void {
    this.length = this.start
    this.bytes = this.startBytes
    this.comparisons.forget()
  }

  /** `stack` is for the log only. If it failed `forNow`, something is away that the step needs: a page that joins tries again. */
  failed(call: number, message: string, stack = '', forNow = false): void {
    this.op(call)
    this.op(forNow ? Status.FAILED_FOR_NOW : Status.FAILED)
    this.op(this.append(message))
    this.op(this.append(stack))
  }

  refused(call: number, { message, reload, redirect = '' }: Refusal): void {
    this.op(call)
    this.op(Status.REFUSED)
    this.op(redirect === '' ? (reload ? Action.RELOAD : Action.NONE) : Action.REDIRECT)
    this.op(this.append(message))
    this.op(this.append(redirect))
  }

  unknownHandler(call: number): void {
    this.op(call)
    this.op(Status.UNKNOWN_HANDLER)
  }

  /** `authorize` allows: nothing else was asked, and nothing changes. */
  allowed(call: number): void {
    this.op(call)
    this.op(Status.ALLOWED)
  }

  /** Tells that a join waits for a promise. Its result comes later. */
  waits(call: number): void {
    this.op(call)
    this.op(Status.WAITS)
  }

  /** A value of a task, as JSON; empty if there is no value. */
  taskValue(task: number, status: Status, json: string): void {
    this.op(task)
    this.op(status)
    this.op(this.append(json))
  }

  /**
   * Asks for the props of a call, because JavaScript has no copy of them. Rust hands the call over again, with its
   * props.
   */
  propsNeeded(call: number): void {
    this.op(call)
    this.op(Status.PROPS_NEEDED)
  }
}
