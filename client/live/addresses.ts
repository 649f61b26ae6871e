/** Where the server's HTML and messages may send a page. User content that kept its attributes must not decide this. */

import { root } from '../dom/elements'
import { forms } from '../input/forms'

const script = root.querySelector<HTMLScriptElement>('script[data-l-client]')
const allowed = (script?.dataset.lAllow ?? '').split(/\s+/)

function resolve(address: string): URL | undefined {
  try {
    return new URL(address, location.href)
  } catch {
    return undefined
  }
}

/** A container's `data-l-ws` as a WebSocket URL: on the page's own host, or listed by the client's own script. */
export function socketUrl(address: string): string | undefined {
  const url = resolve(address)
  if (/^wss?:/i.test(address) && allowed.includes(address)) return url?.href
  // The resolved host counts, since "//host" and "/\host" look like paths. A blob's origin is that of its page.
  if (url?.origin !== location.origin || url.protocol !== location.protocol) return undefined
  url.protocol = url.protocol.replace('http', 'ws')
  url.hash = ''
  return url.href
}

export function followRedirect(address: string): void {
  const url = resolve(address)
  if (url && /^https?:$/.test(url.protocol)) {
    forms?.leave()
    location.assign(url.href)
  } else console.error('loom-live: redirect refused:', address)
}
