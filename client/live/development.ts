/**
 * In development the server serves this behind the client: it shows in the browser's console what the server has found
 * wrong, and asks the server why there is no connection. Its texts are the server's.
 */

import { own, root } from '../dom/elements'
import { registry } from '../hooks/registry'
import { createOverlay } from './overlay'
import type { Failure } from './overlay'
import { exchangeStyles } from './styles'

/** Longer than it takes to connect, shorter than anyone waits. */
const PATIENCE_MS = 3_000
/** Patches come one after the other; mistakes are seldom. */
const PAUSE_MS = 250

const base = new URL('.', import.meta.url)
const overlay = createOverlay()
let next = 0
let asking: ReturnType<typeof setTimeout> | undefined
let isLive = false

function ask(): void {
  asking ??= setTimeout(() => {
    fetch(new URL(`mistakes?after=${next}`, base))
      .then((response) => response.json() as Promise<{ next: number; texts: string[] }>)
      .then((found) => {
        next = found.next
        for (const text of found.texts) {
          console.warn(`loom-live: ${text}`)
          overlay.warn(text)
        }
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

/** A failure and the page's word of it come in either order. */
const MOST_KEPT = 20
const told: string[] = []
const failures: Failure[] = []

function keep<T>(list: T[], one: T): void {
  list.push(one)
  if (list.length > MOST_KEPT) list.shift()
}

/** Whether this page has to do with the failure. */
function concerns({ kind, module, text, page }: Failure): boolean {
  if (kind === 'load') return true
  if (kind === 'mount') return !page || page === location.pathname + location.search
  if (kind === 'message') {
    const containers = [...root.querySelectorAll('[data-l-live]')]
    return containers.some((container) => own.getAttribute(container, 'data-l-live') === module)
  }
  return told.some((message) => message.includes(text))
}

function showWhatConcerns(): void {
  for (const failure of failures.splice(0)) {
    if (concerns(failure)) overlay.fail(failure)
    else keep(failures, failure)
  }
}

/** The server's news, as long as somebody sees the page: a browser has few connections for one host. */
let news: EventSource | undefined
let lastId = ''

function listen(): void {
  if (document.visibilityState === 'hidden') {
    news?.close()
    news = undefined
    return
  }
  if (news) return
  const address = new URL('news', base)
  address.searchParams.set('age', `${Math.round(performance.now())}`)
  // A stream of its own begins without the header that says it.
  if (lastId) address.searchParams.set('after', lastId)
  const source = (news = new EventSource(address))
  const on = (event: string, take: (data: never) => void): void => {
    source.addEventListener(event, ({ data, lastEventId }: MessageEvent<string>) => {
      lastId = lastEventId
      take(JSON.parse(data) as never)
    })
  }
  on('failure', (failure: Failure) => {
    keep(failures, failure)
    showWhatConcerns()
  })
  on('reloaded', ({ modules, files }: { modules: string[]; files: string[] }) => {
    overlay.clear()
    console.info(`loom-live: loaded ${files.join(', ')} again: ${modules.join(', ')}`)
  })
  on('style', ({ file }: { file: string }) => exchangeStyles(file))
}

own.addEventListener(document, 'visibilitychange', listen)
own.addEventListener(window, 'loom:error', (event) => {
  keep(told, (event as CustomEvent<{ message: string }>).detail.message)
  showWhatConcerns()
})
listen()

own.addEventListener(document, 'securitypolicyviolation', (event) => {
  const { effectiveDirective, blockedURI, originalPolicy } = event as SecurityPolicyViolationEvent
  if (effectiveDirective !== 'connect-src' || !blockedURI.startsWith('ws')) return
  console.error(
    `loom-live: the page's Content-Security-Policy forbids the WebSocket ${blockedURI}. Add connect-src 'self' to the policy, which is: ${originalPolicy}`,
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
      'no files. Use data-l-upload (docs/uploads.md). Or send the file with a request of its own (fetch with new ' +
      'FormData(form), to a route of the application), and give the handler the answer of that request',
    form ?? target,
  )
}

for (const type of ['input', 'change', 'submit']) own.addEventListener(document, type, lookForFiles, true)
own.addEventListener(window, 'loom:join', () => (isLive = true))
for (const type of ['loom:join', 'loom:patch', 'loom:lost', 'loom:error']) own.addEventListener(window, type, ask)
setTimeout(() => void askWhy(), PATIENCE_MS)

/** Scripts may be slow to come. */
const HOOK_PATIENCE_MS = 5_000
/** Each is told once. */
const hooksTold = new Set<string>()
let lookingForHooks: ReturnType<typeof setTimeout> | undefined

function lookForHooks(): void {
  lookingForHooks ??= setTimeout(() => {
    lookingForHooks = undefined
    const known = registry()['hooks']
    for (const element of own.querySelectorAll(root, '[data-l-hook]')) {
      const name = own.getAttribute(element, 'data-l-hook') ?? ''
      const isOutside = !own.closest(element, '[data-l-live]')
      if (hooksTold.has(name) || (known.has(name) && !isOutside) || own.matches(element, '[data-l-ignore] *')) continue
      hooksTold.add(name)
      const hooks = [...known.keys()].map((one) => JSON.stringify(one)).join(', ')
      const text = isOutside
        ? 'stands outside of every live component, so it is never mounted: put the element into a live component'
        : `names a hook that no script has registered: hook(${JSON.stringify(name)}, { mounted() { … } }), with hook from the client.js beside the client; ` +
          (hooks ? `there are ${hooks}` : 'there is no hook at all')
      console.warn(`loom-live: data-l-hook=${JSON.stringify(name)} ${text}`, element)
    }
  }, HOOK_PATIENCE_MS)
}

for (const type of ['loom:join', 'loom:patch']) own.addEventListener(window, type, lookForHooks)
