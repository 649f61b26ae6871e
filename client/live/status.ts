/**
 * The default look of a page that is offline, has failed or is out of date: a line at its lower edge, which screen
 * readers hear. A file of its own, since a page can have a look of its own instead: `loom.script({ status: false })`.
 * It sees of the client only what every page sees: `data-l-state` and `loom:error`.
 */

import { own, root } from '../dom/elements'

type Status = 'offline' | 'error' | 'expired'

type Texts = Record<Status | 'reload', string>

/** A connection that is back at once is not worth a word. */
const OFFLINE_MS = 1_000

const TEXTS: Texts = {
  'offline': 'Connection lost. Trying again…',
  'error': 'A part of this page has stopped working.',
  'expired': 'This page is out of date.',
  'reload': 'Reload',
}

// Without weight, so that any rule of the page's counts more; system colours follow the user's scheme. A sheet of
// this kind needs no permission of a Content-Security-Policy.
const RULES = `:where(.loom-status:not(:empty)){position:fixed;z-index:2147483647;inset:auto 1rem 1rem;width:fit-content;
margin:auto;padding:.6em 1em;border:1px solid;border-radius:.5em;font:1rem/1.4 system-ui,sans-serif;color-scheme:light dark;
color:CanvasText;background:Canvas;box-shadow:0 .2em 1em #0004}
:where(.loom-status button){margin-inline-start:1em;font:inherit}
:where([data-l-live][data-l-state=error]){outline:2px dashed #c00;outline-offset:2px}
@media print{:where(.loom-status){display:none}}`

const given = root.querySelector<HTMLElement>('script[data-l-status]')?.dataset.lStatus
const texts = { ...TEXTS, ...(JSON.parse(given || '{}') as Partial<Texts>) }
const region = own.createElement(document, 'div')
const button = own.createElement(document, 'button') as HTMLButtonElement
/** The containers that are not well. */
const troubled = new Set<Element>()
/** What their errors ask for. */
const actions = new WeakMap<EventTarget, string>()
let shown: Status | undefined
/** Whether elements that go away are watched; undefined before anything is. */
let watched: boolean | undefined
let timer: ReturnType<typeof setTimeout> | undefined

region.className = 'loom-status'
region.role = 'status'
if (!given) region.lang = 'en'
button.type = 'button'
button.textContent = texts.reload
button.onclick = () => location.reload()
const sheet = new CSSStyleSheet()
sheet.replaceSync(RULES)
Reflect.set(Document.prototype, 'adoptedStyleSheets', [...own.adoptedStyleSheets(document), sheet], document)
// Not in the body, which may be a component's.
root.append(region)

const observer = new MutationObserver((records) => {
  for (const { type, target } of records) if (type === 'attributes') note(target as Element)
  update()
})

addEventListener('loom:error', ({ target, detail }: Event & { detail?: { action?: string } }) => {
  if (target && detail?.action) actions.set(target, detail.action)
})
root.querySelectorAll('[data-l-state]').forEach(note)
update()

/** That a container goes away is of interest only while one is not well. */
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
  // Who is sent elsewhere has no use for a word about it.
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
  if (!region.isConnected) root.append(region)
  region.dataset.lStatus = shown ?? ''
  region.replaceChildren(...(shown ? [texts[shown]] : []), ...(shown && shown !== 'offline' ? [button] : []))
}
