/**
 * In development the server serves this behind the client: it shows in the browser's console what the server has found
 * wrong, and asks the server why there is no connection. Its texts are the server's.
 */

import { own, root } from '../dom/elements'

/** Longer than it takes to connect, shorter than anyone waits. */
const PATIENCE_MS = 3_000
/** Patches come one after the other; mistakes are seldom. */
const PAUSE_MS = 250

const base = new URL('.', import.meta.url)
let next = 0
let asking: ReturnType<typeof setTimeout> | undefined
let isLive = false

function ask(): void {
  asking ??= setTimeout(() => {
    fetch(new URL(`mistakes?after=${next}`, base))
      .then((response) => response.json() as Promise<{ next: number; texts: string[] }>)
      .then((found) => {
        next = found.next
        for (const text of found.texts) console.warn(`loom-live: ${text}`)
      })
      // The server is away; the client says so already.
      .catch(() => undefined)
      .finally(() => (asking = undefined))
  }, PAUSE_MS)
}

async function askWhy(): Promise<void> {
  const containers = root.querySelectorAll('[data-l-live]')
  if (isLive || containers.length === 0) return
  try {
    const response = await fetch(new URL('ws', base))
    const message = await response.text()
    if (response.status !== 426 || isLive) return
    console.error(`loom-live: ${message}`)
    for (const container of containers) {
      own.dispatchEvent(container, new CustomEvent('loom:error', { bubbles: true, detail: { message } }))
    }
  } catch {
    // As above.
  }
}

own.addEventListener(document, 'securitypolicyviolation', (event) => {
  const { effectiveDirective, blockedURI, originalPolicy } = event as SecurityPolicyViolationEvent
  if (effectiveDirective !== 'connect-src' || !blockedURI.startsWith('ws')) return
  console.error(
    `loom-live: the page's Content-Security-Policy forbids the WebSocket ${blockedURI}. Add connect-src 'self' to it; it is: ${originalPolicy}`,
  )
})

/** Files stay behind without a word. */
let isFileTold = false

function lookForFiles({ type, target }: Event): void {
  if (isFileTold || !(target instanceof Element)) return
  const form = target instanceof HTMLFormElement ? target : (target as Partial<HTMLInputElement>).form
  const bound = own.closest(form ?? target, `[data-l-${type}]`)
  if (!bound || !own.closest(bound, '[data-l-live]')) return
  const inputs = form ? [...new FormData(form)] : []
  const [name] = inputs.find(([, value]) => value instanceof File && value.name !== '') ?? []
  const isAlone = !form && (target as Partial<HTMLInputElement>).type === 'file'
  if (name === undefined && !isAlone) return
  isFileTold = true
  console.warn(
    `loom-live: the file in ${JSON.stringify(name ?? own.getAttribute(target, 'name') ?? '')} is not sent: handlers get the texts of a form, and ` +
      'no files. Upload it with a request of its own (fetch with new FormData(form), to a route of the application), and ' +
      'give the handler what that answers',
    form ?? target,
  )
}

for (const type of ['input', 'change', 'submit']) own.addEventListener(document, type, lookForFiles, true)
own.addEventListener(window, 'loom:join', () => (isLive = true))
for (const type of ['loom:join', 'loom:patch', 'loom:lost', 'loom:error']) own.addEventListener(window, type, ask)
setTimeout(() => void askWhy(), PATIENCE_MS)
