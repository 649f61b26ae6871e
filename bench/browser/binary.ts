/** A simple binary form of messages, to measure beside JSON text. */

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A value is a tag (0 array, 1 text, 2 number, 3 object), a length or a number as a varint, and the contents. */
export function encode(value: unknown): Uint8Array {
  const bytes: number[] = []
  const number = (tag: number, count: number) => {
    let rest = count * 4 + tag
    while (rest > 127) {
      bytes.push((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    bytes.push(rest)
  }
  const write = (one: unknown): void => {
    if (typeof one === 'number') number(2, one)
    else if (typeof one === 'string') {
      const text = encoder.encode(one)
      number(1, text.length)
      bytes.push(...text)
    } else if (Array.isArray(one)) {
      number(0, one.length)
      one.forEach(write)
    } else {
      const entries = Object.entries(one as object)
      number(3, entries.length)
      for (const [name, inner] of entries) {
        bytes.push(name.charCodeAt(0))
        write(inner)
      }
    }
  }
  write(value)
  return new Uint8Array(bytes)
}

export function decode(bytes: Uint8Array): unknown {
  let at = 0
  const read = (): unknown => {
    let head = 0
    let scale = 1
    let byte: number
    do {
      byte = bytes[at++] as number
      head += (byte & 127) * scale
      scale *= 128
    } while (byte > 127)
    const tag = head & 3
    const count = (head - tag) / 4
    if (tag === 2) return count
    if (tag === 1) return text(count)
    if (tag === 0) {
      const list: unknown[] = []
      for (let index = 0; index < count; index++) list.push(read())
      return list
    }
    const record: Record<string, unknown> = {}
    for (let index = 0; index < count; index++) {
      const name = String.fromCharCode(bytes[at++] as number)
      record[name] = read()
    }
    return record
  }
  const text = (length: number): string => {
    const end = at + length
    // Short texts are faster by hand, as long as they are plain.
    if (length < 24) {
      let plain = ''
      let index = at
      while (index < end && (bytes[index] as number) < 128) plain += String.fromCharCode(bytes[index++] as number)
      if (index === end) {
        at = end
        return plain
      }
    }
    const slice = bytes.subarray(at, end)
    at = end
    return decoder.decode(slice)
  }
  return read()
}
