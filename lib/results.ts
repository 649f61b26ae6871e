import { Writer } from './encode'

// The header of a result; src/bridge/results.rs reads it and says what it means.
const DONE = 0
const FAILED = 1
const UNKNOWN_HANDLER = 2
const PROPS_NEEDED = 3

/** The results of a drain, gathered until they cross to Rust in one call. */
export class Results extends Writer {
  /**
   * A call that succeeded. `tree` writes what was rendered; where it throws, nothing of this result
   * is left behind.
   */
  done(call: number, propsJson: string | undefined, redirect: string, tree: () => void): void {
    const { length, text } = this
    try {
      this.op(call)
      this.op(DONE)
      this.op(propsJson === undefined ? 0 : propsJson.length + 1)
      this.op(redirect.length)
      const sizes = this.length
      this.op(0)
      this.op(0)
      this.text += (propsJson ?? '') + redirect
      const textStart = this.text.length
      const start = this.length
      tree()
      this.ops[sizes] = this.length - start
      this.ops[sizes + 1] = this.text.length - textStart
    } catch (error) {
      this.length = length
      this.text = text
      throw error
    }
  }

  failed(call: number, message: string): void {
    this.op(call)
    this.op(FAILED)
    this.op(message.length)
    this.text += message
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
