/**
 * The file that the client loads for pages with uploads: it asks for permits, sends files side by side, and tells the
 * component how far they are.
 */

import type { UploadCore } from '../input/uploads'
import { listen, type Chosen } from './choose'
import { core, entries, recall, remember, take, type Direct, type Entry } from './files'
import { showPreviews } from './preview'
import { forget, send } from './send'

/** The same as UPLOAD in lib/uploads/rules.ts. */
const NAME = 'loom.upload'
/** How many files are sent at a time. Browsers have six connections to a host, and the page needs some of them. */
const AT_A_TIME = 3
/** How often a component is told the progress of its files. */
const TELL_MS = 250
/** After so many tries without an answer, the file has failed: each event has failed, or was lost. */
const MOST_TRIES = 2

/** The server's push `loom.upload`. */
interface Said {
  'u': string
  'asked'?: { 'k': string; 'id': string; 'permit'?: string; 'error'?: string; 'direct'?: Direct }[]
  'over'?: { 'id'?: string; 'error'?: string }
  'chunk': number
  'to': string
  'cancel'?: string
}

/** Uploads with changes that their containers have not been told yet. */
const untold = new Map<Element, Set<string>>()
let timer: ReturnType<typeof setInterval> | undefined
let places = 0

export function start(given: UploadCore): void {
  take(given)
  listen(choose)
  document.addEventListener('loom:push', (event) => {
    const { target, detail } = event as CustomEvent<{ 'name': string; 'data': Said }>
    if (detail['name'] === NAME && target instanceof Element) hear(target, detail['data'])
  })
  document.addEventListener('loom:patch', showPreviews)
  document.addEventListener('loom:join', ({ target }) => {
    showPreviews()
    // A component whose state begins anew, or from an earlier one, may not have heard of the files.
    for (const { container, upload } of entries) if (container === target) changed(container, upload)
  })
  document.addEventListener('loom:reset', ({ target }) => {
    for (const entry of entries) if (entry.container === target) askAnew(entry)
  })
}

function choose(chosen: Chosen | undefined): void {
  if (!chosen) return
  const { container, upload, files, refusals, input } = chosen
  // Failed files are shown until the user chooses again.
  drop((entry) => entry.phase === 'over' && entry.container === container && entry.upload === upload)
  files.forEach((file, index) => {
    const error = refusals[index] ?? ''
    entries.push({
      container,
      upload,
      file,
      place: `p${++places}`,
      phase: error ? 'over' : 'asking',
      serverId: '',
      permit: '',
      sent: 0,
      error,
      tries: 0,
      stop: undefined,
      direct: undefined,
      target: '',
      chunk: 0,
      input,
    })
  })
  showPreviews()
  changed(container, upload)
  tick()
}

function drop(isOver: (entry: Entry) => boolean): void {
  for (let at = entries.length; at--;) if (isOver(entries[at] as Entry)) entries.splice(at, 1)
}

function changed(container: Element, upload: string): void {
  const uploads = untold.get(container) ?? new Set()
  untold.set(container, uploads.add(upload))
  timer ??= setInterval(tick, TELL_MS)
}

/** Called a few times a second while a file is under way, or a component has to be told something. */
function tick(): void {
  leave()
  for (const [container, uploads] of untold) {
    // Only if all earlier events are answered ("live"): so a slow server is not told faster than it can hear.
    if (core.own.getAttribute(container, 'data-l-state') !== 'live') continue
    for (const upload of [...uploads]) say(container, upload)
  }
  for (const entry of entries) {
    if (sending() >= AT_A_TIME) break
    if (entry.phase === 'sending' && !entry.stop) sendNow(entry)
  }
  if (
    entries.some(({ phase }) => phase === 'asking' || phase === 'sending' || phase === 'arrived' || phase === 'handed')
  )
    return
  if (untold.size) return
  clearInterval(timer)
  timer = undefined
}

/**
 * The component's state began anew and knows no permit: the file's bytes stay, and sending goes on with a new permit.
 */
function askAnew(entry: Entry): void {
  if (entry.phase !== 'sending' && entry.phase !== 'arrived') return
  entry.phase = 'asking'
  entry.tries = 0
  entry.stop?.()
}

