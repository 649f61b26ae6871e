import type { Refusal } from './errors'
import { Writer } from './writer'

// The header of a result; src/bridge/results.rs reads it and says what it means.
const DONE = 0
const FAILED = 1
const UNKNOWN_HANDLER = 2
const PROPS_NEEDED = 3
const DONE_ANEW = 4
const REFUSED = 5

/** The results of a drain, gathered until they cross to Rust in one call. */
export class Results extends Writer {
  /**
   * A call that succeeded. `props` writes how they changed, `tree` what was rendered; where one of
   * them throws, nothing of this result is left behind.
   */
  done<T>(call: number, anew: boolean, redirect: string, props: () => void, tree: () => T): T {
    const { length, bytes } = this
    try {
      this.op(call)
      this.op(anew ? DONE_ANEW : DONE)
      const header = this.length
      for (let size = 0; size < 5; size++) this.op(0)
      const propsAt = this.length
      const propsText = this.bytes
      props()
      const treeAt = this.length
      this.ops[header] = treeAt - propsAt
      this.ops[header + 1] = this.bytes - propsText
      this.ops[header + 2] = this.append(redirect)
      const treeText = this.bytes
      const result = tree()
      this.ops[header + 3] = this.length - treeAt
      this.ops[header + 4] = this.bytes - treeText
      return result
    } catch (error) {
      this.length = length
      this.bytes = bytes
      throw error
    }
  }

  failed(call: number, message: string): void {
    this.op(call)
    this.op(FAILED)
    this.op(this.append(message))
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

  propsNeeded(call: number): void {
    this.op(call)
    this.op(PROPS_NEEDED)
  }
}
