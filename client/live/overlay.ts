/** Shows failures in the page itself, in development: see lib/call/failures.ts. */

/** A line of a file, with those around it. */
export interface Excerpt {
  file: string
  line: number
  first: number
  lines: string[]
}

export interface Failure {
  kind: 'event' | 'join' | 'message' | 'load' | 'mount'
  module: string
  /** Of a page that was being rendered: its address. */
  page?: string
  what: string
  text: string
  places: Excerpt[]
}

export interface Overlay {
  /** Opens with this failure. */
  fail(failure: Failure): void
  /** Adds a warning, which waits at the edge of the page until somebody looks. */
  warn(text: string): void
  /** The cause may be gone. */
  clear(): void
}

const MOST = 20

const STYLE = `
:host { all: initial; }
section, button { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: #f4f4f5; }
section { position: fixed; inset: auto 0 0 0; max-height: 50vh; overflow: auto; z-index: 2147483647; box-sizing: border-box;
  padding: 12px 16px; background: #18181b; border-top: 3px solid #f87171; }
section.warning { border-color: #fbbf24; }
header { display: flex; gap: 8px; align-items: start; justify-content: space-between; }
h2 { font: inherit; font-weight: bold; margin: 0; color: #fca5a5; }
.warning h2 { color: #fcd34d; }
p { margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 10px 0 0; }
figcaption { color: #d4d4d8; }
pre { font: inherit; margin: 4px 0 0; overflow-x: auto; color: #a1a1aa; }
pre b { color: #fff; background: #7f1d1d; font-weight: normal; }
button { background: #3f3f46; border: 0; border-radius: 4px; padding: 2px 10px; cursor: pointer; }
button:focus-visible { outline: 2px solid #fff; }
button.hint { position: fixed; right: 8px; bottom: 8px; z-index: 2147483647; background: #18181b; border: 1px solid #fbbf24; }
nav { display: flex; gap: 6px; flex: none; }
[hidden] { display: none !important; }`

/** Made with the document's own methods. The names of the page's fields do not matter here. */
function element<Name extends keyof HTMLElementTagNameMap>(name: Name, text = ''): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

interface Entry {
  isWarning: boolean
  title: string
  text: string
  places: Excerpt[]
}

export function createOverlay(): Overlay {
  const entries: Entry[] = []
  /** Index of the entry that is shown while the overlay is open. */
  let at = 0
  let isOpen = false
  let host: HTMLElement | undefined
  const panel = element('section')
  const hint = element('button')
  hint.className = 'hint'
  hint.onclick = () => open(entries.length - 1)

  function attach(): void {
    if (!host) {
      host = element('loom-overlay' as 'div')
      const shadow = host.attachShadow({ mode: 'open' })
      try {
        // A policy may forbid a style element.
        const sheet = new CSSStyleSheet()
        sheet.replaceSync(STYLE)
        shadow.adoptedStyleSheets = [sheet]
      } catch {
        shadow.append(element('style', STYLE))
      }
      shadow.append(panel, hint)
      addEventListener('keydown', ({ key }) => key === 'Escape' && isOpen && close())
    }
    // Beside the body, which links that are followed exchange.
    if (!host.isConnected) document.documentElement.append(host)
  }

  /** False if the entry is a warning that is in the list already. */
  function add(entry: Entry): boolean {
    const known = entries.findIndex(({ title, text }) => title === entry.title && text === entry.text)
    if (known >= 0 && entry.isWarning) return false
    // A failure that comes again is the newest, with its lines as they are now.
    if (known >= 0) entries.splice(known, 1)
    entries.push(entry)
    if (entries.length > MOST) {
      entries.shift()
      at = Math.max(0, at - 1)
    }
    return true
  }

  function open(index: number): void {
    at = Math.max(0, Math.min(index, entries.length - 1))
    isOpen = true
    draw()
  }

  function close(): void {
    isOpen = false
    // The user has seen the failures; the warnings are still true.
    const warnings = entries.filter(({ isWarning }) => isWarning)
    entries.splice(0, entries.length, ...warnings)
    draw()
  }

  function button(text: string, act: () => void, isDisabled = false): HTMLButtonElement {
    const made = element('button', text)
    made.onclick = act
    made.disabled = isDisabled
    return made
  }

  function draw(): void {
    attach()
    const entry = entries[at]
    panel.hidden = !isOpen || !entry
    hint.hidden = isOpen || !entries.length
    hint.textContent = `loom-live: ${entries.length} ${entries.length === 1 ? 'warning' : 'warnings'}`
    if (!entry || panel.hidden) return
    const focused = host?.shadowRoot?.activeElement?.textContent
    panel.className = entry.isWarning ? 'warning' : ''
    panel.setAttribute('role', entry.isWarning ? 'region' : 'alert')
    panel.setAttribute('aria-label', 'loom-live, development')
    const header = element('header')
    const nav = element('nav')
    if (entries.length > 1) {
      nav.append(
        button('‹', () => open(at - 1), at === 0),
        element('span', `${at + 1}/${entries.length}`),
        button('›', () => open(at + 1), at === entries.length - 1),
      )
    }
    nav.append(button('Close', close))
    header.append(element('h2', entry.title), nav)
    panel.replaceChildren(header, element('p', entry.text), ...entry.places.map(figureOf))
    // A user who goes through the entries by keyboard keeps the focus on the same button; at the end of the list, on
    // the next button that does something.
    const buttons = [...nav.querySelectorAll('button')].filter((one) => !one.disabled)
    if (focused) (buttons.find((one) => one.textContent === focused) ?? buttons[0])?.focus({ preventScroll: true })
  }

  function figureOf({ file, line, first, lines }: Excerpt): HTMLElement {
    const figure = element('figure')
    const code = element('pre')
    lines.forEach((text, index) => {
      const row = element(first + index === line ? 'b' : 'span', `${String(first + index).padStart(5)}  ${text}\n`)
      code.append(row)
    })
    figure.append(element('figcaption', `${file}:${line}`), code)
    return figure
  }

  return {
    fail({ what, text, places }) {
      add({ isWarning: false, title: what, text, places })
      open(entries.length - 1)
    },
    warn(text) {
      if (add({ isWarning: true, title: 'A mistake, most likely', text, places: [] })) draw()
    },
    clear() {
      isOpen = false
      entries.length = 0
      if (host) draw()
    },
  }
}
