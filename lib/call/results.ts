import { Action, Status } from '../codec'
import type { Refusal } from './refusal'
import { Writer } from '../render/writer'

/** The results of a drain, gathered until they cross to Rust in one call; src/bridge/results.rs reads them. */
export class Results extends Writer {
  /** Where the result begins that is being written. */
  private start = 0
  private startBytes = 0
  private header = 0
  /** Where the part of it begins that is being written. */
  private part = 0
  private partBytes = 0

  /** A call that succeeded. What is written next says how its props changed. */
  begin(call: number, anew: boolean, keepsForm: boolean): void {
    this.start = this.length
    this.startBytes = this.bytes
    this.op(call)
    this.op(anew ? Status.DONE_ANEW : keepsForm ? Status.DONE_KEEPING_FORM : Status.DONE)
    this.header = this.length
    for (let size = 0; size < 5; size++) this.op(0)
    this.part = this.length
    this.partBytes = this.bytes
  }

  /** The props are written; what was rendered comes next. */
  propsDone(redirect: string, frozen: boolean): void {
    if (frozen) this.ops[this.header - 1] = (this.ops[this.header - 1] as number) + Status.FROZEN
    this.ops[this.header] = this.length - this.part
    this.ops[this.header + 1] = this.bytes - this.partBytes
    this.ops[this.header + 2] = this.append(redirect)
    this.part = this.length
    this.partBytes = this.bytes
  }

  treeDone(): void {
    this.ops[this.header + 3] = this.length - this.part
    this.ops[this.header + 4] = this.bytes - this.partBytes
    this.comparisons.forget()
  }

  /** Leaves nothing behind of a result that was begun. */
  undo(): void {
    this.length = this.start
    this.bytes = this.startBytes
    this.comparisons.forget()
  }

  /** `stack` is for the log alone. */
  failed(call: number, message: string, stack = ''): void {
    this.op(call)
    this.op(Status.FAILED)
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

  /** No result yet: a join waits for a promise. */
  waits(call: number): void {
    this.op(call)
    this.op(Status.WAITS)
  }

  propsNeeded(call: number): void {
    this.op(call)
    this.op(Status.PROPS_NEEDED)
  }
}
