/** Fetches pages from the server, also before anybody has clicked. */

import { own, root, trust } from '../input/core'

/** A page that can take the place of the one that is shown. */
export interface Loaded {
  url: URL
  page: Document
}

/** How long a page that was fetched before a click may be used. */
const FRESH_MS = 10_000

export const CLIENT = 'script[data-l-client]'

let fetched: { href: string; since: number; answer: Promise<Loaded | undefined>; abort: AbortController } | undefined

const isFetched = ({ href }: URL): boolean => fetched?.href === href && performance.now() - fetched.since < FRESH_MS

/** Fetches the page before somebody clicks. One page at a time. */
export function prefetch(url: URL): void {
  if (isFetched(url)) return
  fetched?.abort.abort()
  const abort = new AbortController()
  const answer = load(url, abort.signal)
  answer.catch(() => undefined)
  fetched = { href: url.href, since: performance.now(), answer, abort }
}

/** The page, fetched before or now. Undefined if only the browser can show the answer. */
export function fetchPage(url: URL, signal: AbortSignal): Promise<Loaded | undefined> {
  const before = isFetched(url) ? fetched : undefined
  fetched = undefined
  // The fetch that failed before may succeed now.
  return before ? before.answer.catch(() => load(url, signal)) : load(url, signal)
}

async function load(url: URL, signal: AbortSignal): Promise<Loaded | undefined> {
  const response = await fetch(url, { headers: { accept: 'text/html' }, signal })
  const { headers } = response
  const isDownload = /^\s*attachment/i.test(headers.get('content-disposition') ?? '')
  if (isDownload || !/^\s*text\/html\b/i.test(headers.get('content-type') ?? '')) {
    await response.body?.cancel()
    return undefined
  }
  const page = new DOMParser().parseFromString(trust(await response.text()), 'text/html')
  const here = own.querySelector(root, CLIENT)
  const there = page.documentElement.querySelector(CLIENT)
  // The page is not one of loom-live, or needs another build of the client.
  if (!here || here.getAttribute('src') !== there?.getAttribute('src')) return undefined
  const final = new URL(response.url)
  final.hash ||= url.hash
  return { url: final, page }
}
