import { isIPv6 } from 'node:net'

/**
 * What an address counts as: of IPv6 the first 64 bits, since one person has all that follow; `::ffff:a.b.c.d` is an
 * address of IPv4.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? []
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end stands for two groups.
  const groups = after.length + before.length + (after.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups)).fill('0')
  const all = [...before, ...zeros, ...after].slice(0, 4)
  return all.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')
}
