import proxyaddr from 'proxy-addr'
import type { TrustProxy } from '../../index'
import { invalid } from '../check'

/** Whether the proxy at this address, `hop` hops away, is trusted to name the client's address. */
export type Trust = (address: string, hop: number) => boolean

/** The trust of an application that has not set `trustProxy`. */
export const trustsNobody: Trust = () => false

/** The option `trustProxy` as a function. It means the same as Express' setting `trust proxy`. */
export function trustOf(trustProxy: TrustProxy | undefined): Trust {
  if (trustProxy === undefined || trustProxy === false) return trustsNobody
  if (trustProxy === true) return () => true
  if (typeof trustProxy === 'function') return trustProxy
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  const list = typeof trustProxy === 'string' ? trustProxy.split(',').map((part) => part.trim()) : trustProxy
  if (!Array.isArray(list)) throw invalid('a boolean, a number, addresses or a function', 'trustProxy', list)
  try {
    return proxyaddr.compile(list as string[])
  } catch {
    throw invalid('IP addresses, or the names loopback, linklocal and uniquelocal', 'trustProxy', String(trustProxy))
  }
}
