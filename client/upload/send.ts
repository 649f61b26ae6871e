/**
 * Sends one file over HTTP, in the protocol tus 1.0. After a cut, sending goes on from the byte that the server has.
 */

import { type Entry, remember } from './files'

/** How long a page waits after a cut: a random part of a time that doubles with each cut, up to LAST_WAIT_MS. */
const FIRST_WAIT_MS = 500
const LAST_WAIT_MS = 15_000
/** After so many cuts without a byte between them, which is about ten minutes, the file has failed. */
const MOST_CUTS = 50

/** The reason why a file does not go on, by the status of the server's answer. */
const REASONS: Record<number, string> = {
  403: 'gone',
  404: 'gone',
  410: 'gone',
  413: 'large',
  415: 'type',
  507: 'full',
}

interface Answer {
  status: number
  offset: number
}

/** Sends the whole file. `told` is called when something has changed. */
export async function send(entry: Entry, told: () => void): Promise<void> {
  const { file, direct } = entry
  let cuts = 0
  /** How many bytes the server has; undefined if the server has to be asked. */
  let offset: number | undefined = entry.sent ? undefined : 0
  let isMade = entry.sent > 0
  for (;;) {
    const before = entry.sent
    let answer: Answer
    if (direct) answer = await request(entry, direct.method || 'PUT', direct.url, direct.headers ?? {}, file, told)
    else if (offset === undefined) answer = await ask(entry, 'HEAD')
    else {
      const end = entry.chunk ? offset + entry.chunk : file.size
      const headers: Record<string, string> = { 'content-type': 'application/offset+octet-stream' }
      headers[isMade ? 'upload-offset' : 'upload-length'] = String(isMade ? offset : file.size)
      answer = await ask(entry, isMade ? 'PATCH' : 'POST', headers, file.slice(offset, end), told)
    }
    if (entry.phase !== 'sending') return
    const { status } = answer
    if (status >= 200 && status < 300) {
      isMade = true
      offset = entry.sent = direct ? file.size : answer.offset
      told()
      if (offset < file.size) continue
      entry.phase = 'arrived'
      return
    }
    // The server does not know the file: the first request has not arrived.
    if (status === 404 && !direct && offset === undefined && cuts++ < MOST_CUTS) {
      isMade = false
      offset = entry.sent = 0
      continue
    }
    const reason =
      REASONS[status] ?? (status >= 400 && status < 500 && status !== 409 && status !== 423 ? 'failed' : '')
    if (entry.sent > before) cuts = 0
    if (reason || cuts++ >= MOST_CUTS) {
      entry.phase = 'over'
      entry.error = reason || 'failed'
      remember(entry)
      return
    }
    offset = undefined
    if (direct) entry.sent = 0
    await pause(entry, Math.random() * Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** cuts))
    if (entry.phase !== 'sending') return
  }
}

/** Waits, but not if the network comes back meanwhile. */
function pause(entry: Entry, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer)
      removeEventListener('online', go)
      resolve()
    }
    const timer = setTimeout(go, ms)
    addEventListener('online', go)
    entry.stop = go
  })
}

function ask(
  entry: Entry,
  method: string,
  headers: Record<string, string> = {},
  body: Blob | null = null,
  told?: () => void,
): Promise<Answer> {
  const url = method === 'POST' ? entry.target : `${entry.target}/${entry.serverId}`
  return request(entry, method, url, { ...headers, 'tus-resumable': '1.0.0', 'loom-permit': entry.permit }, body, told)
}

/** Resolves with the status 0 if there was no answer. */
function request(
  entry: Entry,
  method: string,
  url: string,
  headers: Record<string, string>,
  body: Blob | null,
  told?: () => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    // Unlike fetch, XMLHttpRequest says how much has been sent.
    const xhr = new XMLHttpRequest()
    const before = entry.sent
    xhr.open(method, url)
    for (const name in headers) xhr.setRequestHeader(name, headers[name] as string)
    if (told)
      xhr.upload.onprogress = ({ loaded }) => {
        entry.sent = Math.min(before + loaded, entry.file.size)
        told()
      }
    xhr.onloadend = () => {
      const { status } = xhr
      resolve({ status, offset: status ? Number(xhr.getResponseHeader('upload-offset')) || 0 : 0 })
    }
    entry.stop = () => xhr.abort()
    xhr.send(body)
  })
}

/** Tells the server to forget the file. */
export function forget(entry: Entry): void {
  remember(entry)
  if (entry.direct || !entry.permit) return
  void fetch(`${entry.target}/${entry.serverId}`, {
    method: 'DELETE',
    headers: { 'tus-resumable': '1.0.0', 'loom-permit': entry.permit },
    // The request is sent also if the page goes away.
    keepalive: true,
  }).catch(() => undefined)
}
