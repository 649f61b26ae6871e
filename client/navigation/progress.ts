/** A bar at the upper edge, while a page that is slow is on its way. */

import { own, root } from '../input/core'

/** If the page comes sooner, no bar is shown. */
const WAIT_MS = 300

// `:where` gives the rules no weight, so that any rule of the page counts more. A constructed sheet needs no permission
// of a Content-Security-Policy. While one page fades into the next, clicks are for the next.
const RULES = `::view-transition{pointer-events:none}
:where(.loom-progress){position:fixed;z-index:2147483647;inset:0 0 auto;height:3px;background:Highlight;
transform-origin:0 0;animation:loom-progress 10s cubic-bezier(.1,.7,.2,1) forwards}
@keyframes loom-progress{from{transform:scaleX(0)}to{transform:scaleX(.95)}}
@media(prefers-reduced-motion:reduce){:where(.loom-progress){animation:none}}`

let bar: HTMLElement | undefined
let timer: ReturnType<typeof setTimeout> | undefined

export function begin(): void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(RULES)
  Reflect.set(Document.prototype, 'adoptedStyleSheets', [...own.adoptedStyleSheets(document), sheet], document)
}

export function showProgress(): void {
  timer ??= setTimeout(() => {
    if (!bar) {
      bar = own.createElement(document, 'div')
      bar.className = 'loom-progress'
      // Screen readers are told of the page itself.
      bar.setAttribute('aria-hidden', 'true')
    }
    root.append(bar)
  }, WAIT_MS)
}

export function hideProgress(): void {
  clearTimeout(timer)
  timer = undefined
  bar?.remove()
}
