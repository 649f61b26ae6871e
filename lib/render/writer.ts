import { Comparisons } from './steps'

/** Text up to this length is written byte by byte: calling Node's own writer costs more. */
const SHORT = 24
/** Room for more than this is given back after a batch. */
const MAX_KEPT = 4 << 20

const DECIMALS = Array.from({ length: 100 }, (_, hundredths) => String(hundredths / 100).slice(1))

/** Numbers and text on their way to Rust. */
export class Writer {
  ops = new Uint32Array(1024)
  length = 0
  /** All texts, as UTF-8. */
  text = Buffer.allocUnsafeSlow(4096)
  bytes = 0
  readonly comparisons = new Comparisons()

  /**
   * Adds text, and tells how many bytes it is. Half of a surrogate pair is no character and becomes
   * U+FFFD.
   */
  append(text: string): number {
    const { length } = text
    const start = this.bytes
    // No UTF-16 unit takes more than three bytes.
    if (start + length * 3 > this.text.length) this.makeRoom(length * 3)
    const bytes = this.text
    // All units in one: below 128 if every one is, and then a unit is a byte.
    let all = 128
    if (length <= SHORT) {
      all = 0
      for (let index = 0; index < length; index++) {
        const unit = text.charCodeAt(index)
        all |= unit
        bytes[start + index] = unit
      }
    }
    const size = all < 128 ? length : bytes.write(text, start)
    this.bytes = start + size
    return size
  }

  /** Adds a number as text. */
  number(value: number): number {
    const size = Math.abs(value)
    const hundredths = Math.round(size * 100)
    // A decimal of so few digits is the shortest one for its number, which is what `String` looks
    // for, at ten times the cost. Of whole numbers it knows the text.
    if (Number.isInteger(value) || !(hundredths < 1e9 && hundredths / 100 === size)) return this.append(String(value))
    const whole = String((hundredths / 100) | 0)
    return this.append(value < 0 ? `-${whole}` : whole) + this.append(DECIMALS[hundredths % 100] ?? '')
  }

  private makeRoom(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.text.length * 2, this.bytes + count))
    this.text.copy(grown, 0, 0, this.bytes)
    this.text = grown
  }

  op(number: number): void {
    if (this.length === this.ops.length) {
      const grown = new Uint32Array(this.ops.length * 2)
      grown.set(this.ops)
      this.ops = grown
    }
    this.ops[this.length++] = number
  }

  clear(): void {
    this.length = 0
    this.bytes = 0
    if (this.text.length > MAX_KEPT) this.text = Buffer.allocUnsafeSlow(4096)
  }
}
