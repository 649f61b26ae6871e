/** ECMAScript 2024, and Node 20. */
type WellFormed = string & { isWellFormed(): boolean; toWellFormed(): string }

/** Numbers and text on their way to Rust. */
export class Writer {
  ops = new Uint32Array(1024)
  length = 0
  text = ''

  /**
   * Adds text. Half of a surrogate pair is no character and becomes U+FFFD, as long as it was: next to
   * the other half in the next text it would become one that belongs to neither.
   */
  append(text: string): void {
    this.text += (text as WellFormed).isWellFormed() ? text : (text as WellFormed).toWellFormed()
  }

  op(number: number): void {
    if (this.length === this.ops.length) {
      const grown = new Uint32Array(this.ops.length * 2)
      grown.set(this.ops)
      this.ops = grown
    }
    this.ops[this.length++] = number
  }
}
