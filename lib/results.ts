import type { Refusal } from './refusal'
import { Writer } from './writer'

// The header of a result; src/bridge/results.rs reads it and says what it means.
const DONE = 0
const FAILED = 1
const UNKNOWN_HANDLER = 2
const PROPS_NEEDED = 3
const DONE_ANEW = 4
const REFUSED = 5
const DONE_KEEPING_FORM = 6
const WAITS = 7

/** The results of a drain, gathered until they cross to Rust in one call. */
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
    this.op(anew ? DONE_ANEW : keepsForm ? DONE_KEEPING_FORM : DONE)
    this.header = this.length
    for (let size = 0; size < 5; size++) this.op(0)
    this.part = this.length
    this.partBytes = this.bytes
  }

  /** The props are written; what was rendered comes next. */
  propsDone(redirect: string): void {
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
    this.op(FAILED)
    this.op(this.append(message))
    this.op(this.append(stack))
  }

  refused(call: number, { message, reload, redirect = '' }: Refusal): void {
    this.op(call)
    this.op(REFUSED)
    this.op(redirect === '' ? (reload ? 1 : 0) : 2)
    this.op(this.append(message))
    this.op(this.append(redirect))
  }

  unknownHandler(call: number): void {
    this.op(call)
    this.op(UNKNOWN_HANDLER)
  }

  /** No result yet: a join waits for a promise. */
  waits(call: number): void {
    this.op(call)
    this.op(WAITS)
  }

  propsNeeded(call: number): void {
    this.op(call)
    this.op(PROPS_NEEDED)
  }
}
