import { Comparisons } from './steps'

/** Text up to this length is written byte by byte: a call of Node's own writer costs more. */
const SHORT = 24
/** A text buffer larger than this is dropped after a batch. */
const MAX_KEPT = 4 << 20

const DECIMALS = Array.from({ length: 100 }, (_, hundredths) => String(hundredths / 100).slice(1))

/** A batch of numbers and text on its way to Rust. */
export class Writer {
  ops = new Uint32Array(1024)
  length = 0
  /** All texts, as UTF-8; the first `bytes` bytes are in use. */
  text = Buffer.allocUnsafeSlow(4096)
  bytes = 0
  readonly comparisons = new Comparisons()

  /**
   * Adds text. Returns its size in bytes. Half of a surrogate pair becomes U+FFFD.
   */
  append(text: string): number {
    const { length } = text
    const start = this.bytes
    // A UTF-16 unit takes three bytes at most.
    if (start + length * 3 > this.text.length) this.makeRoom(length * 3)
    const bytes = this.text
    // All units, combined by OR: below 128 if every unit is, and then each unit is one byte.
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

  /** Adds a number as text. Returns the text's size in bytes. */
  number(value: number): number {
    const size = Math.abs(value)
    const hundredths = Math.round(size * 100)
    // `String` searches for the shortest decimal of the number. A decimal with two places that equals the number is
    // that shortest one, and is written at a tenth of the cost. For whole numbers `String` is fast.
    if (Number.isInteger(value) || !(hundredths < 1e9 && hundredths / 100 === size)) return this.append(String(value))
    const integer = String((hundredths / 100) | 0)
    return this.append(value < 0 ? `-${integer}` : integer) + this.append(DECIMALS[hundredths % 100] ?? '')
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
