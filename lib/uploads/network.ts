import { isIPv4, isIPv6 } from 'node:net'

/** The longest text that is kept if it is not an address; a proxy may give any text. */
const LONGEST = 64

const BITS = 128n

/** The 128 bits of an IPv6 address without a zone. */
function bitsOf(address: string): bigint {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const plain =
    dotted === null
      ? address
      : address.slice(0, dotted.index) +
        [0, 2].map((at) => (Number(dotted[at + 1]) * 256 + Number(dotted[at + 2])).toString(16)).join(':')
  const [before = [], after = []] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

/**
 * The name that an address counts as; `src/sessions/addresses.rs` does the same for connections. For IPv6 the first
 * `prefix` bits count, because one person has all addresses that share these bits. `::ffff:a.b.c.d` is an address of
 * IPv4.
 */
export function networkOf(address: string, prefix: number): string {
  const text = address.trim()
  // In brackets, with a zone, with a port, or with all of these.
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text) ?? []
  const [bare = ''] = (bracketed ?? dotted ?? text).split('%', 1)
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return text.slice(0, LONGEST)
  const bits = bitsOf(bare)
  if (bits >> 32n === 0xffffn) return [24n, 16n, 8n, 0n].map((by) => (bits >> by) & 255n).join('.')
  const ignored = BITS - BigInt(Math.min(Math.max(prefix, 0), Number(BITS)))
  return `${(bits >> ignored).toString(16)}/${prefix}`
}
