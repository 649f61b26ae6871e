/**
 * The file that the client loads for pages with flashes: messages of `ctx.flash`, which are shown once, in this page or
 * in the one that comes next; and texts of `ctx.announce`, which screen readers say.
 */

import { announcer, textsOf, write } from '../dom/speech'
import { own, root, take, type Core } from '../input/core'

/**
 * The same as FLASH in lib/call/reserved.ts; also the key in the tab's storage of the flashes for the next page, as in
 * client/live/page.ts.
 */
const FLASH = 'loom.flash'
/** The most flashes that are shown at a time, and the most that are kept: the oldest one goes. */
const MOST = 5
/** If the next page has not come by then, it was given up. */
const FRESH_MS = 60_000
/** Nobody has read a flash that was shown for less time: the next page shows it, too. */
const UNREAD_MS = 1_000
/** Screen readers say a text that comes into an element later, and not the one that the element comes with. */
const FILL_MS = 50

// `:where` gives these rules no weight, so that any rule of the page counts more; system colours follow the user's
// scheme. A constructed sheet needs no permission of a Content-Security-Policy.
const RULES = `:where(.loom-flashes){position:fixed;z-index:2147483646;inset:1rem 1rem auto;display:grid;gap:.5rem;
justify-items:center;pointer-events:none}
:where(.loom-flash){display:flex;align-items:start;gap:1em;width:fit-content;max-width:100%;box-sizing:border-box;padding:.6em 1em;
border:1px solid;border-inline-start-width:.4em;border-radius:.5em;font:1rem/1.4 system-ui,sans-serif;color-scheme:light dark;color:CanvasText;
background:Canvas;overflow-wrap:anywhere;pointer-events:auto}
:where(.loom-flash button){flex:none;font:inherit}
:where(.loom-flash[data-l-kind=success]){border-color:#080}
:where(.loom-flash[data-l-kind=warning]){border-color:#b60}
:where(.loom-flash[data-l-kind=error]){border-color:#c00}
@media print{:where(.loom-flashes){display:none}}`

type Flash = [kind: string, text: string]

interface Shown {
  element: HTMLElement
  flash: Flash
  since: number
}

interface Pushed {
  'name': string
  /** A string is a text for screen readers. */
  'data': [kind: string, text: string, isForNext?: 1] | string
}

const KINDS = ['info', 'success', 'warning', 'error']
/** Not inside a component, whose content is the server's, unless the component ignores the element. */
const PLACE = '[data-l-flash]:not([data-l-live] *,[data-l-ignore] *),[data-l-flash][data-l-ignore]'

let say: ReturnType<typeof announcer>
/** The client's own place, in a page that has none. */
let ownPlace: HTMLElement | undefined
let shown: Shown[] = []

export function start(core: Core): void {
  take(core)
  say = announcer(own, root)
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(RULES)
  Reflect.set(Document.prototype, 'adoptedStyleSheets', [...own.adoptedStyleSheets(document), sheet], document)
  own.addEventListener(document, 'loom:push', (event) => pushed((event as CustomEvent<Pushed>).detail))
  own.addEventListener(document, 'loom:navigated', arrived)
  own.addEventListener(document, 'click', ({ target }) => {
    const button = target instanceof Element && own.closest(target, '[data-l-dismiss]')
    const flash = button && own.closest(button, '[data-l-kind]')
    if (flash) dismiss(flash)
  })
  // A redirect to a place of the same page loads no page.
  addEventListener('hashchange', showKept)
  addEventListener('pagehide', () => {
    keep(unread())
    // The page may come back as it was left, and a flash is shown once.
    for (const element of root.querySelectorAll(`[data-l-flash] [data-l-kind]`)) element.remove()
    shown = []
  })
  addButtons()
  showKept()
}

function pushed({ name, data }: Pushed): void {
  if (name !== FLASH) return
  if (typeof data === 'string') return say(data)
  const [kind, text, isForNext] = data
  // If the tab's storage is closed, this page shows the flash.
  if (!isForNext || !keep([[kind, text]])) show([kind, text])
}

/** The flashes that nobody has had the time to read. */
function unread(): Flash[] {
  return shown.filter(({ since }) => performance.now() - since < UNREAD_MS).map(({ flash }) => flash)
}

