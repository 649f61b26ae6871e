/** Where the server's HTML and messages may send a page: user content that kept its attributes must not decide it. */

const script = document.querySelector<HTMLScriptElement>('script[data-l-client]')
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
  if (/^wss?:/i.test(address)) return url && allowed.includes(address) ? url.href : undefined
  // The resolved host counts, since "//host" and "/\host" look like paths.
  if (url?.origin !== location.origin || !/^https?:$/.test(url.protocol)) return undefined
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  return url.href
}

export function followRedirect(address: string): void {
  const url = resolve(address)
  if (url && /^https?:$/.test(url.protocol)) location.assign(url.href)
  else console.error('loom-live: redirect refused:', address)
}
