/** Numbers and text on their way to Rust. */
export class Writer {
  ops = new Uint32Array(1024)
  length = 0
  text = ''

  op(number: number): void {
    if (this.length === this.ops.length) {
      const grown = new Uint32Array(this.ops.length * 2)
      grown.set(this.ops)
      this.ops = grown
    }
    this.ops[this.length++] = number
  }
}