/** Another page is shown in this document. */
function arrived(): void {
  const again = unread()
  // A flash in a part of the page that has stayed also stays.
  const isGone = ({ element }: Shown): boolean => !element.isConnected || own.parentNode(element) === ownPlace
  const gone = shown.filter(isGone)
  shown = shown.filter((one) => !isGone(one))
  for (const { element } of gone) element.remove()
  addButtons()
  for (const { flash } of gone) if (again.includes(flash)) show(flash)
}

/** Keeps the flashes for the next page of this tab. False if the tab cannot keep them. */
function keep(flashes: Flash[]): boolean {
  if (!flashes.length) return true
  try {
    const all = [...kept(), ...flashes].slice(-MOST)
    sessionStorage.setItem(FLASH, JSON.stringify([Date.now(), all]))
    return true
  } catch {
    return false
  }
}

/** The flashes that the tab has kept. Other scripts can write to the storage, too, so its content is checked. */
function kept(): Flash[] {
  try {
    const [time, list] = JSON.parse(sessionStorage.getItem(FLASH) ?? '[]') as [unknown, unknown]
    if (!(Math.abs(Date.now() - Number(time)) < FRESH_MS) || !Array.isArray(list)) return []
    return (list as unknown[]).filter(
      (one): one is Flash => Array.isArray(one) && KINDS.includes(one[0] as string) && typeof one[1] === 'string',
    )
  } catch {
    return []
  }
}

function showKept(): void {
  const flashes = kept().slice(-MOST)
  try {
    sessionStorage.removeItem(FLASH)
  } catch {
    // A storage that is closed to the page has no flashes.
  }
  flashes.forEach(show)
}

function placeOf(): Element {
  const given = root.querySelector(PLACE)
  if (given) return given
  if (!ownPlace) {
    ownPlace = own.createElement(document, 'div')
    ownPlace.className = 'loom-flashes'
    ownPlace.setAttribute('data-l-flash', '')
  }
  // Not in the body: the body is the page's.
  if (!ownPlace.isConnected) root.append(ownPlace)
  return ownPlace
}

function show(flash: Flash): void {
  const [kind, text] = flash
  const place = placeOf()
  const look =
    place.querySelector(`template[data-l-look="${kind}"]`) ?? place.querySelector('template:not([data-l-look])')
  const element = own.createElement(document, 'div')
  element.role = /^[we]/.test(kind) ? 'alert' : 'status'
  element.setAttribute('data-l-kind', kind)
  const content = look instanceof HTMLTemplateElement && document.importNode(look.content, true)
  for (const place of content ? content.querySelectorAll('[data-l-fill=text]') : []) place.textContent = text
  if (!content) element.className = 'loom-flash'
  place.append(element)
  shown.push({ element, flash, since: performance.now() })
  setTimeout(() => {
    if (content) element.append(content)
    else {
      const span = own.createElement(document, 'span')
      span.textContent = text
      element.append(span)
      addButton(element)
    }
  }, FILL_MS)
  shown = shown.filter(({ element }) => element.isConnected)
  for (const { element } of shown.splice(0, shown.length - MOST)) element.remove()
}

/** Adds buttons to the flashes that the server has put into the page: without a script, a button would do nothing. */
function addButtons(): void {
  for (const element of root.querySelectorAll('.loom-flash')) addButton(element)
}

function addButton(element: Element): void {
  if (element.querySelector('[data-l-dismiss]')) return
  const button = own.createElement(document, 'button') as HTMLButtonElement
  button.type = 'button'
  button.setAttribute('data-l-dismiss', '')
  const { dismiss, lang } = textsOf(root) as Partial<ReturnType<typeof textsOf>>
  write(button, dismiss ?? '×', { lang: lang ?? '' })
  element.append(button)
}

function dismiss(element: Element): void {
  const place = own.parentElement(element)
  const hadFocus = element.contains(own.activeElement(document))
  element.remove()
  shown = shown.filter((one) => one.element !== element)
  if (!hadFocus || !place) return
  // A user of the keyboard is not thrown back to the beginning of the page.
  const next = place.querySelector<HTMLElement>('[data-l-dismiss]')
  if (next) next.focus()
  else {
    place.setAttribute('tabindex', '-1')
    place.focus({ preventScroll: true })
    place.addEventListener('blur', () => place.removeAttribute('tabindex'), { once: true })
  }
}
