/**
 * The default look of a page that is offline, has failed or is out of date: a bar at its lower edge. A file of its own,
 * since a page can have a look of its own instead: `loom.script({ status: false })`. The file uses of the client only
 * what every page can see: `data-l-state`, `loom:error` and `loom:retry`. Its texts are the server's.
 */

import { own, root } from '../dom/elements'
import { announcer, textsOf, write } from '../dom/speech'

type Status = 'offline' | 'error' | 'expired'

/** A connection that is back at once is not worth a word. */
const OFFLINE_MS = 1_000
const SECOND_MS = 1_000

// `:where` gives these rules no weight, so that any rule of the page counts more; system colours follow the user's
// scheme. A constructed sheet needs no permission of a Content-Security-Policy.
const RULES = `:where(.loom-status:not(:empty)){position:fixed;z-index:2147483647;inset:auto 1rem 1rem;width:fit-content;
margin:auto;padding:.6em 1em;border:1px solid;border-radius:.5em;font:1rem/1.4 system-ui,sans-serif;color-scheme:light dark;
color:CanvasText;background:Canvas;box-shadow:0 .2em 1em #0004}
:where(.loom-status-wait){margin-inline-start:.5em;font-variant-numeric:tabular-nums}
:where(.loom-status button){margin-inline-start:1em;font:inherit}
:where([data-l-live][data-l-state=error]){outline:2px dashed #c00;outline-offset:2px}
@media print{:where(.loom-status){display:none}}`

const say = announcer(own, root)
const bar = own.createElement(document, 'div')
const text = own.createElement(document, 'span')
const wait = own.createElement(document, 'span')
const button = own.createElement(document, 'button') as HTMLButtonElement
/** The containers that are offline or have failed. */
const troubled = new Set<Element>()
/** The action that a container's last error asks for, as "reload". */
const actions = new WeakMap<EventTarget, string>()
let shown: Status | undefined
/** The status that the user has been told. */
let told: Status | undefined
/** Whether elements that go away are watched; undefined before anything is watched. */
let watched: boolean | undefined
let timer: ReturnType<typeof setTimeout> | undefined
/** The element that had the focus before the button. */
let before: EventTarget | null
/** When the next try for a connection is, in the page's time. */
let retryAt = 0
let ticking: ReturnType<typeof setTimeout> | undefined

bar.className = 'loom-status'
wait.className = 'loom-status-wait'
button.type = 'button'
button.onclick = () => {
  if (shown !== 'offline') location.reload()
  else {
    retryAt = 0
    own.dispatchEvent(root, new Event('loom:connect', { bubbles: true }))
    tick()
  }
}
button.onfocus = ({ relatedTarget }) => (before = relatedTarget ?? before)
const sheet = new CSSStyleSheet()
sheet.replaceSync(RULES)
Reflect.set(Document.prototype, 'adoptedStyleSheets', [...own.adoptedStyleSheets(document), sheet], document)
// Not in the body: the body may belong to a component.
root.append(bar)

const observer = new MutationObserver((records) => {
  for (const { type, target } of records) if (type === 'attributes') note(target as Element)
  update()
})

addEventListener('loom:error', ({ target, detail }: Event & { detail?: { action?: string } }) => {
  if (target && detail?.action) actions.set(target, detail.action)
})
addEventListener('loom:retry', ({ detail }: Event & { detail?: { 'wait': number } }) => {
  retryAt = performance.now() + (detail?.['wait'] ?? 0)
  if (told === 'offline') tick()
})
root.querySelectorAll('[data-l-state]').forEach(note)
update()

/** Removed containers matter only while a container is in trouble. */
function watch(childList: boolean): void {
  if (childList === watched) return
  watched = childList
  observer.observe(document, { subtree: true, attributeFilter: ['data-l-state'], childList })
}

function stateOf(container: Element): string {
  return own.getAttribute(container, 'data-l-state') ?? ''
}

function note(container: Element): void {
  if (/^(offline|error)$/.test(stateOf(container))) troubled.add(container)
  else troubled.delete(container)
}

function statusOf(container: Element): Status | undefined {
  if (stateOf(container) === 'offline') return 'offline'
  const action = actions.get(container)
  // A page that is being sent elsewhere shows nothing.
  return action === 'redirect' ? undefined : action === 'reload' ? 'expired' : 'error'
}

function update(): void {
  for (const container of troubled) if (!root.contains(container)) troubled.delete(container)
  watch(troubled.size > 0)
  const all = [...troubled].map(statusOf)
  const status = (['expired', 'error', 'offline'] as const).find((one) => all.includes(one))
  if (status === shown) return
  shown = status
  clearTimeout(timer)
  timer = setTimeout(show, status === 'offline' ? OFFLINE_MS : 0)
}

function show(): void {
  const texts = textsOf(root)
  if (!bar.isConnected) root.append(bar)
  bar.dataset.lStatus = shown ?? ''
  const isOffline = shown === 'offline'
  const hadFocus = own.activeElement(document) === button
  if (shown) {
    write(text, texts[shown], texts)
    write(button, texts[isOffline ? 'retry' : 'reload'], texts)
    bar.replaceChildren(text, ...(isOffline ? [wait] : []), button)
    say(texts[shown], texts['lang'])
  } else {
    bar.replaceChildren()
    if (told === 'offline') say(texts['online'], texts['lang'])
  }
  told = shown
  // A user of the keyboard is not thrown back to the beginning of the page.
  if (hadFocus) ((shown ? button : before) as HTMLElement | null)?.focus()
  tick()
}

/** Counts down to the next try. The bar is no live region, so a screen reader does not read each second aloud. */
function tick(): void {
  clearTimeout(ticking)
  if (told !== 'offline') return
  const texts = textsOf(root)
  const left = retryAt - performance.now()
  const seconds = Math.ceil(left / SECOND_MS)
  const says = seconds > 0 ? texts['retryIn'].replace('{seconds}', String(seconds)) : texts['connecting']
  write(wait, says, texts)
  if (seconds > 0) ticking = setTimeout(tick, left - (seconds - 1) * SECOND_MS)
}