/** Cancels the files of containers that have gone from the page. */
function leave(): void {
  for (const entry of entries) {
    if (core.components.has(entry.container)) continue
    cancel(entry)
    untold.delete(entry.container)
  }
  drop(({ container }) => !core.components.has(container))
}

const sending = () => entries.filter(({ phase, stop }) => phase === 'sending' && stop).length

function say(container: Element, upload: string): void {
  const own = entries.filter((entry) => entry.container === container && entry.upload === upload)
  const asks: object[] = []
  let done: string | undefined
  for (const entry of own) {
    if (entry.phase === 'asking' || entry.phase === 'handed' || (entry.phase === 'arrived' && !done)) {
      // No answer for this file has come, although the component is "live", so that all events are answered.
      if (entry.tries >= MOST_TRIES) fail(entry, 'failed')
      else if (entry.phase === 'asking') {
        const { name, type, size } = entry.file
        asks.push({ 'k': entry.place, 'name': name, 'type': type, 'size': size, 'p': recall(entry) })
        entry.tries++
      } else if (!done) {
        if (entry.phase === 'arrived') entry.tries = 0
        entry.phase = 'handed'
        entry.tries++
        done = entry.permit
      }
    }
  }
  const list = own
    .filter(({ phase }) => phase !== 'asking' && phase !== 'handed')
    .map(({ place, serverId, file: { name, type, size }, sent, error }) => ({
      'id': serverId || place,
      'name': name,
      'type': type,
      'size': size,
      'sent': sent,
      ...(error && { 'error': error }),
    }))
  const uploads = untold.get(container)
  // The other changes are said the next time.
  if (!own.some(({ phase }) => phase === 'arrived' || phase === 'handed' || phase === 'asking')) uploads?.delete(upload)
  if (!uploads?.size) untold.delete(container)
  const value = JSON.stringify({ 'u': upload, 'a': asks, 'd': done, 'l': list })
  core.components
    .get(container)
    ?.issue({ handler: NAME, type: 'upload', vars: { v: value }, attribute: 'upload' }, container, undefined)
}

/** The server has answered. */
function hear(container: Element, said: Said): void {
  const { over, cancel: id } = said
  for (const entry of entries) {
    if (entry.container !== container) continue
    const told = said['asked']?.find(({ k }) => k === entry.place && entry.phase === 'asking')
    if (told) {
      entry.serverId = told['id']
      entry.tries = 0
      if (told['permit']) {
        entry.permit = told['permit']
        entry.direct = told['direct']
        entry.target = said['to']
        entry.chunk = said['chunk']
        // The upload may have been begun before a reload: the server knows how many bytes it has.
        if (recall(entry) && !entry.direct) entry.sent = 1
        entry.phase = 'sending'
        remember(entry, entry.permit)
      } else fail(entry, told['error'] ?? 'failed')
    }
    if (over && entry.phase === 'handed' && (!over['id'] || over['id'] === entry.serverId)) {
      if (over['error']) fail(entry, over['error'])
      else {
        entry.phase = 'over'
        remember(entry)
      }
    }
    if (id !== undefined && (entry.serverId || entry.place) === id) cancel(entry)
  }
  // Files that have been taken, and files that were cancelled.
  drop((entry) => entry.container === container && entry.phase === 'over' && !entry.error)
  showPreviews()
  // In a later task: the answer to the component's events is about to come, and then the component is "live" again.
  setTimeout(tick)
}

function sendNow(entry: Entry): void {
  entry.stop = () => undefined
  void send(entry, () => changed(entry.container, entry.upload)).then(() => {
    entry.stop = undefined
    if (entry.phase === 'over') clear(entry)
    changed(entry.container, entry.upload)
    tick()
  })
}

function fail(entry: Entry, error: string): void {
  entry.error = error
  entry.phase = 'over'
  remember(entry)
  clear(entry)
  changed(entry.container, entry.upload)
}

function cancel(entry: Entry): void {
  if (entry.phase === 'handed' || entry.phase === 'over') {
    entry.phase = 'over'
    entry.error = ''
  } else {
    entry.phase = 'over'
    entry.stop?.()
    forget(entry)
  }
  clear(entry)
  changed(entry.container, entry.upload)
}

/** Empties the input once none of its files is under way, so that the same file can be chosen again. */
function clear({ input }: Entry): void {
  if (input && !entries.some((other) => other.input === input && other.phase !== 'over')) input.value = ''
}
